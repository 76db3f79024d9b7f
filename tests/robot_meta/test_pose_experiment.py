import numpy as np
import pytest

from robot_meta import pose_experiment as experiment
from robot_meta import report
from robot_meta.data.pose import PoseSet
from robot_meta.results import read_result


def dials(tasks, seed, side=12, each=30):
    """A bright half-plane turned by the azimuth: each task has a zero of its own."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(-np.pi, np.pi, (tasks, each, 1, 1))
    zero = rng.uniform(-np.pi, np.pi, (tasks, 1, 1, 1))
    v, u = np.mgrid[0:side, 0:side] - (side - 1) / 2
    lit = np.cos(angle - zero) * u + np.sin(angle - zero) * v > 0
    labels = np.concatenate([np.sin(angle), np.cos(angle)], 2)[..., 0].astype(np.float32)
    return PoseSet((255 * lit).astype(np.uint8), labels, tuple(str(i) for i in range(tasks)))


@pytest.fixture
def small(monkeypatch, tmp_path):
    sets = {"train": dials(12, 1), "val": dials(4, 2), "test": dials(6, 3)}
    monkeypatch.setattr(experiment.pose, "load", lambda split: sets[split])
    net = {"kind": "plain", "inputs": [1, 12, 12], "widths": [6, 8]}
    monkeypatch.setattr(experiment, "NET", net)
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    monkeypatch.setattr(experiment, "BATCH", 4)
    return tmp_path


def test_the_experiment_leaves_a_result_a_picture_and_lines_in_the_log(small, monkeypatch):
    monkeypatch.setattr(experiment, "HURRY", 1500)
    path = small / "pose.json"
    experiment.run(quick=True, out=path)
    content = read_result(path)
    wanted = {f"mse_{name}{end}" for name in experiment.METHODS for end in ("", "_train")}
    assert wanted <= set(content["metrics"])
    assert set(content["published"]) <= set(content["metrics"])
    assert path.with_suffix(".png").stat().st_size > 1000
    log = (small / "test-log.jsonl").read_text().splitlines()
    assert len(log) == len(experiment.METHODS)


def test_figures_are_after_the_steps_that_are_best_on_validation():
    val = np.array([[[3.0, 1.0, 2.0]] * 2])
    test = np.array([[[9.0, 5.0, 1.0], [9.0, 7.0, 1.0]]])
    found = experiment.figures({"anil": {"train": test, "val": val, "test": test}}, (0,))
    assert found["mse_anil"].value == 6.0
    assert found["mse_anil_2_steps"].value == 1.0


@pytest.mark.slow
def test_a_zero_that_nobody_tells_is_found_from_examples(small, monkeypatch):
    found = experiment.run(quick=True, out=small / "pose.json")
    assert found["mse_anil"].value < 0.6 * found["mse_anil_0_steps"].value
