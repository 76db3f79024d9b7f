"""Video files of any origin: upright pictures with the times at which they are to be shown.

OpenCV would lose both, so this is PyAV. Imports no ROS.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from robot_meta.errors import DataError

Rgb = NDArray[np.uint8]

SLACK_NS = 1_000_000
"""Containers round times to the millisecond."""
CUT_S = 0.5
"""A file that ends so much before its own header says was cut off."""
HDR = {16: "PQ", 18: "HLG"}
"""Transfer functions of high dynamic range, as ITU-T H.273 numbers them."""
NOT_VIDEOS = ("tty", "image2")
"""What FFmpeg also shows: text as on a terminal, photographs."""
READ = "MP4, MOV, MKV, WebM and AVI are read"


class Picture:
    """One picture; its pixels are converted when they are asked for."""

    def __init__(self, time_ns: int, frame: Any, aspect: float = 1.0) -> None:
        self.time_ns = time_ns
        """When it is shown, since the first picture."""
        self._frame = frame
        self._aspect = aspect

    def rgb(self) -> Rgb:
        """(H, W, 3) uint8, as a player shows it: turned upright, pixels square."""
        pixels: Rgb = self._frame.to_ndarray(format="rgb24")
        if self._aspect != 1.0:
            width = max(1, round(pixels.shape[1] * self._aspect))
            pixels = np.asarray(cv2.resize(pixels, (width, pixels.shape[0])), np.uint8)
        return upright(pixels, _matrix(self._frame))


class VideoFile:
    """A video file, open for reading once. Use as a context manager.

    Args:
        path: the file.

    Raises:
        DataError: missing, empty, cut off before its index, or no video; the message says which.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.notes: list[str] = []
        """What was odd about it and what was done; complete after the last picture."""
        try:
            self._container: Any = av.open(str(path))
        except (av.FFmpegError, OSError, ValueError) as error:
            raise DataError(f"{path}: {_why(self.path, error)}") from error
        tracks = [s for s in self._container.streams.video if not _is_cover(s)]
        format_name = str(self._container.format.name)
        if not tracks or format_name in NOT_VIDEOS or format_name.endswith("_pipe"):
            what = self._what()
            self.close()
            raise DataError(f"{path}: no video in it ({what}); {READ}")
        self._track = tracks[0]
        self._track.thread_type = "AUTO"
        self._skipped = 0

    def __enter__(self) -> VideoFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the file back."""
        self._container.close()

    @property
    def length_s(self) -> float:
        """How long it is by its own header; 0.0 where that does not say."""
        if self._track.duration and self._track.time_base:
            return float(self._track.duration * self._track.time_base)
        # A container's length is also that of its sound.
        alone = len(self._container.streams) == 1 and self._container.duration
        return self._container.duration / av.time_base if alone else 0.0

    @property
    def created_ns(self) -> int:
        """When it was taken: by its header, else by the file system; ns since 1970."""
        text = str(self._container.metadata.get("creation_time", ""))
        try:
            when = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
        except ValueError:
            return max(1, self.path.stat().st_mtime_ns)
        if when.tzinfo is None:
            when = when.replace(tzinfo=datetime.timezone.utc)
        return max(1, round(when.timestamp() * 1000) * 1_000_000)

    def pictures(self) -> Iterator[Picture]:
        """The pictures in the order they are shown, by strictly rising times.

        A damaged or cut file gives what can be read of it; `notes` says so.

        Raises:
            DataError: not a single picture can be read, or there are no times to show them by.
        """
        began: int | None = None
        last_ns, end_ns, late = -1, 0, 0
        aspect = float(self._track.sample_aspect_ratio or 1)  # of a pixel: width by height
        for number, frame in enumerate(self._frames()):
            shown_ns = self._time_ns(frame, number)
            if began is None:
                began = shown_ns
                self._note_colours(frame)
            if shown_ns - began <= last_ns:
                late += 1
                continue
            last_ns = shown_ns - began
            lasts = getattr(frame, "duration", None) or 0  # PyAV before 13 does not tell
            length = round(lasts * (frame.time_base or 0) * 1_000_000_000)
            end_ns = last_ns + length
            yield Picture(last_ns, frame, aspect)
        if began is None:
            raise DataError(
                f"{self.path}: not one picture could be decoded ({self._what()}); "
                "copy it again, or convert it to H.264"
            )
        if late:
            self.notes.append(f"{late} pictures whose time does not rise were left out")
        if self._skipped:
            self.notes.append(f"{self._skipped} damaged pieces could not be decoded")
        if self.length_s - end_ns / 1e9 > CUT_S:
            self.notes.append(
                f"cut off: its header says {self.length_s:.1f} s, {end_ns / 1e9:.1f} s are there"
            )

    def _frames(self) -> Iterator[Any]:
        """All whole frames; what cannot be decoded is skipped and counted."""
        packets = self._container.demux(self._track)
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError:
                self._skipped += 1
                return
            if packet is None:
                return
            try:
                frames = packet.decode()
            except av.FFmpegError:
                self._skipped += 1
                continue
            for frame in frames:
                if frame.is_corrupt:
                    self._skipped += 1
                else:
                    yield frame

    def _time_ns(self, frame: Any, number: int) -> int:
        """When a frame is shown, by the file's own count."""
        if frame.pts is not None and frame.time_base:
            return round(frame.pts * frame.time_base * 1_000_000_000)
        if not self._track.average_rate:
            raise DataError(
                f"{self.path}: its pictures have no times, nor a rate ({self._what()}); "
                "put it into an MP4 or MKV file"
            )
        if number == 0:
            self.notes.append(f"no times in it: taken as {float(self._track.average_rate):g} Hz")
        return round(number / self._track.average_rate * 1_000_000_000)

    def _note_colours(self, frame: Any) -> None:
        curve = HDR.get(int(getattr(frame, "color_trc", 0) or 0))
        if curve:
            self.notes.append(
                f"high dynamic range ({curve}): its colours come out pale; film without it"
            )

    def _what(self) -> str:
        kinds = ", ".join(sorted({str(s.type) for s in self._container.streams})) or "no tracks"
        return f"{self._container.format.name}: {kinds}"


def resample(
    pictures: Iterator[Picture], rate_hz: float, start_s: float = 0.0, end_s: float = float("inf")
) -> Iterator[tuple[int, Picture]]:
    """The picture that is on the screen at each tick, whatever the rate of the file.

    Args:
        pictures: by rising time.
        rate_hz: ticks a second; the first is at `start_s`.
        start_s: where to begin, s after the first picture.
        end_s: where to stop.

    Yields:
        Tick in ns after the first picture, and its picture. The last picture has one tick.
    """
    period_ns = 1_000_000_000 / rate_hz
    tick, tick_ns = 0, round(start_s * 1e9)
    shown: Picture | None = None
    for following in pictures:
        while shown is not None and tick_ns + SLACK_NS < following.time_ns:
            if tick_ns > end_s * 1e9:
                return
            yield tick_ns, shown
            tick += 1
            tick_ns = round(start_s * 1e9 + tick * period_ns)
        shown = following
    if shown is not None and tick_ns <= min(end_s * 1e9, shown.time_ns + SLACK_NS):
        yield tick_ns, shown


def upright(pixels: Rgb, matrix: tuple[int, int, int, int]) -> Rgb:
    """Pixels (H, W, 3) turned and mirrored by a display matrix (a, b, c, d) of -1, 0 and 1.

    Pixel (x, y), counted from the middle, goes to (a x + c y, b x + d y).
    """
    a, b, c, d = matrix
    if a == 0:
        pixels, across, down = pixels.transpose(1, 0, 2), c, b
    else:
        across, down = a, d
    return np.ascontiguousarray(pixels[::down, ::across])


def _matrix(frame: Any) -> tuple[int, int, int, int]:
    """The display matrix of a frame by signs; the identity where it turns by no right angle."""
    found = frame.side_data.get("DISPLAYMATRIX")
    if found is None:
        return 1, 0, 0, 1
    a, b, _, c, d = np.sign(np.frombuffer(bytes(found), np.int32)[:5]).tolist()
    right = (a and d and not b and not c) or (b and c and not a and not d)
    return (a, b, c, d) if right else (1, 0, 0, 1)


def _is_cover(track: Any) -> bool:
    """Whether a track is the picture on the cover of a piece of music."""
    return "attached_pic" in str(track.disposition)


def _why(path: Path, error: Exception) -> str:
    """What is wrong with a file that does not open, and what would do."""
    if not path.exists():
        return "no such file"
    if path.is_dir():
        return "a folder, need a video file"
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError as unread:
        return f"cannot be read: {unread.strerror}"
    if not head:
        return "empty (0 bytes); copy it again"
    if head[4:8] in (b"ftyp", b"moov", b"mdat"):
        return (
            "an MP4 or MOV file without its index: the recording or the copy was cut off; "
            "copy it again, or mend it with a tool such as untrunc"
        )
    return f"not a video that can be read ({error}); {READ}"
