"""What policies see of a picture: never stretched, and the same for every source."""

from __future__ import annotations

import numpy as np
import pytest

from robot_meta.errors import ConfigError
from ros_nodes.framing import Framing, parse_crop
from tests.ros_nodes.recordings import CONTRACT

CAMERA = CONTRACT.camera


def view(picture, crop=None):
    """What a policy sees."""
    framing = Framing.of(*picture.shape[:2], CAMERA, crop)
    return CAMERA.spec.apply(framing.apply(picture))


def pictured(height, width, x, y, side):
    """Black, with a white square."""
    out = np.zeros((height, width, 3), np.uint8)
    out[y : y + side, x : x + side] = 255
    return out


def test_the_contracts_own_picture_is_left_as_it_is(rng):
    picture = rng.integers(0, 256, (CAMERA.height, CAMERA.width, 3), np.uint8)
    framing = Framing.of(CAMERA.height, CAMERA.width, CAMERA)
    assert np.array_equal(framing.apply(picture), picture)


@pytest.mark.parametrize(
    ("width", "height"), [(1920, 1080), (1080, 1920), (640, 480), (64, 48), (101, 77), (1, 1)]
)
def test_any_size_becomes_the_contracts(width, height):
    framing = Framing.of(height, width, CAMERA)
    out = framing.apply(np.full((height, width, 3), 200, np.uint8))
    assert out.shape == (CAMERA.height, CAMERA.width, 3)
    assert (CAMERA.spec.apply(out) > 100).all()


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (720, 1280), (720, 720)])
def test_by_itself_a_policy_sees_the_square_in_the_middle(width, height):
    side = min(width, height)
    whole = pictured(height, width, (width - side) // 2, (height - side) // 2, side)
    assert (view(whole) == 255).all()


def test_a_crop_fills_what_a_policy_sees():
    assert (view(pictured(720, 1280, 900, 40, 300), (900, 40, 300, 300)) == 255).all()


def test_a_crop_of_another_shape_is_widened_and_not_stretched():
    picture = pictured(720, 1280, 400, 300, 100)
    seen = view(picture, (300, 300, 300, 100))
    white = seen[..., 0] > 127
    for axis in (0, 1):
        assert white.any(axis=axis).sum() == pytest.approx(80 / 3, abs=1)


def test_around_the_crop_lies_what_lies_around_it():
    picture = np.full((480, 640, 3), 200, np.uint8)
    middle = Framing.of(480, 640, CAMERA, (200, 100, 240, 240)).apply(picture)
    assert (middle == 200).all()
    corner = Framing.of(480, 640, CAMERA, (0, 0, 240, 240)).apply(picture)
    assert (corner[:, :40] == 0).all()
    assert (corner[:, 40:] == 200).all()


def test_intrinsics_follow_the_pixels():
    """A point seen at a pixel of the source is seen where that pixel went."""
    k = np.array([[900.0, 0, 655.0], [0, 910.0, 350.0], [0, 0, 1]])
    framing = Framing.of(720, 1280, CAMERA, (700, 240, 480, 480))
    assert framing.rect == (620, 240, 640, 480)  # twice the contract's
    point = np.array([0.1, -0.05, 1.0])
    x, y, _ = k @ point
    expected = (x - 620 + 0.5) / 2 - 0.5, (y - 240 + 0.5) / 2 - 0.5
    assert framing.intrinsics(k) @ point == pytest.approx([*expected, 1.0])


@pytest.mark.parametrize("crop", [(0, 0, 0, 10), (-1, 0, 10, 10), (600, 0, 100, 100)])
def test_crops_outside_are_refused(crop):
    with pytest.raises(ConfigError, match="is not inside a picture of 640 x 480"):
        Framing.of(480, 640, CAMERA, crop)


def test_crops_are_written_as_four_numbers():
    assert parse_crop("1,2, 3,4") == (1, 2, 3, 4)
    assert parse_crop("") is None
    for text in ("1,2,3", "a", "1,2,3,4,5", "1.5,2,3,4"):
        with pytest.raises(ConfigError, match="write x,y,width,height"):
            parse_crop(text)
