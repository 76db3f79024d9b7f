"""Failures in words and on a sheet."""

from dataclasses import replace

import numpy as np
import pytest

from robot_meta.failures import Failure, reason, sheet
from robot_meta.rollout import Outcome
from sim.tasks import draw_task

LOST = Outcome(False, False, None, 100, 0.31)


def test_what_was_taken_instead_is_compared_with_what_was_meant():
    task = draw_task("push", "test", 0, target=0)
    first = task.objects[0]
    twin = replace(first, hue_deg=first.hue_deg + 5.0, shape="other", pattern="other")
    task = replace(task, objects=(first, twin, replace(twin, hue_deg=first.hue_deg + 180.0)))
    assert reason(replace(LOST, chosen=1), task) == "took another one (of the same colour)"
    assert reason(replace(LOST, chosen=2), task) == "took another one (that looks unlike it)"


def test_pick_and_place_says_which_of_both_was_wrong():
    task = draw_task("pick_place", "test", 0, target=4)
    assert "another container" in reason(replace(LOST, chosen=5), task)
    assert "another thing" not in reason(replace(LOST, chosen=5), task)
    both = reason(replace(LOST, chosen=0), task)
    assert "another thing" in both
    assert "another container" in both


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (LOST, "still 31 cm away"),
        (replace(LOST, stopped=True), "held away from where it was sent"),
    ],
)
def test_nothing_done_and_stopped_are_told_apart(outcome, words):
    assert words in reason(outcome, draw_task("place", "test", 0))


def test_a_sheet_holds_what_was_shown_and_tried(tmp_path):
    shown = (np.zeros((80, 80, 3), np.uint8),) * 3
    tried = (np.full((240, 320, 3), 200, np.uint8),) * 3
    found = [
        Failure(f"place/test/{k}, trial 0", "took another one", shown, tried) for k in range(3)
    ]
    sheet(found, tmp_path / "images" / "sheet.png", "three failures")
    assert (tmp_path / "images" / "sheet.png").stat().st_size > 5000
