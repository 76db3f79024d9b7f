"""When something moves: whatever the noise, however slow, in spite of the exposure."""

from __future__ import annotations

import numpy as np
import pytest

from ros_nodes.motion import Motion
from tests.ros_nodes.videos import moving

HZ = 10


def span(pictures, hz=HZ):
    motion = Motion(hz)
    for picture in pictures:
        motion.add(picture)
    found = motion.span()
    return None if found is None else (found[0] / hz, found[1] / hz)


def test_from_the_first_movement_to_the_last():
    start, end = span(moving([(2.0, 4.5)], 7.0))
    assert 1.4 <= start <= 2.0
    assert 4.5 <= end <= 5.1


def test_a_short_rest_is_part_of_it():
    start, end = span(moving([(1.0, 2.0), (2.7, 4.0)], 6.0))
    assert start <= 1.0
    assert end >= 4.0


def test_of_several_stretches_the_longest_counts():
    start, end = span(moving([(0.5, 1.2), (4.0, 6.5)], 8.0))
    assert 3.4 <= start <= 4.0
    assert end >= 6.5


def test_it_may_move_all_the_time():
    assert span(moving([(0.0, 3.0)], 3.0)) == (0.0, 2.9)


@pytest.mark.parametrize("pictures", [[], list(moving([], 0.1)), list(moving([], 3.0))])
def test_where_nothing_moves_there_is_no_span(pictures):
    assert span(pictures) is None


def test_a_jolt_is_no_motion():
    still = list(moving([], 3.0))
    still[15] = np.roll(still[15], 20, axis=1)
    assert span(still) is None


def test_light_that_changes_is_no_motion():
    dimmed = [
        np.clip(picture.astype(int) + (3 * i if i > 10 else 0), 0, 255).astype(np.uint8)
        for i, picture in enumerate(moving([], 3.0))
    ]
    assert span(dimmed) is None


def test_slow_motion_is_motion():
    """A fifth of the usual speed."""
    start, end = span(moving([(0.2, 0.8)], 1.0, fps=50))
    assert start <= 1.0
    assert end >= 3.5
