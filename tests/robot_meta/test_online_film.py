import av
import pytest

from robot_meta import checkpoint, learners, online_film, report
from robot_meta import evaluate_online as online
from robot_meta.config import as_dict
from robot_meta.errors import DataError
from robot_meta.locomotion import body_of
from robot_meta.online_film import SIZE, WORLD, run
from robot_meta.planning import PlanConfig


def test_both_are_filmed_with_the_fault_in_the_middle(tmp_path, monkeypatch):
    monkeypatch.setattr(online, "FOLDER", tmp_path)
    monkeypatch.setattr(online, "ONSETS", (3, 4))
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    monkeypatch.setattr(online_film, "QUICK_STEPS", 8)
    tiny = PlanConfig(horizon=2, candidates=4, rounds=1, elites=2)
    load = online.load_method
    monkeypatch.setattr(online, "load_method", lambda *a, **k: load(*a, planner=tiny))
    with pytest.raises(DataError, match="grbal-half_cheetah"):
        run(quick=True)
    for name in ("grbal", "mb"):
        config = {"body": as_dict(body_of(WORLD.make())), "net": {"hidden": [8]}}
        one = learners.make_motion(name, config)
        checkpoint.save(online.path_of(name, WORLD, 0), one.init(0), one.config, name)
    found = run(quick=True, out=tmp_path / "film.json")
    assert set(found) == {"after_fault_no_adaptation", "after_fault_adapted"}
    with av.open(str(tmp_path / "film.mp4")) as file:
        pictures = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
    assert len(pictures) == 8
    assert pictures[0].shape == (2 * SIZE[0], SIZE[1], 3)
    # The words at the bottom left appear when something breaks, and not before.
    red = [int((each[SIZE[0] - 25 : SIZE[0], :140, 0] > 200).sum()) for each in pictures]
    assert red[-1] > red[0] + 50
    assert (tmp_path / "film.png").exists()
