"""A film of demonstrations and trials, side by side: what was shown left, what came of it right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]

CODECS = ("libx264", "mpeg4")
"""The first of these that PyAV was built with is used."""
PANEL = (240, 320)
"""Rows and columns of a trial's panel; the demonstration's is twice as large."""
TITLE_ROWS = 56
REST_S = 2.0
"""The last pictures stand for so long."""
GREEN, RED, GREY, WHITE = (80, 200, 110), (225, 80, 75), (120, 120, 125), (245, 245, 245)
BACKGROUND = (24, 26, 30)


@dataclass(frozen=True)
class Clip:
    """One panel."""

    caption: str
    pictures: Sequence[Rgb]
    """(H, W, 3) each; when they end, the last one stays."""
    success: bool | None = None
    """Colours the frame once the clip has ended; None: neither good nor bad."""


class Film:
    """Writes an MP4. Use as a context manager.

    Args:
        path: the file; its folder is made.
        fps: pictures a second.
    """

    def __init__(self, path: Path, fps: int = 10) -> None:
        self.path, self._fps = path, fps
        self.codec = next(name for name in CODECS if name in av.codecs_available)
        self._stream: Any = None
        self._frames = 0

    def __enter__(self) -> Film:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._container: Any = av.open(str(self.path), "w", format="mp4")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._stream is not None and error is None:
            self._container.mux(self._stream.encode(None))
        self._container.close()
        if error is not None or self._stream is None:
            self.path.unlink(missing_ok=True)

    def scene(self, title: str, shown: Clip, tried: Sequence[Clip]) -> None:
        """Add one task: its demonstration on the left and its trials, all at once, on the right."""
        longest = max(len(clip.pictures) for clip in (shown, *tried))
        for i in range(longest + round(REST_S * self._fps)):
            self._write(compose(title, shown, tried, i))

    def _write(self, picture: Rgb) -> None:
        if self._stream is None:
            self._stream = self._container.add_stream(self.codec, rate=self._fps)
            self._stream.height, self._stream.width = picture.shape[:2]
            self._stream.pix_fmt = "yuv420p"
            if self.codec == "libx264":
                self._stream.options = {"preset": "veryfast", "crf": "23"}
            else:
                self._stream.bit_rate = 4_000_000
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = self._frames, Fraction(1, self._fps)
        self._frames += 1
        self._container.mux(self._stream.encode(frame))


def compose(title: str, shown: Clip, tried: Sequence[Clip], index: int) -> Rgb:
    """Picture `index` of a scene: (H, W, 3) with even sides."""
    rows, columns = PANEL
    across = max(1, math.ceil(math.sqrt(len(tried))))
    down = max(1, math.ceil(len(tried) / across))
    height = max(2, down) * rows
    canvas: Rgb = np.empty((TITLE_ROWS + height, (2 + across) * columns, 3), np.uint8)
    canvas[:] = BACKGROUND
    _text(canvas, title, (16, 37), 0.75, WHITE)
    top = TITLE_ROWS + (height - 2 * rows) // 2
    canvas[top : top + 2 * rows, : 2 * columns] = _panel(shown, index, (2 * rows, 2 * columns))
    for k, clip in enumerate(tried):
        y, x = TITLE_ROWS + (k // across) * rows, (2 + k % across) * columns
        canvas[y : y + rows, x : x + columns] = _panel(clip, index, PANEL)
    return canvas


def _panel(clip: Clip, index: int, size: tuple[int, int]) -> Rgb:
    out: Rgb = np.full((*size, 3), BACKGROUND, np.uint8)
    if clip.pictures:
        picture = clip.pictures[min(index, len(clip.pictures) - 1)]
        out = np.asarray(cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA), np.uint8)
    ended = index >= len(clip.pictures)
    colour = {True: GREEN, False: RED, None: GREY}[clip.success if ended else None]
    thickness = 6 if ended and clip.success is not None else 2
    cv2.rectangle(out, (0, 0), (size[1] - 1, size[0] - 1), colour, thickness)
    _text(out, clip.caption, (12, 26), 0.55, WHITE)
    if ended and clip.success is not None:
        word = "success" if clip.success else "failure"
        _text(out, word, (12, size[0] - 16), 0.6, colour)
    return out


def _text(out: Rgb, text: str, at: tuple[int, int], scale: float, colour: Sequence[int]) -> None:
    """Readable on any picture: light letters over dark ones that are a little larger."""
    plain = text.encode("ascii", "replace").decode()
    x, y = at
    around = [(x + i, y + j, (0, 0, 0)) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    for px, py, ink in [*around, (x, y, tuple(colour))]:
        cv2.putText(out, plain, (px, py), cv2.FONT_HERSHEY_SIMPLEX, scale, ink, 1, cv2.LINE_AA)
