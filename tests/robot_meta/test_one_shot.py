"""The comparison: which cells there are, and figures from constructed outcomes."""

import numpy as np
import pytest

from robot_meta import one_shot
from robot_meta.evaluate import Case
from robot_meta.rollout import Outcome


def cases(successes):
    """One case a task, one trial a case."""
    return [
        Case(task, outcomes={"success": [Outcome(bool(s), bool(s), 0, 20, 0.0)]})
        for task, s in enumerate(successes)
    ]


def test_every_method_has_a_cell_for_each_kind_of_evidence_that_it_can_use():
    keys = [cell.key for cell in one_shot.cells()]
    assert len(keys) == len(set(keys))
    assert "place_mil_robot" in keys
    assert "place_mil_human" not in keys, "it needs to know where the tip was"
    assert "push_finetune_human" not in keys, "it needs actions"
    assert "place_lstm_state" in keys
    assert "push_lstm_state" not in keys, "all kinds for place alone"
    assert "place_daml_video" not in keys, "the same as robot: it looks at pictures alone"
    assert {
        f"place_daml-{form}_human_seed{s}" for form in ("temporal", "linear") for s in (1, 2)
    } <= {*keys}
    for family in one_shot.FAMILIES:
        for method in one_shot.METHODS:
            expected = {kind for kind in ("robot", "human") if kind in method.takes}
            assert {k for k in ("robot", "human") if f"{family}_{method.key}_{k}" in keys} == (
                expected
            )


def test_cells_that_one_demonstration_serves_are_evaluated_together():
    cells = list(one_shot.cells())
    groups = one_shot.shown_alike(cells)
    assert sorted(c.key for g in groups.values() for c in g) == sorted(c.key for c in cells)
    for (family, evidence), group in groups.items():
        assert all((c.family, c.evidence) == (family, evidence) for c in group)
    assert len(groups[("place", "human")]) == 10, "six methods, two of them for two seeds more"


def test_published_figures_are_of_cells_that_exist():
    keys = {cell.key for cell in one_shot.cells()}
    assert set(one_shot.PUBLISHED) <= keys
    assert one_shot.PUBLISHED["pick_place_daml-linear_human"].value == 0.111


def test_parameters_are_where_the_methods_say():
    paths = {cell.key: cell.path.name for cell in one_shot.cells()}
    assert paths["place_mil_robot"] == "mil-place.safetensors"
    assert paths["push_lstm_human"] == "lstm-push.safetensors"
    assert paths["place_daml-linear_human_seed2"] == "daml-linear-seed2-place.safetensors"


def test_the_gain_of_the_temporal_loss_is_paired_and_needs_every_training_seed():
    better, worse = np.array([1, 1, 1, 0, 1, 1]), np.array([1, 0, 1, 0, 0, 1])
    found = {}
    for seed in one_shot.SEEDS:
        end = f"_seed{seed}" if seed else ""
        found[f"place_daml-temporal_human{end}"] = cases(better)
        found[f"place_daml-linear_human{end}"] = cases(worse)
    figures = one_shot.metrics(found)
    gain = figures["temporal_minus_linear_place_human"]
    assert gain.value == pytest.approx(2 / 6)
    assert figures["place_daml-linear_human"].value == pytest.approx(3 / 6)
    del found["place_daml-linear_human_seed2"]
    assert "temporal_minus_linear_place_human" not in one_shot.metrics(found)


def test_the_figure_shows_every_cell(tmp_path):
    figures = one_shot.metrics({"place_mil_robot": cases([1, 0, 1]), "push_daml_human": cases([1])})
    one_shot.picture(figures, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
