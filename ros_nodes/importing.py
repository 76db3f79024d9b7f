"""Bring episodes of other stores, and other people's bags, into a store. Imports no ROS.

An episode is copied as it is. A foreign bag (rosbag2 with SQLite or MCAP) is written anew, message
by message with its own stamps, so that it has what an episode has.
"""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from rosbags.highlevel import AnyReader, AnyReaderError
from rosbags.interfaces import ConnectionExtRosbag2

from robot_meta.errors import DemoFormatError, EpisodeError
from ros_nodes.bag import Bag
from ros_nodes.bag_metadata import BAG_FILE
from ros_nodes.bag_recover import sha256_of
from ros_nodes.bag_writer import PART_FILE, Writer
from ros_nodes.contract import Contract, Qos
from ros_nodes.episode_info import EpisodeInfo, read_info
from ros_nodes.schemas import Definition
from ros_nodes.store import Store


def import_episode(source: Path, store: Store) -> Path:
    """Copy a finished episode into the store and return its new folder.

    Raises:
        EpisodeError: not an episode, cut off, changed since it was recorded, or no room.
        DemoFormatError: its `episode.json` or its bag cannot be read.
    """
    info = read_info(source)
    if info is None:
        raise EpisodeError(f"{source}: no episode.json; a foreign bag needs --kind")
    if not (source / BAG_FILE).is_file():
        hint = f"run `robot-meta demos recover {source}`" if (source / PART_FILE).exists() else ""
        raise EpisodeError(f"{source}: no {BAG_FILE}: its recording was not finished; {hint}")
    Bag.open(source)
    if info.sha256 and sha256_of(source / BAG_FILE) != info.sha256:
        raise EpisodeError(
            f"{source}: {BAG_FILE} is not the file that was recorded (SHA-256 differs); "
            "copy it again"
        )
    target = _free(store, source.resolve().name)
    try:
        shutil.copytree(source, target)
    except (OSError, shutil.Error) as error:
        raise EpisodeError(f"{source}: cannot be copied to {target}: {error}") from error
    return target


def import_bag(
    source: Path,
    store: Store,
    contract: Contract,
    *,
    kind: str,
    task: str = "",
    names: Mapping[str, str] | None = None,
) -> Path:
    """Write a foreign rosbag2 bag into the store as an episode and return its folder.

    Args:
        source: a folder with `metadata.yaml`, or an MCAP file.
        store: where to.
        contract: of the robot it was recorded on.
        kind: `robot` or `human`.
        task: a label for people.
        names: topic in the bag -> topic in the episode; others keep theirs.

    Raises:
        EpisodeError: it cannot be read, or a topic of `names` is not in it.
    """
    names = dict(names or {})
    info = EpisodeInfo(
        robot=contract.robot,
        kind=kind,
        task=task,
        contract_hash=contract.hash,
        created=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    )
    folder = store.new_folder(task or source.stem)
    writer = Writer(folder, info, contract)
    try:
        for topic, type_name, offers, what, stamp_ns, data in _messages(source, set(names)):
            name = names.get(topic, topic)
            writer.add_topic(name, type_name, offers, what)
            writer.write(name, data, stamp_ns, stamp_ns)
        if not writer.messages:
            raise EpisodeError(f"{source}: no messages in it")
        writer.close("succeeded", f"imported from {source}")
    except BaseException as error:
        writer.abort()
        shutil.rmtree(folder)  # half of a copy that was never an episode
        if isinstance(error, AnyReaderError | OSError | ValueError | KeyError):
            raise EpisodeError(f"{source}: cannot be read as a ROS 2 bag: {error}") from error
        raise
    return folder


def _messages(
    source: Path, needed: set[str]
) -> Iterator[tuple[str, str, tuple[Qos, ...], Definition, int, bytes]]:
    """(topic, type, offers, definition, receive stamp, CDR) of a bag, in the order they came."""
    with AnyReader([source]) as reader:
        if not reader.is2:
            raise EpisodeError(f"{source}: a ROS 1 bag; convert it with `rosbags-convert` first")
        missing = needed - set(reader.topics)
        if missing:
            there = ", ".join(sorted(reader.topics))
            raise EpisodeError(f"{source}: no topic {sorted(missing)}; there are {there}")
        about = {}
        for connection in reader.connections:
            store, name = reader.typestore, connection.msgtype
            text, _ = store.generate_msgdef(name, ros_version=2)
            offers = _offers(connection.ext)
            about[connection.id] = (offers, Definition(text, store.hash_rihs01(name)))
        for connection, stamp_ns, data in reader.messages():
            offers, what = about[connection.id]
            yield connection.topic, connection.msgtype, offers, what, stamp_ns, bytes(data)


def _offers(extra: object) -> tuple[Qos, ...]:
    if not isinstance(extra, ConnectionExtRosbag2):
        return ()
    return tuple(
        Qos(
            "best_effort" if q.reliability.name == "BEST_EFFORT" else "reliable",
            "transient_local" if q.durability.name == "TRANSIENT_LOCAL" else "volatile",
            max(1, q.depth),
        )
        for q in extra.offered_qos_profiles
    )


def _free(store: Store, name: str) -> Path:
    target, number = store.root / name, 1
    while target.exists():
        number += 1
        target = store.root / f"{name}-{number}"
    return target


def check_usable(folder: Path, contract: Contract) -> str:
    """Why an episode cannot be learned from on this robot; "" where it can."""
    from ros_nodes.bag import read_demo

    try:
        read_demo(folder, contract)
    except DemoFormatError as error:
        return str(error)
    return ""
