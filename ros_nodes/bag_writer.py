"""Write one episode: an MCAP file in rosbag2's layout, safe against being killed. Imports no ROS.

    episode/metadata.yaml        as rosbag2 version 9 reads it; a first one from the start
    episode/episode.json         `EpisodeInfo`
    episode/episode.mcap.part    while it is written; renamed to `episode.mcap` at the end

Whoever calls `flush` every half second loses no more than that to `kill -9`; `sync` covers power
loss. `ros_nodes.bag_recover` makes an episode of what a killed writer left.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from io import FileIO
from pathlib import Path
from typing import Any

from mcap.writer import CompressionType
from mcap.writer import Writer as McapWriter

from robot_meta.errors import EpisodeError
from ros_nodes.bag_metadata import (
    BAG_FILE,
    Extent,
    TopicRecord,
    channel_metadata,
    qos_profile,
    write_metadata,
)
from ros_nodes.contract import Contract, Qos
from ros_nodes.episode_info import EpisodeInfo, write_info
from ros_nodes.schemas import ENCODING, Definition, definition

PART_FILE = "episode.mcap.part"
CHUNK_BYTES = 1 << 20
COMPRESSIONS = {name: CompressionType[name.upper()] for name in ("none", "lz4", "zstd")}
METADATA_RECORD = "robot_meta"
"""Name of the MCAP metadata record that holds the contract."""


class Writer:
    """An episode being written. Not for two threads at once, but for `sync`.

    Args:
        folder: the episode's own folder; must not exist.
        info: what is known at the start; `outcome` is set by `close`.
        contract: under which it is recorded; its text goes into the file.
        compression: of chunks: `none`, `lz4` or `zstd`.

    Raises:
        EpisodeError: the folder exists already or cannot be made.
    """

    def __init__(
        self,
        folder: Path,
        info: EpisodeInfo,
        contract: Contract | None = None,
        *,
        compression: str = "zstd",
        chunk_bytes: int = CHUNK_BYTES,
    ) -> None:
        self.folder = Path(folder)
        self.info = info
        self._topics: dict[str, TopicRecord] = {}
        self._channels: dict[str, int] = {}
        self._schemas: dict[str, int] = {}
        self._extent = Extent()
        self._metadata_old = True
        try:
            self.folder.mkdir(parents=True)
            self._file = _HashingFile(self.folder / PART_FILE)
        except FileExistsError as error:
            raise EpisodeError(
                f"{folder} exists; nothing recorded is overwritten, choose another name"
            ) from error
        except OSError as error:
            raise EpisodeError(f"{folder}: cannot be made: {error}") from error
        self._mcap: Any = McapWriter(
            self._file,  # type: ignore[arg-type]
            chunk_size=chunk_bytes,
            compression=COMPRESSIONS[compression],
        )
        self._mcap.start(profile="ros2", library="robot-meta")
        if contract is not None:
            self._mcap.add_metadata(METADATA_RECORD, {"contract": json.dumps(contract.to_dict())})
        write_info(self.folder, info)
        self.flush()

    def add_topic(
        self, name: str, type_name: str, qos: Sequence[Qos], definition_of: Definition | None = None
    ) -> None:
        """Announce a topic by its absolute name; once more changes nothing.

        Args:
            name: such as `/joint_states`.
            type_name: such as `sensor_msgs/msg/JointState`.
            qos: what its publishers offer.
            definition_of: of the type; None takes the installed one.

        Raises:
            EpisodeError: the type's definition is not installed.
        """
        if name in self._channels:
            return
        what = definition_of or definition(type_name)
        if type_name not in self._schemas:
            self._schemas[type_name] = self._mcap.register_schema(
                name=type_name, encoding=ENCODING, data=what.text.encode()
            )
        profiles = [qos_profile(q) for q in qos]
        self._channels[name] = self._mcap.register_channel(
            topic=name,
            message_encoding="cdr",
            schema_id=self._schemas[type_name],
            metadata=channel_metadata(profiles, what.hash),
        )
        self._topics[name] = TopicRecord(name, type_name, what.hash, profiles)
        self._metadata_old = True

    def write(self, topic: str, data: bytes, log_ns: int, publish_ns: int) -> None:
        """Append one serialized message.

        Args:
            topic: announced before.
            data: CDR, as the middleware gave it.
            log_ns: when it came, on the recorder's clock.
            publish_ns: when it was sent.
        """
        record = self._topics[topic]
        self._mcap.add_message(
            channel_id=self._channels[topic],
            log_time=log_ns,
            data=data,
            publish_time=publish_ns,
            sequence=record.count,
        )
        record.count += 1
        self._extent.add(log_ns)

    @property
    def counts(self) -> Mapping[str, int]:
        """Messages so far by topic."""
        return {name: record.count for name, record in self._topics.items()}

    @property
    def messages(self) -> int:
        """Messages so far."""
        return sum(record.count for record in self._topics.values())

    def flush(self) -> None:
        """Hand everything to the operating system: from here on it survives this process."""
        self._mcap.flush()
        if self._metadata_old:
            write_metadata(self.folder, list(self._topics.values()), self._extent)
            self._metadata_old = False

    def sync(self) -> None:
        """Wait until what was flushed is on the disk. May be called from another thread."""
        self._file.sync()

    def close(self, outcome: str, reason: str = "", **facts: Any) -> EpisodeInfo:
        """Finish the file, name it `episode.mcap`, and say how it ended.

        Args:
            outcome: one of `episode_info.OUTCOMES`.
            reason: one line for a person.
            facts: further fields of `EpisodeInfo`, such as `dropped`.
        """
        self._mcap.finish()
        self._file.close()
        info = dataclasses.replace(
            self.info,
            outcome=outcome,
            termination_reason=reason,
            duration_s=self._extent.duration_ns / 1e9,
            messages=self.messages,
            sha256=self._file.sha256,
            **facts,
        )
        (self.folder / PART_FILE).rename(self.folder / BAG_FILE)
        write_metadata(self.folder, list(self._topics.values()), self._extent)
        write_info(self.folder, info)
        sync_folder(self.folder)
        return info

    def abort(self) -> None:
        """Let go of the file as it is; `bag_recover.recover` can finish it."""
        with contextlib.suppress(OSError):
            self._mcap.flush()
        with contextlib.suppress(OSError):
            self._file.close()


def sync_folder(folder: Path) -> None:
    """Make renames in a folder survive power loss."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class _HashingFile:
    """A new file that is only appended to, hashed on the way and locked while it is open.

    Not Python's buffered file: that one cannot be closed when the disk is full.
    """

    def __init__(self, path: Path) -> None:
        self._file = FileIO(path, "xb")
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._hash = hashlib.sha256()
        self._buffer = bytearray()
        self._size = 0

    def write(self, data: bytes) -> int:
        self._buffer += data
        self._hash.update(data)
        self._size += len(data)
        if len(self._buffer) >= CHUNK_BYTES:
            self.flush()
        return len(data)

    def tell(self) -> int:
        return self._size

    def flush(self) -> None:
        while self._buffer:
            del self._buffer[: self._file.write(self._buffer)]

    def sync(self) -> None:
        os.fsync(self._file.fileno())

    def close(self) -> None:
        try:
            self.flush()
            self.sync()
        finally:
            self._file.close()

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()
