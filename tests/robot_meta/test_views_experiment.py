import numpy as np
import pytest
import torch

from robot_meta import report
from robot_meta import views_experiment as experiment
from robot_meta.data import views
from robot_meta.data.views import ViewSet
from robot_meta.results import read_result


def waves(count, seed, side=32):
    """Shapes that are stripes: their number of lines is the shape, the azimuth moves them."""
    rng = np.random.default_rng(seed)
    lines = rng.uniform(0.5, 3, (count, 1, 1, 1))
    turn = 2 * np.pi * np.arange(36)[:, None, None] / 36
    along = np.broadcast_to(np.arange(side) / side, (side, side))
    images = 127 + 120 * np.sin(2 * np.pi * lines * along + turn)
    return ViewSet(images.astype(np.uint8), tuple(f"{seed}-{i}" for i in range(count)))


def test_baselines_see_what_they_are_to_see():
    data = waves(6, 0)
    tasks = experiment.judging(data, "test", 1)
    nearest = experiment.judged(experiment.nearest_shape(data), tasks)
    assert nearest["mse"].max() == 0
    assert nearest["ssim"].min() == pytest.approx(1)
    mean = experiment.mean_view(data)(tasks)
    at = experiment.azimuths(tasks.query.x[2, 5], views.directions(36))
    assert torch.allclose(mean[2, 5], data.pixels().mean(0)[at])


def test_every_shape_is_judged_once_by_all_views_that_are_not_seen():
    tasks = experiment.judging(waves(3, 0), "test", 4)
    assert tasks.support.y.shape == (3, 4, 1024)
    assert tasks.query.y.shape == (3, 32, 1024)


def test_the_experiment_leaves_a_result_a_picture_and_lines_in_the_log(tmp_path, monkeypatch):
    sets = {"train": waves(8, 1), "val": waves(2, 2), "test": waves(3, 3)}
    monkeypatch.setattr(experiment.views, "load", lambda split: sets[split])
    monkeypatch.setattr(experiment, "QUICK_STEPS", 2)
    monkeypatch.setattr(experiment, "BATCH", 3)
    monkeypatch.setattr(experiment, "SHOWN", 2)
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    path = tmp_path / "views.json"
    experiment.run(quick=True, out=path)
    content = read_result(path)
    assert {f"ssim_{row}_4_shot" for row in experiment.TITLES} <= set(content["metrics"])
    assert set(content["published"]) <= set(content["metrics"])
    assert path.with_suffix(".png").stat().st_size > 1000
    assert len((tmp_path / "test-log.jsonl").read_text().splitlines()) == 4
