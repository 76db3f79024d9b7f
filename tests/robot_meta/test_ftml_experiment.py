from dataclasses import replace

import numpy as np
import pytest

from robot_meta import ftml_experiment, ftml_fashion_experiment, report
from robot_meta.data.classes import ClassSet
from robot_meta.online_learning import comparison
from robot_meta.online_learning.joint import JointConfig
from robot_meta.online_learning.learner import RoundConfig
from robot_meta.online_learning.protocol import ProtocolConfig
from robot_meta.results import read_result


@pytest.fixture
def digits(monkeypatch, tmp_path):
    """Squares of ten sizes in place of digits."""
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    images = np.zeros((56 * 6, 28, 28), np.uint8)
    for i in range(len(images)):
        size = 3 + 2 * (i % 10)
        images[i, 2 : 2 + size, 2 : 2 + size] = 255
    data = ClassSet(images, np.arange(len(images)) % 10, tuple("0123456789"))
    monkeypatch.setattr(ftml_experiment.idx, "load", lambda name: data)


def test_the_experiment_leaves_a_result_and_a_picture(digits, tmp_path, monkeypatch):
    tiny = replace(
        ftml_experiment.QUICK,
        protocol=ProtocolConfig(batch=2, batches=2),
        kinds=3,
        preloaded=1,
        preloading=1,
        last=2,
        widths=(2, 2),
        scratch=JointConfig(round=RoundConfig(steps=1), batch=2),
        all_data=1,
        theorem_tasks=3,
    )
    monkeypatch.setattr(ftml_experiment, "QUICK", tiny)
    path = tmp_path / "ftml.json"
    ftml_experiment.run(quick=True, out=path)
    metrics = read_result(path)["metrics"]
    for row in ("ftml", "ftl", "toe", "scratch", "bounded"):
        for what in ("examples_to_threshold", "final_accuracy", "reached_fraction", "slope"):
            assert f"{what}_{row}" in metrics
            assert (f"{what}_{row}_empty" in metrics) == (row != "bounded")
    assert metrics["regret_over_bound_max"]["value"] < 1
    assert path.with_suffix(".png").stat().st_size > 1000
    assert (tmp_path / "test-log.jsonl").exists()


def test_clothes_take_the_place_of_digits(digits, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(ftml_fashion_experiment, "QUICK", "the settings")
    monkeypatch.setattr(ftml_experiment, "carry_out", lambda *a, **k: asked.append(a))
    ftml_fashion_experiment.run(quick=True, out=tmp_path / "a.json")
    assert asked == [("ftml-fashion", "fashion-mnist", "the settings")]
    assert ftml_fashion_experiment.FULL.protocol.streamed < 900


def test_an_order_meets_every_kind_once_and_differs_from_the_next():
    one, other = (comparison.arranged(k, ftml_experiment.FULL) for k in (0, 1))
    assert sorted(one) == list(range(56))
    assert one != other


def test_a_threshold_out_of_reach_gives_way_to_a_share_of_what_all_data_reach():
    asked = ProtocolConfig(threshold=0.9)
    assert comparison.aimed_at(asked, 0.9) == asked
    assert comparison.aimed_at(asked, 0.8).threshold == pytest.approx(0.76)
    assert "95% of what one network" in ftml_experiment.protocol(
        "digits", ftml_experiment.FULL, comparison.aimed_at(asked, 0.8)
    )


@pytest.mark.slow
def test_ftml_learns_new_tasks_faster_than_from_scratch(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    settings = replace(ftml_experiment.QUICK, kinds=28, preloaded=20, preloading=400)
    monkeypatch.setattr(ftml_experiment, "QUICK", settings)
    found = ftml_experiment.run(quick=True, out=tmp_path / "ftml.json")
    assert found["first_accuracy_ftml"].value > 1.3 * found["first_accuracy_scratch"].value
    assert found["final_accuracy_ftml"].value > found["final_accuracy_toe"].value
