import pytest

from robot_meta import checkpoint, following_experiment, learners, report
from robot_meta import evaluate_online as online
from robot_meta.config import as_dict
from robot_meta.course import straight
from robot_meta.errors import DataError
from robot_meta.following_experiment import NAME, WORLD, run
from robot_meta.locomotion import body_of
from robot_meta.planning import PlanConfig
from robot_meta.results import read_result


def test_every_method_follows_and_the_tracks_are_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr(online, "FOLDER", tmp_path)
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    monkeypatch.setattr(following_experiment, "COURSES", {"straight": straight(1.0)})
    tiny = PlanConfig(horizon=2, candidates=4, rounds=1, elites=2)
    load = online.load_method
    monkeypatch.setattr(online, "load_method", lambda *a, **k: load(*a, planner=tiny))
    with pytest.raises(DataError, match="grbal-ant"):
        run(quick=True)
    body = as_dict(body_of(WORLD.make()))
    for whose, name in (("grbal", "grbal"), ("mb", "mb")):
        learner = learners.make_motion(name, {"body": body, "net": {"hidden": [8]}})
        path = online.path_of(whose, WORLD, 0)
        checkpoint.save(path, learner.init(0), learner.config, name)
    found = run(quick=True, out=tmp_path / "f.json")
    assert {"straight_off_adapted", "straight_done_mb_de", "straight_off_mb_minus_adapted"} <= set(
        found
    )
    assert read_result(tmp_path / "f.json")["name"] == NAME
    assert (tmp_path / "f.png").stat().st_size > 5_000
