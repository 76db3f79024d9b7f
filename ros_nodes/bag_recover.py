"""Make an episode of what a killed recorder left. Imports no ROS.

Whole records up to the cut are copied into a new file; the cut file is kept beside it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import yaml
import zstandard
from mcap.exceptions import McapError
from mcap.records import Channel, McapRecord, Message, Metadata, Schema
from mcap.stream_reader import StreamReader
from mcap.writer import Writer as McapWriter

from robot_meta.errors import EpisodeError
from ros_nodes.bag_metadata import BAG_FILE, Extent, TopicRecord, write_metadata
from ros_nodes.bag_writer import PART_FILE, sync_folder
from ros_nodes.episode_info import EpisodeInfo, read_info, write_info

CUT_FILE = "episode.mcap.cut"
"""The file as the killed recorder left it."""
# A damaged length must not take all memory.
MAX_RECORD_BYTES = 1 << 30
_FRESH_FILE = "episode.mcap.recovering"


def recover(source: str | Path) -> EpisodeInfo | None:
    """Finish a recording that was cut off: every whole message up to the cut is kept.

    Args:
        source: the episode's folder, or its cut MCAP file.

    Returns:
        What is now known of the episode; None for a bag without `episode.json`.

    Raises:
        EpisodeError: nothing to recover, still being recorded, or not one whole message.
    """
    cut = _cut_file(Path(source))
    folder = cut.parent
    fresh = folder / _FRESH_FILE
    with cut.open("rb") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise EpisodeError(f"{cut}: still being recorded; stop the recorder first") from error
        with fresh.open("wb") as out:
            topics, extent = _copy(stream, out)
            out.flush()
            os.fsync(out.fileno())
    if extent.first_ns is None:
        fresh.unlink()
        raise EpisodeError(f"{cut}: not one whole message in it; nothing can be recovered")
    cut.rename(_free(folder / CUT_FILE))
    fresh.rename(folder / BAG_FILE)
    write_metadata(folder, topics, extent)
    info = read_info(folder)
    if info is not None:
        info = dataclasses.replace(
            info,
            outcome="recovered",
            termination_reason="the recorder was killed; whole messages up to the cut were kept",
            duration_s=extent.duration_ns / 1e9,
            messages=sum(topic.count for topic in topics),
            sha256=sha256_of(folder / BAG_FILE),
        )
        write_info(folder, info)
    sync_folder(folder)
    return info


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _cut_file(source: Path) -> Path:
    if source.is_file():
        return source
    part = source / PART_FILE
    if part.is_file():
        return part
    if (source / BAG_FILE).is_file():
        raise EpisodeError(
            f"{source}: {BAG_FILE} was finished, nothing to recover; "
            f"if it is damaged, name the file itself: {source / BAG_FILE}"
        )
    raise EpisodeError(f"{source}: neither {PART_FILE} nor {BAG_FILE} is there; not an episode")


def _free(path: Path) -> Path:
    """This path or the next of its kind that is not there: an earlier cut file is kept."""
    number = 1
    while path.exists():
        number += 1
        path = path.with_name(f"{CUT_FILE}{number}")
    return path


def _copy(stream: BinaryIO, out: BinaryIO) -> tuple[list[TopicRecord], Extent]:
    """Write schemas, channels, messages and metadata anew, with an index at the end."""
    writer: Any = McapWriter(out)
    writer.start(profile="ros2", library="robot-meta")
    schemas: dict[int, tuple[int, str]] = {}
    channels: dict[int, tuple[int, TopicRecord]] = {}
    extent = Extent()
    for record in _whole_records(stream):
        if isinstance(record, Schema) and record.id not in schemas:
            number = writer.register_schema(record.name, record.encoding, record.data)
            schemas[record.id] = (number, record.name)
        elif isinstance(record, Channel) and record.id not in channels:
            schema, type_name = schemas.get(record.schema_id, (0, ""))
            number = writer.register_channel(
                record.topic, record.message_encoding, schema, record.metadata
            )
            channels[record.id] = (number, _topic(record, type_name))
        elif isinstance(record, Message) and record.channel_id in channels:
            number, topic = channels[record.channel_id]
            writer.add_message(
                number, record.log_time, record.data, record.publish_time, record.sequence
            )
            topic.count += 1
            extent.add(record.log_time)
        elif isinstance(record, Metadata):
            writer.add_metadata(record.name, record.metadata)
    writer.finish()
    return [topic for _, topic in channels.values()], extent


def _whole_records(stream: BinaryIO) -> Iterator[McapRecord]:
    """The records up to the cut."""
    # Damage inside a record shows in many ways; what came before it is whole.
    damage = (
        McapError,
        zstandard.ZstdError,
        struct.error,
        EOFError,
        ValueError,
        KeyError,
        IndexError,
        RuntimeError,
    )
    with contextlib.suppress(*damage):
        yield from StreamReader(
            stream, record_size_limit=MAX_RECORD_BYTES, validate_crcs=True
        ).records


def _topic(channel: Channel, type_name: str) -> TopicRecord:
    profiles = yaml.safe_load(channel.metadata.get("offered_qos_profiles", "") or "[]")
    return TopicRecord(
        channel.topic,
        type_name,
        channel.metadata.get("topic_type_hash", ""),
        profiles if isinstance(profiles, list) else [],
    )
