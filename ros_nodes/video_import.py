"""Turn a video of a person into an episode of kind `human`. Imports no ROS.

The pictures are taken at the contract's rate by the times at which the video shows them, cut and
scaled as the camera node does it, and written as if a camera had been recorded.
"""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robot_meta.errors import DemoFormatError
from robot_meta.files import write_atomic
from ros_nodes import preview
from ros_nodes.bag import MAX_DEMO_FRAMES
from ros_nodes.bag_writer import Writer
from ros_nodes.contract import Contract
from ros_nodes.episode_info import EpisodeInfo
from ros_nodes.framing import Framing
from ros_nodes.image_codec import ImageCodec
from ros_nodes.motion import Motion
from ros_nodes.store import Store
from ros_nodes.video_file import VideoFile, resample

Rgb = NDArray[np.uint8]

PREVIEW_FILE = "preview.png"
BAGS = (".mcap", ".db3", ".bag")
"""Endings of files that are no videos."""
DEFAULT_HZ = 10.0


@dataclass(frozen=True)
class Cut:
    """What is taken of a video."""

    crop: tuple[int, int, int, int] | None = None
    """x, y, width, height in pixels of the upright picture; None: the largest one in the middle."""
    hz: float = 0.0
    """Pictures a second; 0: the contract's."""
    start_s: float | None = None
    """None: where motion begins."""
    end_s: float | None = None
    """None: where motion ends."""


@dataclass(frozen=True)
class Imported:
    """What became of a video."""

    folder: Path
    pictures: int
    hz: float
    start_s: float
    end_s: float
    """Time in the video of the first and of the last picture."""
    length_s: float
    """Of the video, as far as it was looked at."""
    preview: Path
    notes: tuple[str, ...]
    """What was odd about the file."""


def is_video(source: Path) -> bool:
    """Whether a path is to be read as a video, and not as a bag."""
    return source.is_file() and source.suffix.lower() not in BAGS


def import_video(
    source: Path, store: Store, contract: Contract, cut: Cut | None = None, *, task: str = ""
) -> Imported:
    """Write a video into the store as a `human` episode.

    Args:
        source: any file that PyAV reads.
        store: where to.
        contract: of the robot that is to learn from it.
        cut: which part of it.
        task: a label for people.

    Raises:
        DataError: the file cannot be read.
        DemoFormatError: nothing moves in it, or there is nothing between start and end.
        ConfigError: the crop does not fit the picture.
        EpisodeError: the episode cannot be written.
    """
    asked = cut or Cut()
    hz = asked.hz or contract.topic(contract.camera.image_topic).rate_hz or DEFAULT_HZ
    reader = _Reader(source, contract, asked, hz)
    motion, views = Motion(hz), []
    for _, rgb in reader.pictures():
        view = contract.camera.spec.apply(rgb)
        motion.add(view)
        views.append(view)
        if len(views) > MAX_DEMO_FRAMES:
            raise DemoFormatError(f"{source}: over {MAX_DEMO_FRAMES} pictures; give --end")
    first, last = _span(source, motion, asked, reader)
    folder = _write(reader, store, contract, task, first, last)
    times_s = [reader.start_s + i / hz for i in range(len(views))]
    picture = preview.strip(views[first : last + 1], times_s[first : last + 1])
    curve = preview.curve(motion.shares, first, last, picture.shape[1])
    write_atomic(folder / PREVIEW_FILE, preview.png(np.concatenate([picture, curve])))
    return Imported(
        folder=folder,
        pictures=last - first + 1,
        hz=hz,
        start_s=times_s[first],
        end_s=times_s[last],
        length_s=times_s[-1],
        preview=folder / PREVIEW_FILE,
        notes=reader.notes,
    )


class _Reader:
    """The contract's pictures of a video, as often as they are wanted."""

    def __init__(self, source: Path, contract: Contract, cut: Cut, hz: float) -> None:
        self.source, self.hz = source, hz
        self.start_s = max(0.0, cut.start_s or 0.0)
        self.notes: tuple[str, ...] = ()
        self.created_ns = 0
        self._camera, self._cut = contract.camera, cut
        end_s = float("inf") if cut.end_s is None else cut.end_s
        if not (self.start_s < end_s and hz > 0):
            raise DemoFormatError(
                f"{source}: from {self.start_s:g} s to {end_s:g} s at {hz:g} Hz is nothing"
            )
        self._end_s = end_s

    def pictures(self) -> Iterator[tuple[int, Rgb]]:
        """(time in the video in ns, picture of the contract's camera) at every tick."""
        framings: dict[tuple[int, ...], Framing] = {}
        shown, framed = None, None
        with VideoFile(self.source) as file:
            self.created_ns = file.created_ns
            for tick_ns, picture in resample(file.pictures(), self.hz, self.start_s, self._end_s):
                if framed is None or picture is not shown:
                    rgb = picture.rgb()
                    height, width = rgb.shape[:2]
                    if rgb.shape not in framings:
                        crop = self._cut.crop
                        framings[rgb.shape] = Framing.of(height, width, self._camera, crop)
                    shown, framed = picture, framings[rgb.shape].apply(rgb)
                yield tick_ns, framed
            self.notes = tuple(file.notes)


def _span(source: Path, motion: Motion, cut: Cut, reader: _Reader) -> tuple[int, int]:
    """First and last of the pictures that are kept."""
    count = len(motion.shares)
    if count < 2:
        raise DemoFormatError(
            f"{source}: {count} pictures from {reader.start_s:g} s on at {reader.hz:g} Hz; "
            "a demonstration is a motion: film it, or give an earlier --start"
        )
    if cut.start_s is not None and cut.end_s is not None:
        return 0, count - 1
    found = motion.span()
    if found is None:
        most = 100 * max(motion.shares)
        raise DemoFormatError(
            f"{source}: nothing moves in it for long ({most:.1f} % of the pixels at most); is what "
            "is done inside the crop? Else say when it is by --start and --end, in seconds"
        )
    first, last = found
    return (
        0 if cut.start_s is not None else first,
        count - 1 if cut.end_s is not None else last,
    )


def _write(
    reader: _Reader, store: Store, contract: Contract, task: str, first: int, last: int
) -> Path:
    """Write the pictures `first` to `last` as an episode; its folder."""
    info = EpisodeInfo(
        robot=contract.robot,
        kind="human",
        task=task,
        contract_hash=contract.hash,
        created=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    )
    writer = Writer(store.new_folder(task or reader.source.stem), info, contract)
    codec = ImageCodec(contract)
    try:
        for number, (tick_ns, rgb) in enumerate(reader.pictures()):
            if first <= number <= last:
                codec.write(writer, reader.created_ns + tick_ns, rgb)
        span = (
            f"{reader.start_s + first / reader.hz:.1f} to {reader.start_s + last / reader.hz:.1f}"
        )
        writer.close("succeeded", f"imported from {reader.source.name}, {span} s")
    except BaseException:
        writer.abort()
        shutil.rmtree(writer.folder)  # half of an episode
        raise
    return writer.folder
