"""What a phone makes of a film: larger pictures, H.264, and a square cut out by hand.

Films of people reach a robot as compressed video files. This is that way in one function, to
measure what it costs: the same codec, and a crop that is a little off.
"""

from __future__ import annotations

import io
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from robot_meta.data.mp4 import encode

Rgb = NDArray[np.uint8]
SIZE = (480, 640)
"""Rows and columns of the video."""
KEPT = (0.94, 1.0)
"""Side of the cut-out square, relative to the picture's height."""
OFF = 0.03
"""How far it is off the middle, relative to the same."""


def filmed(rgb: Rgb, side: int, rng: Generator, hz: int = 10) -> Rgb:
    """Pictures (T, H, W, 3) as they come back from a phone, cut to (T, side, side, 3)."""
    rows, columns = SIZE
    square = int(rows * rng.uniform(*KEPT))
    down = np.clip((rows - square) / 2 + OFF * rows * rng.uniform(-1, 1), 0, rows - square)
    right = (columns - square) / 2 + OFF * rows * rng.uniform(-1, 1)
    y, x = int(down), int(right)
    cut = [each[y : y + square, x : x + square] for each in round_trip(enlarged(rgb), hz)]
    return np.stack(
        [cv2.resize(each, (side, side), interpolation=cv2.INTER_AREA) for each in cut]
    ).astype(np.uint8)


def enlarged(rgb: Rgb) -> Rgb:
    """Pictures (T, H, W, 3) as large as a phone's."""
    rows, columns = SIZE
    large = [cv2.resize(each, (columns, rows), interpolation=cv2.INTER_CUBIC) for each in rgb]
    return np.stack(large).astype(np.uint8)


def write(path: Path, rgb: Rgb, hz: int = 10) -> None:
    """An MP4 file of pictures (T, H, W, 3), as a phone would write it; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = io.BytesIO()
    encode(file, enlarged(rgb), hz)
    path.write_bytes(file.getvalue())


def round_trip(rgb: Rgb, hz: int = 10) -> Rgb:
    """Pictures (T, H, W, 3), H and W even, encoded as an MP4 in memory and decoded again."""
    file = io.BytesIO()
    encode(file, rgb, hz)
    file.seek(0)
    with av.open(file, "r") as container:
        container.streams.video[0].thread_count = 1
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return np.stack(pictures)
