"""A film that went through a phone: as long, nearly the same, and cut a little off."""

import os

import numpy as np

from robot_meta.data import phone


def moving_square(frames=6, size=(240, 320)):
    rgb = np.full((frames, *size, 3), (90, 120, 60), np.uint8)
    for t in range(frames):
        rgb[t, 100:140, 40 + 30 * t : 80 + 30 * t] = (220, 40, 30)
    return rgb


def test_the_codec_keeps_number_and_order_and_loses_something():
    rgb = moving_square()
    back = phone.round_trip(rgb)
    assert back.shape == rgb.shape
    error = np.abs(back.astype(int) - rgb)
    assert 0 < error.mean() < 6
    closest = [np.abs(rgb.astype(int) - b).mean((1, 2, 3)).argmin() for b in back]
    assert closest == list(range(len(rgb)))


def test_the_number_of_cores_changes_nothing():
    rgb = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    rgb = rgb.repeat(8, 0).repeat(8, 1)
    moving = np.stack([np.roll(rgb, 3 * t, 1) for t in range(20)])
    cores = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(cores)})
        alone = phone.round_trip(moving)
    finally:
        os.sched_setaffinity(0, cores)
    assert np.array_equal(phone.round_trip(moving), alone)


def test_without_x264_another_codec_does(monkeypatch):
    monkeypatch.setattr("robot_meta.data.mp4.CODECS", ("no-such-codec", "mpeg4"))
    rgb = moving_square()
    back = phone.round_trip(rgb)
    assert back.shape == rgb.shape
    assert 0 < np.abs(back.astype(int) - rgb).mean() < 6


def test_the_cut_out_is_a_square_that_chance_moves():
    rgb = moving_square()
    one, two = (phone.filmed(rgb, 80, np.random.default_rng(seed)) for seed in (0, 1))
    assert one.shape == (6, 80, 80, 3)
    assert one.dtype == np.uint8
    assert np.array_equal(one, phone.filmed(rgb, 80, np.random.default_rng(0)))
    assert not np.array_equal(one, two)
    for pictures in (one, two):
        rows, columns = np.nonzero(pictures[2, ..., 0] > 160)
        # The thing's middle is at (119.5, 119.5) of the picture, a third of that in the cut-out.
        assert abs(rows.mean() - 39.8) < 5
        assert abs(columns.mean() - 26.5) < 5
