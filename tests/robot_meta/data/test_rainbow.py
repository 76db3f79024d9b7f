import numpy as np
import pytest
import torch

from robot_meta.data import rainbow
from robot_meta.data.classes import ClassSet
from robot_meta.data.rainbow import KINDS, Kind
from robot_meta.errors import DataError


def digits(count=56 * 4, size=28):
    """Each picture tells which it is by its grey level in the middle."""
    images = np.zeros((count, size, size), np.uint8)
    images[:, size // 2 - 4 : size // 2 + 4, size // 2 - 4 : size // 2 + 4] = np.arange(count)[
        :, None, None
    ]
    return ClassSet(images, np.arange(count) % 10, tuple("0123456789"))


def test_there_are_56_kinds_and_none_twice():
    assert len(set(KINDS)) == 56


def test_no_picture_is_used_twice():
    tasks = rainbow.deal(digits(), np.random.default_rng(0))
    assert [task.kind for task in tasks] == list(KINDS)
    met = []
    for task in tasks:
        back = np.array(rainbow.COLOURS[task.kind.colour]) / 255
        channel = int(np.argmin(back))  # where white differs most from the colour
        level = (task.examples.x[:, channel, 14, 14].numpy() - back[channel]) / (1 - back[channel])
        met += np.round(255 * level).astype(int).tolist()
        assert (task.examples.y.numpy() == np.array(met[-4:]) % 10).all()
    assert sorted(met) == list(range(56 * 4))


def test_a_picture_keeps_its_pixels():
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (2, 28, 28, 3), np.uint8)
    x = rainbow.inputs(pictures)
    assert tuple(x.shape[1:]) == rainbow.INPUTS
    back = torch.round(255 * x).to(torch.uint8).permute(0, 2, 3, 1).numpy()
    assert (back == pictures).all()


def test_colour_scale_and_rotation_are_those_of_the_kind():
    ink = np.zeros((1, 28, 28), np.uint8)
    ink[0, :14, :14] = 255  # the upper left quarter
    plain = rainbow.paint(ink, Kind("blue", 1.0, 0))
    assert plain[0, 0, 0].tolist() == [255, 255, 255]
    assert plain[0, 27, 27].tolist() == [0, 0, 255]
    turned = rainbow.paint(ink, Kind("blue", 1.0, 1))
    assert (turned == np.rot90(plain, 1, (1, 2))).all()
    small = rainbow.paint(ink, Kind("blue", 0.5, 0))
    white = (small == 255).all(-1)[0]
    assert white.sum() == 7 * 7
    assert white[7:14, 7:14].all()


def test_bad_requests_say_what_would_do():
    with pytest.raises(DataError, match="at most 4 a task"):
        rainbow.deal(digits(), np.random.default_rng(0), 5)
    with pytest.raises(DataError, match=r"expected \(28, 28\)"):
        rainbow.deal(digits(size=20), np.random.default_rng(0))
