import numpy as np
import pytest

from robot_meta import domains_experiment, report
from robot_meta.data.domain_crops import DOMAINS, SHAPES, SIDE, Crops
from robot_meta.results import read_result


def crops(seed, m=24):
    """The brighter, the higher the class."""
    rng = np.random.default_rng(seed)
    shape = rng.integers(0, len(SHAPES), m)
    rgb = 40 * shape[:, None, None, None] + rng.integers(0, 20, (m, SIDE, SIDE, 3))
    return Crops(rgb.astype(np.uint8), shape, np.arange(m) // 3)


def test_from_pictures_to_a_results_file(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    effort = domains_experiment.Effort({"train": 1, "val": 1, "test": 1}, 2, (0, 1))
    monkeypatch.setattr(domains_experiment, "QUICK", effort)
    sets = {
        d: {s: crops(3 * i + j) for j, s in enumerate(effort.tasks)} for i, d in enumerate(DOMAINS)
    }
    monkeypatch.setattr(domains_experiment, "pictures", lambda *_: sets)
    found = domains_experiment.run(quick=True)
    assert read_result(tmp_path / "domains-quick.json")["metrics"].keys() == found.keys()
    assert (tmp_path / "domains-quick.png").exists()
    apart = found["accuracy_mldg"].value - found["accuracy_pooled"].value
    assert found["mldg_minus_pooled"].value == pytest.approx(apart)
    by_domain = [found[f"accuracy_mldg_{d}"].value for d in DOMAINS]
    assert found["accuracy_mldg"].value == pytest.approx(np.mean(by_domain))


def test_the_domain_left_out_is_in_no_batch():
    seen = domains_experiment.sources("light")
    assert len(seen) == 3
    assert "light" not in seen
    parts = [crops(i) for i in range(3)]
    batch = domains_experiment.drawn(parts, np.random.default_rng(0))
    assert batch.x.shape == (3, domains_experiment.BATCH, 3, SIDE, SIDE)
