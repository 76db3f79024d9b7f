"""Where a camera's pictures come from: a device or a stream by OpenCV, a file by PyAV. No ROS."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_meta.errors import ObservationError
from ros_nodes.devices import cameras
from ros_nodes.video_file import Picture, VideoFile

Rgb = NDArray[np.uint8]

OPEN_MS = READ_MS = 5_000
"""How long a stream may take to open, and to give its next picture."""
OLDEST_NS = 500_000_000
"""A driver's stamp that is older is of another clock."""


class Source(Protocol):
    """Something that pictures come from, opened; errors are `ObservationError` or `DataError`."""

    live: bool
    """They come by themselves; a file's are paced by their times."""

    def grab(self) -> int | None:
        """Wait for the next picture.

        Returns:
            Live: how long ago it was taken, in ns. File: when it is shown, in ns after the first;
            None after the last one.
        """
        ...

    def picture(self) -> Rgb:
        """The picture that was grabbed, (H, W, 3) uint8."""
        ...

    def close(self) -> None:
        """Give everything back."""
        ...


class Live:
    """A device (number or path such as /dev/video0) or a stream (URL).

    Args:
        name: of the device or stream.
        width: asked of a device; 0 takes its own.
        height: asked of a device; 0 takes its own.

    Raises:
        ObservationError: it does not open.
    """

    live = True

    def __init__(self, name: str, width: int = 0, height: int = 0) -> None:
        self.name = name
        self._device = "://" not in name
        if self._device:
            backend = cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY
            self._capture: Any = cv2.VideoCapture(int(name) if name.isdigit() else name, backend)
        else:
            limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_MS]
            limits += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_MS]
            self._capture = cv2.VideoCapture(name, cv2.CAP_FFMPEG, limits)
        if not self._capture.isOpened():
            there = ", ".join(f"{n} ({what})" for n, what in cameras()) or "no cameras"
            hint = f"there are {there}" if self._device else "is it sending, and is the URL right?"
            raise ObservationError(f"camera {name!r} does not open; {hint}")
        if self._device:
            self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
            if width and height:
                self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
                self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)

    def grab(self) -> int:
        """Wait for a picture; its age in ns.

        Raises:
            ObservationError: none comes any more.
        """
        if not self._capture.grab():
            raise ObservationError(f"camera {self.name!r} gives no more pictures")
        if not self._device:
            return 0
        stamp_ms = float(self._capture.get(cv2.CAP_PROP_POS_MSEC))
        return driver_age_ns(stamp_ms, time.monotonic_ns())

    def picture(self) -> Rgb:
        """The picture that was grabbed.

        Raises:
            ObservationError: it cannot be decoded.
        """
        good, pixels = self._capture.retrieve()
        if not good or pixels is None:
            raise ObservationError(f"camera {self.name!r} gave a picture that cannot be decoded")
        how = cv2.COLOR_GRAY2RGB if pixels.ndim == 2 else cv2.COLOR_BGR2RGB
        return np.asarray(cv2.cvtColor(pixels, how), np.uint8)

    def close(self) -> None:
        """Give the device back."""
        self._capture.release()


class File:
    """A video file.

    Raises:
        DataError: it cannot be read.
    """

    live = False

    def __init__(self, path: str | Path) -> None:
        self._file = VideoFile(path)
        self._pictures = self._file.pictures()
        self._now: Picture | None = None

    def grab(self) -> int | None:
        """Go on to the next picture: when it is shown, in ns after the first."""
        following = next(self._pictures, None)
        self._now = following or self._now
        return following.time_ns if following is not None else None

    def picture(self) -> Rgb:
        """The picture that was grabbed."""
        if self._now is None:
            raise ObservationError(f"{self._file.path}: no picture was grabbed yet")
        return self._now.rgb()

    def close(self) -> None:
        """Give the file back."""
        self._file.close()


def is_live(name: str) -> bool:
    """Whether a source is a device or a stream, and not a file."""
    stream = "://" in name and not name.startswith("file://")
    return name.isdigit() or name.startswith("/dev/") or stream


def open_source(name: str, width: int = 0, height: int = 0) -> Source:
    """Open what a person calls `name`: 0, /dev/video0, rtsp://..., video.mp4 or file://...

    Raises:
        ObservationError: a device or stream that does not open.
        DataError: a file that cannot be read.
    """
    if is_live(name):
        return Live(name, width, height)
    return File(Path(name.removeprefix("file://")).expanduser())


def driver_age_ns(stamp_ms: float, now_ns: int) -> int:
    """How long ago a driver took a picture; 0 where its stamp is not of the monotonic clock."""
    age_ns = now_ns - round(stamp_ms * 1e6)
    return age_ns if stamp_ms > 0 and 0 <= age_ns <= OLDEST_NS else 0
