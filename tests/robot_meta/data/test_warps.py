"""Warps: none is the picture, a shift moves all ink, and half a warp is half as large."""

import cv2
import numpy as np
import pytest

from robot_meta.data.warps import WarpConfig, warp
from robot_meta.errors import ConfigError

NONE = WarpConfig(turn_rad=0, stretch=0, shift_px=0, bend_px=0)


def blob(size=28):
    picture = np.zeros((size, size), np.uint8)
    cv2.circle(picture, (size // 2, size // 2), size // 6, 255, -1)
    return picture


def test_no_warp_is_the_picture(rng):
    assert (warp(blob(), NONE, rng) == blob()).all()


def test_a_shift_moves_all_ink_alike(rng):
    moved = warp(blob(), WarpConfig(turn_rad=0, stretch=0, shift_px=2, bend_px=0), rng)
    assert moved.sum() == pytest.approx(blob().sum(), rel=0.02)
    rows, columns = np.indices(moved.shape)
    centre = np.array([(part * moved).sum() / moved.sum() for part in (rows, columns)])
    assert 0.5 < np.abs(centre - 14).max() < 8


def test_warps_of_colour_keep_their_shape(rng):
    picture = np.stack([blob(), blob(), blob()], -1)
    assert warp(picture, WarpConfig(), rng).shape == (28, 28, 3)


def test_sizes_scale_together():
    half = WarpConfig.of(0.5)
    assert half.turn_rad == WarpConfig().turn_rad / 2
    assert half.bend_px == WarpConfig().bend_px / 2
    assert WarpConfig.of(0.0) == NONE


def test_a_turned_view_is_taken_too(rng):
    turned = np.rot90(blob())
    assert (warp(turned, NONE, rng) == turned).all()


def test_a_negative_size_is_refused():
    with pytest.raises(ConfigError, match="sizes must be >= 0"):
        WarpConfig(bend_px=-1)
