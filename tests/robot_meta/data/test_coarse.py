"""Pictures averaged: the mean stays, and every pixel speaks of its own block alone."""

import numpy as np
import pytest

from robot_meta.data.coarse import averaged
from robot_meta.errors import ConfigError


def test_every_pixel_is_the_mean_of_its_block(rng):
    rgb = rng.integers(0, 256, (2, 3, 12, 12, 3), np.uint8)
    small = averaged(rgb, 4)
    assert small.shape == (2, 3, 4, 4, 3)
    assert small.dtype == np.uint8
    block = rgb[1, 2, 3:6, 9:12].reshape(-1, 3).mean(0)
    assert small[1, 2, 1, 3] == pytest.approx(block, abs=0.5)


def test_pictures_of_the_right_size_are_left_alone(rng):
    rgb = rng.integers(0, 256, (2, 4, 4, 3), np.uint8)
    assert averaged(rgb, 4) is rgb


def test_a_side_that_is_no_part_of_theirs_is_refused(rng):
    rgb = rng.integers(0, 256, (12, 12, 3), np.uint8)
    with pytest.raises(ConfigError, match="12 pixels cannot be averaged to 5"):
        averaged(rgb, 5)
