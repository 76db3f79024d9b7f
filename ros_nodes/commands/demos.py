"""`robot-meta demos ls|show|import|recover|lint`: the episode store. Works without ROS."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from rich.console import Console
from rich.progress import track
from rich.table import Table

from robot_meta.errors import EpisodeError, RobotMetaError
from robot_meta.files import write_json
from ros_nodes.bag import Bag, recover
from ros_nodes.contract import Contract
from ros_nodes.framing import parse_crop
from ros_nodes.importing import check_usable, import_bag, import_episode
from ros_nodes.store import Episode, Store
from ros_nodes.store import lint as problems_of
from ros_nodes.video_import import Cut, import_video, is_video

DIRECTORY = Path("episodes")
"""Where `robot-meta launch record` records to, from the same working directory."""


def ls(directory: Path = DIRECTORY, json: Path | None = None) -> int:
    """List the recorded episodes, oldest first.

    Args:
        directory: Folder of episodes.
        json: Write the list to this file.
    """
    store = Store(directory)
    episodes = store.episodes()
    if json is not None:
        write_json(json, [_facts(episode) for episode in episodes])
    if not episodes:
        print(f"no episodes in {store.root}; `robot-meta record` records one")
        return 0
    table = Table(title=str(store.root), title_justify="left")
    for column in ("episode", "kind", "task", "seconds", "messages", "outcome"):
        table.add_column(column, justify="right" if column in ("seconds", "messages") else "left")
    for episode in episodes:
        table.add_row(*_row(episode))
    console().print(table)
    cut = [e for e in episodes if e.cut]
    if cut:
        print(f"{len(cut)} cut off: `robot-meta demos recover` restores what was written")
    return 0


def show(
    episode: Annotated[str, tyro.conf.Positional] = "last",
    /,
    directory: Path = DIRECTORY,
    robot: str = "sawyer",
    json: Path | None = None,
) -> int:
    """Show what an episode holds, and whether the robot can learn from it.

    Args:
        episode: Name, start of a name, path, or `last`.
        directory: Folder of episodes.
        robot: Whose contract it is to fit: a name or a .yaml file.
        json: Write it to this file too.
    """
    folder = _find(Store(directory), episode)
    bag = Bag.open(folder)
    why = check_usable(folder, Contract.load(robot))
    if json is not None:
        facts = {
            "path": str(folder),
            "info": dataclasses.asdict(bag.info) if bag.info else None,
            "duration_s": bag.duration_s,
            "topics": {t: {"type": bag.types[t], "messages": bag.counts[t]} for t in bag.types},
            "usable": not why,
            "why_not": why,
        }
        write_json(json, facts)
    print(folder)
    if bag.info is not None:
        for name, value in dataclasses.asdict(bag.info).items():
            if value not in ("", None, (), {}) and name != "format":
                print(f"  {name:<20}{', '.join(value) if isinstance(value, tuple) else value}")
    table = Table()
    for column in ("topic", "type", "messages", "Hz"):
        table.add_column(column, justify="right" if column in ("messages", "Hz") else "left")
    for topic in sorted(bag.types):
        rate = bag.counts[topic] / bag.duration_s if bag.duration_s else 0.0
        table.add_row(topic, bag.types[topic], str(bag.counts[topic]), f"{rate:.1f}")
    console().print(table)
    print(f"not usable as a demo of {robot}: {why}" if why else f"usable as a demo of {robot}")
    return 0


def import_(
    source: Annotated[Path, tyro.conf.Positional],
    /,
    directory: Path = DIRECTORY,
    kind: Literal["robot", "human"] | None = None,
    task: str = "",
    remap: tuple[str, ...] = (),
    crop: str = "",
    hz: float = 0.0,
    start: float | None = None,
    end: float | None = None,
    robot: str = "sawyer",
) -> int:
    """Bring an episode, a bag that was recorded elsewhere, or a video of a person into the store.

    A video becomes an episode of kind `human`, with a strip of its pictures in `preview.png`.

    Args:
        source: Folder of an episode or of a rosbag2 bag, an .mcap file, or a video file.
        directory: Folder of episodes.
        kind: What a foreign bag shows: a driven robot, or a person.
        task: Label of a foreign bag or of a video.
        remap: Topics of a foreign bag under other names, as /camera/color:=/front/image_raw.
        crop: Of a video: x,y,width,height in pixels; the largest square in the middle if not given.
        hz: Of a video: pictures a second; 0 for the robot's.
        start: Of a video: second to begin at; where something begins to move if not given.
        end: Of a video: second to end at; where nothing moves any more if not given.
        robot: Whose contract it is to fit: a name or a .yaml file.
    """
    contract, store = Contract.load(robot), Store(directory)
    if not source.exists():
        raise EpisodeError(f"{source}: no such file or folder")
    if is_video(source):
        if kind == "robot" or remap:
            raise EpisodeError(f"{source}: a video shows a person; leave out --kind and --remap")
        cut = Cut(parse_crop(crop), hz, start, end)
        folder = _import_video(source, store, contract, cut, task)
    elif crop or hz or start is not None or end is not None:
        raise EpisodeError(f"{source}: no video; --crop, --hz, --start and --end are for videos")
    elif kind is None:
        if remap or task:
            raise EpisodeError("--remap and --task are for foreign bags; say what it is by --kind")
        folder = import_episode(source, store)
    else:
        names = dict(_renaming(word) for word in remap)
        folder = import_bag(source, store, contract, kind=kind, task=task, names=names)
    print(folder)
    why = check_usable(folder, contract)
    if why:
        print(f"not usable as a demo of {robot}: {why}", file=sys.stderr)
    return 0


def recover_(
    episode: Annotated[str, tyro.conf.Positional] = "", /, directory: Path = DIRECTORY
) -> int:
    """Finish recordings that were cut off when their recorder was killed.

    What was written up to half a second before is kept; the cut file stays beside the episode.

    Args:
        episode: Name or path of one episode; without it, all in the directory.
        directory: Folder of episodes.
    """
    store = Store(directory)
    if episode:
        info = recover(_find(store, episode, exact=True))
        print(f"recovered: {info.messages} messages, {info.duration_s:.1f} s" if info else "done")
        return 0
    results = store.recover()
    for found, text in results:
        print(f"{found.name}: {text}")
    if not results:
        print(f"nothing was cut off in {store.root}")
    return 0 if all(text.startswith("recovered") for _, text in results) else 1


def lint(
    episodes: Annotated[tuple[str, ...], tyro.conf.Positional] = (),
    /,
    directory: Path = DIRECTORY,
    robot: str = "sawyer",
    json: Path | None = None,
) -> int:
    """Check episodes: every message read, sums compared, and a demo made of each.

    The exit code is 1 where something is wrong.

    Args:
        episodes: Names or paths; without any, all in the directory.
        directory: Folder of episodes.
        robot: Whose contract they are to fit: a name or a .yaml file.
        json: Write what was found to this file.
    """
    store, contract = Store(directory), Contract.load(robot)
    folders = [_find(store, e) for e in episodes] or [e.path for e in store.episodes()]
    found = {}
    for folder in track(folders, "checking", console=console(), disable=len(folders) < 2):
        lines = list(problems_of(folder))
        why = check_usable(folder, contract)
        found[str(folder)] = [*lines, *([why] if why and why not in lines else [])]
    for name, lines in found.items():
        print(f"{Path(name).name}: {'good' if not lines else ''}")
        for line in lines:
            print(f"  {line}")
    if json is not None:
        write_json(json, found)
    return 1 if any(found.values()) else 0


demos = {"ls": ls, "show": show, "import": import_, "recover": recover_, "lint": lint}


def console(*, stderr: bool = False) -> Console:
    """A console that does not cut tables to 80 columns where the output is a file."""
    out = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr) if out.isatty() else Console(width=140, stderr=stderr)


def _find(store: Store, episode: str, *, exact: bool = False) -> Path:
    """An episode of the store, or one anywhere that is named by its path."""
    path = Path(episode)
    if path.exists() and (exact or "/" in episode or path.suffix == ".mcap"):
        return path
    try:
        return store.find(episode)
    except EpisodeError:
        if path.exists():
            return path
        raise


def _import_video(source: Path, store: Store, contract: Contract, cut: Cut, task: str) -> Path:
    """Import a video; what was taken of it goes to stderr, so that the path stands alone."""
    with console(stderr=True).status(f"reading {source.name}"):
        done = import_video(source, store, contract, cut, task=task)
    span = f"{done.start_s:.1f} to {done.end_s:.1f} s of {done.length_s:.1f} s"
    print(f"{done.pictures} pictures at {done.hz:g} Hz, {span}: {done.preview}", file=sys.stderr)
    for note in done.notes:
        print(f"  {note}", file=sys.stderr)
    return done.folder


def _renaming(word: str) -> tuple[str, str]:
    old, separator, new = word.partition(":=")
    if not (separator and old.startswith("/") and new.startswith("/")):
        raise RobotMetaError(f"--remap {word!r}: write /old:=/new, both from the root")
    return old, new


def _row(episode: Episode) -> Sequence[str]:
    info = episode.info
    outcome = "cut off" if episode.cut else info.outcome if info else ""
    if info is None:
        return episode.name, "?", episode.problem, "", "", outcome
    seconds = "" if episode.cut else f"{info.duration_s:.1f}"
    return episode.name, info.kind, info.task, seconds, str(info.messages or ""), outcome


def _facts(episode: Episode) -> dict[str, Any]:
    return {
        "path": str(episode.path),
        "cut": episode.cut,
        "problem": episode.problem,
        "info": dataclasses.asdict(episode.info) if episode.info else None,
    }
