"""The episode store: a folder of episodes that only grows. Imports no ROS.

    store/20261123-174503-place_test_12/    one episode
    store/trash/                            what was discarded; empty it by hand

Nothing here overwrites or deletes an episode.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from robot_meta.errors import DemoFormatError, EpisodeError
from ros_nodes.bag import Bag, recover
from ros_nodes.bag_metadata import BAG_FILE, METADATA_FILE
from ros_nodes.bag_recover import sha256_of
from ros_nodes.bag_writer import PART_FILE
from ros_nodes.episode_info import FILE, EpisodeInfo, read_info

TRASH = "trash"
MAX_LABEL = 48


@dataclass(frozen=True)
class Episode:
    """One episode of a store."""

    path: Path
    info: EpisodeInfo | None
    """None where `episode.json` is missing or cannot be read: `problem` says why."""
    cut: bool
    """Its recording was not finished: it is still going on, or was killed."""
    problem: str = ""

    @property
    def name(self) -> str:
        """Of the folder."""
        return self.path.name


class Store:
    """A folder of episodes; made when the first is recorded."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root).expanduser().absolute()

    def episodes(self) -> list[Episode]:
        """All episodes, oldest first."""
        return [self._episode(path) for path in self._folders()]

    def new_folder(self, label: str = "", when: datetime.datetime | None = None) -> Path:
        """A folder that does not exist yet, named by time and label."""
        when = when or datetime.datetime.now()
        name = "-".join(x for x in (when.strftime("%Y%m%d-%H%M%S"), _plain(label)) if x)
        folder, number = self.root / name, 1
        while folder.exists() or (self.root / TRASH / folder.name).exists():
            number += 1
            folder = self.root / f"{name}-{number}"
        return folder

    def find(self, name: str) -> Path:
        """The folder of an episode by name, by the start of its name, by path, or `last`.

        Raises:
            EpisodeError: none or several fit, or the path leads out of the store.
        """
        folders = self._folders()
        if name == "last":
            if folders:
                return folders[-1]
            raise EpisodeError(f"{self.root}: no episodes; record one first")
        if "/" in name:
            return self.inside(name)
        exact = [f for f in folders if f.name == name]
        fits = exact or [f for f in folders if f.name.startswith(name)]
        if len(fits) == 1:
            return fits[0]
        which = ", ".join(f.name for f in (fits or folders)[-5:]) or "none"
        many = f"{len(fits)} episodes begin with" if fits else "no episode"
        raise EpisodeError(f"{self.root}: {many} {name!r}; there are {which}")

    def inside(self, uri: str) -> Path:
        """The folder that a message names, if it is one of this store's episodes.

        Raises:
            EpisodeError: it leads out of the store (by `..`, a link or another root), or is none.
        """
        path = (self.root / uri.removeprefix("file://")).resolve()
        if self.root.resolve() not in path.parents:
            raise EpisodeError(
                f"{uri}: not inside the store {self.root}; "
                "`robot-meta demos import` brings episodes in"
            )
        if not path.is_dir():
            raise EpisodeError(f"{uri}: no such episode in {self.root}")
        return path

    def discard(self, folder: Path) -> Path:
        """Move an episode to the trash; it is not deleted.

        Raises:
            EpisodeError: not an episode of this store.
        """
        if folder.parent.resolve() != self.root.resolve() or not folder.is_dir():
            raise EpisodeError(f"{folder}: not an episode of {self.root}")
        trash = self.root / TRASH
        trash.mkdir(exist_ok=True)
        target, number = trash / folder.name, 1
        while target.exists():
            number += 1
            target = trash / f"{folder.name}-{number}"
        folder.rename(target)
        return target

    def recover(self) -> list[tuple[Episode, str]]:
        """Finish every recording that was cut off; each with what happened to it."""
        out = []
        for episode in self.episodes():
            if episode.cut:
                try:
                    info = recover(episode.path)
                    kept = f"{info.messages} messages, {info.duration_s:.1f} s" if info else "kept"
                    out.append((self._episode(episode.path), f"recovered: {kept}"))
                except EpisodeError as error:
                    out.append((episode, str(error)))
        return out

    def _folders(self) -> list[Path]:
        if not self.root.is_dir():
            return []
        found = (p for p in self.root.iterdir() if p.is_dir() and p.name != TRASH)
        return sorted(p for p in found if _is_episode(p))

    def _episode(self, path: Path) -> Episode:
        cut = (path / PART_FILE).exists() and not (path / BAG_FILE).exists()
        try:
            info = read_info(path)
        except DemoFormatError as error:
            return Episode(path, None, cut, str(error))
        return Episode(path, info, cut, "" if info else f"no {FILE}: a foreign bag")


def lint(folder: Path) -> Iterator[str]:
    """What is wrong with an episode; nothing where all is well. Reads every message."""
    try:
        info = read_info(folder)
        bag = Bag.open(folder)
        count = sum(1 for _ in bag.messages())
    except DemoFormatError as error:
        yield str(error)
        return
    if not (folder / METADATA_FILE).is_file():
        yield f"{METADATA_FILE} is missing: `ros2 bag` will not open it"
    for topic, number in sorted(bag.counts.items()):
        if number == 0:
            yield f"no messages on {topic}"
    if info is None:
        yield f"no {FILE}: kind, task and outcome are unknown; `robot-meta demos import` adds one"
        return
    if count != info.messages:
        yield f"{count} messages, {FILE} says {info.messages}"
    if info.sha256 and info.sha256 != sha256_of(bag.path):
        yield f"{bag.path.name} was changed after it was recorded (SHA-256 differs)"
    if info.dropped:
        yield f"{info.dropped} messages were dropped while recording"
    if info.silent_topics:
        yield f"nothing came on {', '.join(info.silent_topics)}"
    if info.outcome == "error":
        yield f"the recording ended with an error: {info.termination_reason}"


def _is_episode(path: Path) -> bool:
    names = (FILE, METADATA_FILE, BAG_FILE, PART_FILE)
    return any((path / name).is_file() for name in names)


def _plain(label: str) -> str:
    """A label as part of a folder's name: no separators, no dots in front, not long."""
    return re.sub(r"[^A-Za-z0-9.]+", "_", label).strip("_.")[:MAX_LABEL]
