"""Legs: where a demonstration comes down, is last down and ends, with height and opening."""

import numpy as np
import pytest

from robot_meta.data.legs import LEG, LEGS, legs

HIGH, LOW = 0.2, 0.03


def demonstration(heights, openings, downs):
    """Legs of one demonstration whose x counts its frames, cm."""
    n = len(heights)
    tip = np.c_[0.01 * np.arange(n), np.zeros(n), heights]
    key = np.stack([tip[downs], tip[-1]])
    state, action = np.c_[tip, np.zeros(n)], np.c_[np.zeros((n, 3)), openings]
    before = np.arange(n) <= downs
    return legs(*(x.astype(np.float32) for x in (state, action)), before, key.astype(np.float32))


def test_a_thing_is_grasped_carried_over_and_let_go():
    heights = [HIGH, 0.1, LOW, LOW, LOW, 0.15, 0.18, 0.1]
    openings = [0.07, 0.07, 0.07, 0.0, 0.0, 0.0, 0.0, 0.06]
    found = demonstration(heights, openings, downs=2)
    assert found.shape == (LEGS, LEG)
    assert found[:, 0] == pytest.approx([0.02, 0.04, 0.07, 0.07]), "where to"
    assert found[:, 2] == pytest.approx([LOW, LOW, 0.1, 0.1])
    assert found[:, 3] == pytest.approx([HIGH, LOW, 0.18, 0.18]), "how high on the way"
    assert found[:, 4] == pytest.approx([0.07, 0.0, 0.0, 0.06]), "the opening on the way"


def test_a_push_stays_down_until_the_end():
    heights = [HIGH, LOW, LOW + 0.005, LOW, LOW, 0.1]
    found = demonstration(heights, np.full(6, 0.035), downs=1)
    assert found[:, 0] == pytest.approx([0.01, 0.04, 0.05, 0.05])
    assert found[1, 3] == pytest.approx(LOW), "no higher on the way"
    assert found[2, 3] == pytest.approx(0.1)


def test_where_no_frame_was_down_the_touch_down_is_where_it_last_was():
    found = demonstration([HIGH, 0.1, LOW, 0.15, 0.1], [0.07, 0.07, 0.07, 0.0, 0.06], downs=2)
    assert found[1, :3] == pytest.approx(found[0, :3])
    assert found[1, 4] == pytest.approx(0.0), "what the gripper did next"


def test_a_demonstration_that_ends_as_it_comes_down_has_all_its_legs():
    found = demonstration([HIGH, 0.1, LOW], [0.0, 0.0, 0.06], downs=2)
    assert np.isfinite(found).all()
    assert found[1:, :3] == pytest.approx(np.tile(found[0, :3], (3, 1)))
    assert found[-1, 4] == pytest.approx(0.06)


def test_many_demonstrations_at_once_give_what_each_gives(rng):
    shape = (3, 2, 9)
    state = rng.normal(0.1, 0.05, (*shape, 4)).astype(np.float32)
    action = rng.uniform(0.0, 0.08, (*shape, 4)).astype(np.float32)
    before = np.arange(9) <= rng.integers(0, 9, (3, 2, 1))
    key = rng.normal(0.1, 0.05, (3, 2, 2, 3)).astype(np.float32)
    whole = legs(state, action, before, key)
    assert whole.shape == (3, 2, LEGS, LEG)
    for i in np.ndindex(3, 2):
        assert np.array_equal(whole[i], legs(state[i], action[i], before[i], key[i]))
