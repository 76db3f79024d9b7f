import numpy as np
import pytest

from robot_meta.errors import DataError
from robot_meta.online_learning import figures, outcomes
from robot_meta.online_learning.protocol import Outcome, ProtocolConfig

CONFIG = ProtocolConfig(batch=10, batches=10, threshold=0.9)


def outcome(row, index, batches, final=0.5):
    """Reaches the threshold with batch `batches`, never if that is None."""
    curve = [0.5] * 10
    if batches is not None:
        curve[batches - 1] = 0.95
    return Outcome(row, index, f"kind {index}", tuple(curve), final)


def rows(**by):
    return {row: [outcome(row, i, b) for i, b in enumerate(found)] for row, found in by.items()}


def test_a_task_never_learned_is_censored_and_counted():
    by = rows(ftml=[2, 2, None, 2], ftl=[4, 4, 4, None])
    found = figures.metrics(by, CONFIG, 2, (0,))
    assert found["examples_to_threshold_ftml"].value == (100 + 20) / 2
    assert found["reached_fraction_ftml"].value == 0.5
    assert found["examples_to_threshold_ftl"].value == (40 + 100) / 2
    assert found["examples_ratio_ftml_to_ftl"].value == pytest.approx(120 / 140)


def test_another_threshold_has_keys_that_name_it():
    found = figures.harder(rows(ftml=[2, None], ftl=[4, 4]), CONFIG, 2, (0,))
    assert found["examples_to_90_ftml"].value == 60
    assert found["reached_90_ftml"].value == 0.5
    assert found["examples_to_90_ratio_ftml_to_ftl"].value == pytest.approx(120 / 80)
    assert not any("threshold" in key for key in found)


def test_the_slope_is_that_of_the_line():
    by = rows(ftml=[10, 9, 8, 7, 6, 5, 4, 3])
    slope = figures.metrics(by, CONFIG, 4, (0,))["slope_ftml"]
    assert slope.value == pytest.approx(-10.0)
    assert slope.ci95 == pytest.approx((-10.0, -10.0))


def test_the_slope_of_noise_is_not_told_from_zero():
    drawn = np.random.default_rng(0).integers(1, 11, 40).tolist()
    low, high = figures.metrics(rows(ftml=drawn), CONFIG, 4, (0,))["slope_ftml"].ci95
    assert low < 0 < high


def test_accuracy_is_compared_task_by_task():
    own = [outcome("ftml", i, 1, 0.7 + 0.1 * (i % 2)) for i in range(6)]
    other = [outcome("toe", i, 1, 0.5 + 0.1 * (i % 2)) for i in range(6)]
    found = figures.metrics({"ftml": own, "toe": other}, CONFIG, 6, (0,))
    difference = found["final_accuracy_ftml_minus_toe"]
    assert difference.value == pytest.approx(0.2)
    assert difference.ci95 == pytest.approx((0.2, 0.2))


def test_rows_of_different_tasks_are_refused():
    with pytest.raises(DataError, match="not of the same tasks"):
        figures.metrics(rows(ftml=[1, 2], toe=[1]), CONFIG, 1, (0,))


def test_outcomes_are_made_once_and_again_with_other_settings(tmp_path):
    path, made = tmp_path / "a.json", []

    def make():
        made.append(1)
        return [outcome("ftml", 0, 2)]

    first = outcomes.kept(path, {"steps": 1, "sizes": (1, 2)}, make)
    assert outcomes.kept(path, {"steps": 1, "sizes": (1, 2)}, make) == first == make()
    assert len(made) == 2
    outcomes.kept(path, {"steps": 2, "sizes": (1, 2)}, make)
    assert len(made) == 3
    assert 0 <= outcomes.cpu_hours(tmp_path) < 0.01


def test_a_damaged_file_of_outcomes_is_named(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"settings": {}}')
    with pytest.raises(DataError, match=r"a\.json: not a file of outcomes"):
        outcomes.kept(path, {}, list)


def test_there_is_a_picture(tmp_path):
    by = rows(ftml=[5, 4, 3, 2, 2, 1, 1], toe=[None] * 7)
    figures.picture({"empty": by, "other": by}, CONFIG, tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 1000
