import numpy as np
import pytest

from robot_meta import checkpoint, learners, online_sweep_experiment, report
from robot_meta import evaluate_online as online
from robot_meta.config import as_dict
from robot_meta.data.motion_set import MotionSet
from robot_meta.errors import DataError
from robot_meta.locomotion import body_of, episodes, gaits
from robot_meta.online_sweep_experiment import WORLD, Point, figures, run
from robot_meta.planning import PlanConfig


def test_every_point_is_trained_judged_and_drawn(tmp_path, monkeypatch):
    tiny, small = PlanConfig(horizon=2, candidates=4, rounds=1, elites=2), {"net": {"hidden": [8]}}
    monkeypatch.setattr(online, "FOLDER", tmp_path)
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    monkeypatch.setattr("robot_meta.motion_commands.DATA", tmp_path)
    monkeypatch.setattr("robot_meta.locomotion.TRUE_PLANNER", tiny)
    for name, value in {
        "PLANNER": tiny,
        "HIDDEN": small,
        "PASTS": (2, 10),
        "FUTURES": (10,),
        "SHARES": (0.5,),
    }.items():
        monkeypatch.setattr(online_sweep_experiment, name, value)
    with pytest.raises(DataError, match="not a set of motion"):
        run(quick=True)
    motion = episodes(WORLD, "train", gaits, 20, 0, steps=40).motion()
    motion.save(tmp_path / f"{WORLD}.npz")
    mb = learners.make_motion("mb", {"body": as_dict(body_of(WORLD.make())), **small})
    checkpoint.save(online.path_of("mb", WORLD, 0), mb.init(0), mb.config, "mb")
    found = run(quick=True, out=tmp_path / "s.json")
    assert {"error_past_2", "error_before_future_10", "return_transitions_400"} <= set(found)
    assert (tmp_path / "s.png").stat().st_size > 5_000


def test_all_are_judged_by_the_same_future(monkeypatch):
    """Without any step, what was adapted on makes no difference."""
    rng = np.random.default_rng(0)
    log = MotionSet(
        rng.standard_normal((3, 61, 18)).astype("f4"), rng.uniform(-1, 1, (3, 60, 6)).astype("f4")
    )
    body = as_dict(body_of(WORLD.make()))
    errors = []
    for past in (2, 40):
        config = {"body": body, "net": {"hidden": [8]}, "past": past, "steps": 1}
        one = learners.make_motion("grbal", config)
        errors.append(online_sweep_experiment._errors(one, one.init(0), log))
    assert np.allclose(errors[0][1], errors[1][1])
    assert not np.allclose(errors[0][0], errors[1][0])


def test_a_ratio_is_of_the_means():
    found = figures([Point("past_2", np.array([1.0, 3.0]), np.array([4.0, 4.0]))])
    assert found["error_ratio_past_2"].value == 0.5
    assert "return_past_2" not in found
