import cv2
import numpy as np
import pytest

from robot_meta.augmented_tasks import AugmentedTasks, WarpConfig, warp
from robot_meta.errors import ConfigError, DataError

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


@pytest.fixture
def images():
    """Each picture has a grey value of its own."""
    return np.broadcast_to(np.arange(10, 250, 10, dtype=np.uint8)[:, None, None], (24, 12, 12))


def test_a_class_is_one_picture_and_no_two_are_the_same(images):
    tasks = AugmentedTasks(images, way=5, shot=2, query=3)
    support, query = tasks.draw(np.random.default_rng(0), 20)
    assert support.x.shape == (20, 10, 1, 12, 12)
    assert query.y[0].tolist() == [c for c in range(5) for _ in range(3)]
    value = (support.x.amax((2, 3, 4)) * 255).round().view(20, 5, 2)
    asked = (query.x.amax((2, 3, 4)) * 255).round().view(20, 5, 3)
    assert (value[..., :1] - value).abs().max() <= 1
    assert (value[..., :1] - asked).abs().max() <= 1
    assert all(len(set(first.tolist())) == 5 for first in value[..., 0])


def test_the_first_of_the_support_set_is_the_picture_itself(images):
    support, query = AugmentedTasks(images, way=3, shot=1, query=2).draw(
        np.random.default_rng(0), 4
    )
    assert (support.x == support.x[..., :1, :1]).all()
    assert (query.x != query.x[..., 6:7, 6:7]).any()  # black entered from the side


def test_too_few_pictures_are_refused(images):
    with pytest.raises(DataError, match="only 24 pictures"):
        AugmentedTasks(images, way=25, shot=1, query=1)
    with pytest.raises(ConfigError, match="query >= 1"):
        AugmentedTasks(images, way=5, shot=1, query=0)
    with pytest.raises(ConfigError, match="sizes must be >= 0"):
        WarpConfig(bend_px=-1)
