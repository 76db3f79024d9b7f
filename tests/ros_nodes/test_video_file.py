"""Video files of every kind: upright, by their own times, or refused with what would do."""

from __future__ import annotations

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from robot_meta.errors import DataError
from ros_nodes.video_file import Picture, VideoFile, resample, upright
from tests.ros_nodes import videos
from tests.ros_nodes.videos import BLUE, RED, corners, level, ramp, write


def read(path):
    """(times in s, pictures, notes)."""
    with VideoFile(path) as file:
        found = [(p.time_ns / 1e9, p.rgb()) for p in file.pictures()]
        return [t for t, _ in found], [rgb for _, rgb in found], file.notes


def near(pixel, colour):
    return np.abs(np.asarray(pixel, int) - colour).max() < 60


def test_pictures_come_with_the_times_they_are_shown_at(tmp_path):
    times, pictures, notes = read(write(tmp_path / "v.mp4", ramp(12), fps=25))
    assert times == pytest.approx([i / 25 for i in range(12)])
    assert [level(p) for p in pictures] == list(range(12))
    assert notes == []


def test_variable_frame_rate_keeps_each_time(tmp_path):
    shown = [0.0, 0.04, 0.5, 0.51, 2.0, 2.1]
    times, pictures, _ = read(write(tmp_path / "v.mp4", ramp(6), shown))
    assert times == pytest.approx(shown, abs=1e-4)
    assert [level(p) for p in pictures] == list(range(6))


@pytest.mark.parametrize(
    ("rotation", "red", "blue"),
    [
        (0, (2, 2), (2, -3)),
        (-90, (2, -3), (-3, -3)),
        (90, (-3, 2), (2, 2)),
        (180, (-3, -3), (-3, 2)),
    ],
)
def test_a_phone_held_upright_is_turned(tmp_path, rotation, red, blue):
    """FFmpeg counts the angle of its display matrix counterclockwise."""
    path = write(tmp_path / "v.mp4", [corners()] * 2, rotation=rotation)
    picture = read(path)[1][0]
    assert picture.shape == ((96, 64, 3) if abs(rotation) == 90 else (64, 96, 3))
    assert near(picture[red], RED)
    assert near(picture[blue], BLUE)


@pytest.mark.parametrize("matrix", [(a, 0, 0, d) for a in (1, -1) for d in (1, -1)]
                         + [(0, b, c, 0) for b in (1, -1) for c in (1, -1)])  # fmt: skip
def test_display_matrices_move_pixels_as_they_say(matrix, rng):
    a, b, c, d = matrix
    pixels = rng.integers(0, 256, (3, 5, 3), np.uint8)
    turned = upright(pixels, matrix)
    for y in range(3):
        for x in range(5):
            cx, cy = x - 2, y - 1  # from the middle
            tx, ty = a * cx + c * cy, b * cx + d * cy
            there = turned[ty + turned.shape[0] // 2, tx + turned.shape[1] // 2]
            assert np.array_equal(there, pixels[y, x])


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("grey.mkv", "ffv1", "gray"),
        ("ten_bit.mp4", "libx265", "yuv420p10le"),
        ("ten_bit.mkv", "ffv1", "yuv422p10le"),
        ("full.mp4", "libx264", "yuvj420p"),
        ("old.avi", "mpeg4", "yuv420p"),
        ("web.webm", "libvpx", "yuv420p"),
        ("camera.mov", "mjpeg", "yuvj422p"),
    ],
)
def test_codecs_and_depths_give_eight_bit_rgb(tmp_path, name, codec, pix_fmt):
    _, pictures, _ = read(write(tmp_path / name, ramp(4), codec=codec, pix_fmt=pix_fmt))
    assert [level(p) for p in pictures] == list(range(4))
    assert all(p.dtype == np.uint8 and p.shape == (64, 96, 3) for p in pictures)


@pytest.mark.parametrize(("width", "height"), [(101, 77), (17, 2), (1, 1)])
def test_odd_sizes_are_whole(tmp_path, width, height):
    path = write(tmp_path / "v.mkv", ramp(2, width, height), codec="ffv1", pix_fmt="yuv444p")
    assert read(path)[1][1].shape == (height, width, 3)


def test_pixels_that_are_not_square_are_made_so(tmp_path):
    path = write(tmp_path / "v.mp4", [corners()] * 2, aspect=Fraction(4, 3))
    assert read(path)[1][0].shape == (64, 128, 3)


def test_high_dynamic_range_is_noted(tmp_path):
    path = write(tmp_path / "v.mkv", ramp(2), pix_fmt="yuv420p10le", color_trc=18)
    assert "high dynamic range (HLG)" in read(path)[2][0]


def test_one_picture_is_a_video_of_one_picture(tmp_path):
    times, pictures, _ = read(write(tmp_path / "v.mp4", ramp(1)))
    assert (times, len(pictures)) == ([0.0], 1)


def test_when_it_was_filmed(tmp_path):
    path = write(tmp_path / "v.mp4", ramp(1), metadata={"creation_time": "2024-05-06T07:08:09Z"})
    with VideoFile(path) as file:
        assert file.created_ns == 1714979289 * 10**9
    path = write(tmp_path / "w.mp4", ramp(1))
    with VideoFile(path) as file:
        assert file.created_ns == path.stat().st_mtime_ns


# --- damaged and foreign ------------------------------------------------------------------------


def test_a_copy_that_was_cut_off_gives_what_is_there(tmp_path, rng):
    noise = [rng.integers(0, 256, (64, 96, 3), np.uint8) for _ in range(30)]
    path = write(tmp_path / "v.mp4", noise, options={"movflags": "faststart"})
    times, pictures, notes = read(videos.cut(path))
    assert 5 < len(pictures) < 30
    assert times == pytest.approx([i / 10 for i in range(len(times))])
    assert any("cut off: its header says 3.0 s" in note for note in notes)


def test_a_file_damaged_in_the_middle_goes_on(tmp_path, rng):
    noise = [rng.integers(0, 256, (64, 96, 3), np.uint8) for _ in range(20)]
    path = write(tmp_path / "v.mov", noise, codec="mjpeg", pix_fmt="yuvj420p")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 8000] = bytes(8000)
    path.write_bytes(data)
    times, _, notes = read(path)
    assert times[-1] == pytest.approx(1.9)
    assert len(times) < 20
    assert "could not be decoded" in " ".join(notes)


def music(path):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
    return path


def photo(path):
    cv2.imwrite(str(path), corners())
    return path


def text(path, words="Dear diary, ...\n" * 100):
    path.write_text(words)
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: p / "gone.mp4", "gone.mp4: no such file"),
        (lambda p: p, "a folder, need a video file"),
        (lambda p: text(p / "v.mp4", ""), r"empty \(0 bytes\); copy it again"),
        (lambda p: text(p / "v.mp4"), "not a video that can be read .* MP4, MOV, MKV"),
        (lambda p: text(p / "v.txt"), "not a video that can be read|no video in it"),
        (lambda p: photo(p / "v.png"), "no video in it"),
        (lambda p: photo(p / "v.jpg"), "no video in it"),
        (lambda p: music(p / "v.wav"), r"no video in it \(wav: audio\)"),
        (lambda p: videos.cut(write(p / "v.mp4", ramp(9))), "without its index.*cut off.*untrunc"),
    ],
)
def test_what_is_no_video_is_refused_with_what_would_do(tmp_path, make, message):
    path = make(tmp_path)
    with pytest.raises(DataError, match=message):
        read(path)


# --- sampling -----------------------------------------------------------------------------------


def ticks(times_s, rate_hz, **span):
    """(tick in s, number of the picture shown then)."""
    shown = [Picture(round(t * 1e9), i) for i, t in enumerate(times_s)]
    return [(t / 1e9, p._frame) for t, p in resample(iter(shown), rate_hz, **span)]


def test_a_tick_has_the_picture_that_is_on_the_screen():
    assert ticks([0.0, 0.25, 0.3], 10) == [(0.0, 0), (0.1, 0), (0.2, 0), (0.3, 2)]


def test_the_same_rate_gives_each_picture_once_however_times_were_rounded():
    rounded = [round(i / 10 + 0.0004 * (-1) ** i, 4) for i in range(1, 40)]
    assert [i for _, i in ticks([0.0, *rounded], 10)] == list(range(40))


@pytest.mark.parametrize("fps", [24, 25, 29.97, 30, 60, 240])
def test_faster_videos_are_thinned_evenly(fps):
    found = ticks([i / fps for i in range(int(3 * fps) + 1)], 10)
    assert len(found) >= 30
    assert all(-1e-3 <= t - i / fps < 1 / fps + 1e-3 for t, i in found)


def test_start_and_end_are_within():
    found = ticks([i / 10 for i in range(50)], 10, start_s=1.05, end_s=1.4)
    assert [t for t, _ in found] == pytest.approx([1.05, 1.15, 1.25, 1.35])
    assert ticks([0.0, 0.1], 10, start_s=5.0) == []
