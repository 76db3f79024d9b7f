"""Read episodes: messages as they came, and a bag as a `Demo`. Imports no ROS.

`read_demo` feeds every message through the same `Sampler` as a running robot does. Writing is in
`bag_writer`, what a killed recorder left is for `bag_recover`.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import zstandard
from mcap.exceptions import McapError
from mcap.reader import SeekingReader
from mcap.records import Channel, Schema
from rosbags.serde import SerdeError
from rosbags.typesys import TypesysError

from robot_meta.errors import DemoFormatError, EpisodeError, ObservationError
from robot_meta.types import Demo, Frame
from ros_nodes import labels
from ros_nodes.bag_metadata import BAG_FILE
from ros_nodes.bag_recover import recover
from ros_nodes.bag_writer import METADATA_RECORD, PART_FILE, Writer
from ros_nodes.contract import Contract
from ros_nodes.episode_info import EpisodeInfo, read_info
from ros_nodes.sampler import JOINT_TOPIC, Sampler
from ros_nodes.schemas import ENCODING, typestore

__all__ = ["Bag", "RawMessage", "Writer", "read_demo", "read_messages", "recover"]

# A chunk is decompressed whole: refuse what no recorder of ours writes before memory is taken.
MAX_CHUNK_BYTES = 256 << 20
MAX_DEMO_FRAMES = 20_000


class RawMessage(NamedTuple):
    """One message as it came."""

    topic: str
    type: str
    log_ns: int
    """When it came, on the recorder's clock."""
    publish_ns: int
    """When it was sent."""
    data: bytes
    """CDR."""


@dataclass
class Bag:
    """An MCAP bag, opened by `Bag.open`: what it holds, without its messages."""

    path: Path
    """The MCAP file."""
    info: EpisodeInfo | None
    """None for a bag that is not an episode of ours."""
    types: dict[str, str]
    """Topic -> type."""
    counts: dict[str, int]
    """Topic -> number of messages."""
    first_ns: int
    last_ns: int
    contract: dict[str, Any] | None = None
    """The contract it was recorded under, as plain data."""
    _definitions: dict[str, str] = field(default_factory=dict, repr=False)

    @staticmethod
    def open(source: str | Path) -> Bag:
        """Open an episode's folder, a rosbag2 folder with one MCAP file, or an MCAP file.

        Raises:
            DemoFormatError: missing, cut, of another format, or too large to be one of ours.
        """
        path = _mcap_path(Path(source))
        with _reading(path), path.open("rb") as stream:
            reader = SeekingReader(stream, validate_crcs=True)
            header, summary = reader.get_header(), reader.get_summary()
            if summary is None or summary.statistics is None:
                raise EOFError("no summary at the end")
            largest = max((c.uncompressed_size for c in summary.chunk_indexes), default=0)
            if largest > MAX_CHUNK_BYTES:
                raise DemoFormatError(
                    f"{path}: a chunk of {largest} bytes, at most {MAX_CHUNK_BYTES} are read"
                )
            records = {record.name: record.metadata for record in reader.iter_metadata()}
        if header.profile not in ("ros2", ""):
            raise DemoFormatError(
                f"{path}: MCAP profile {header.profile!r}, need a ROS 2 bag (profile 'ros2')"
            )
        counts = summary.statistics.channel_message_counts
        bag = Bag(
            path=path,
            info=read_info(path.parent),
            types={},
            counts={},
            first_ns=summary.statistics.message_start_time,
            last_ns=summary.statistics.message_end_time,
            contract=_contract(records),
        )
        for channel in summary.channels.values():
            bag._take(channel, summary.schemas.get(channel.schema_id), counts.get(channel.id, 0))
        return bag

    @property
    def duration_s(self) -> float:
        """From the first receive stamp to the last."""
        return (self.last_ns - self.first_ns) / 1e9

    def messages(self, topics: Collection[str] | None = None) -> Iterator[RawMessage]:
        """Messages by rising receive stamp; all topics, or these."""
        with _reading(self.path), self.path.open("rb") as stream:
            reader = SeekingReader(stream, validate_crcs=True)
            for _, channel, message in reader.iter_messages(topics=topics):
                yield RawMessage(
                    channel.topic,
                    self.types[channel.topic],
                    message.log_time,
                    message.publish_time,
                    message.data,
                )

    def decoded(self, topics: Collection[str]) -> Iterator[tuple[str, int, Any]]:
        """(topic, receive stamp in ns, message) of these topics, in the order they came.

        Raises:
            DemoFormatError: a message does not fit its own definition, or the file is damaged.
        """
        wanted = {self.types[topic] for topic in topics if topic in self.types}
        try:
            store = typestore({name: self._definitions[name] for name in wanted})
        except (EpisodeError, KeyError) as error:
            raise DemoFormatError(f"{self.path}: no definition to decode with: {error}") from error
        for raw in self.messages(topics):
            try:
                message = store.deserialize_cdr(raw.data, raw.type)
            except (SerdeError, TypesysError, ValueError, LookupError, RecursionError) as error:
                raise DemoFormatError(
                    f"{self.path}: {raw.topic} at {raw.log_ns} ns is no {raw.type}: {error}"
                ) from error
            yield raw.topic, raw.log_ns, message

    def _take(self, channel: Channel, schema: Schema | None, count: int) -> None:
        if channel.message_encoding != "cdr" or schema is None or schema.encoding != ENCODING:
            raise DemoFormatError(
                f"{self.path}: {channel.topic} is {channel.message_encoding!r} by a schema of "
                f"{schema.encoding if schema else 'none'!r}; need 'cdr' by {ENCODING!r}"
            )
        self.types[channel.topic] = schema.name
        self.counts[channel.topic] = self.counts.get(channel.topic, 0) + count
        self._definitions[schema.name] = schema.data.decode("utf-8", "replace")


def read_messages(
    source: str | Path, topics: Collection[str] | None = None
) -> Iterator[RawMessage]:
    """The messages of a bag by rising receive stamp; all topics, or these absolute names."""
    return Bag.open(source).messages(topics)


def read_demo(source: str | Path, contract: Contract) -> Demo:
    """A recorded episode as a demonstration for this robot.

    Frames are made by the same `Sampler` as live; actions by `labels.label`. A `human` episode has
    no actions, and NaN for joints where none were recorded.

    Args:
        source: the episode's folder or its MCAP file.
        contract: of the robot that is to learn.

    Raises:
        DemoFormatError: missing, cut or foreign bag, another robot or camera, or nothing to learn
            from; the message says which.
    """
    bag = Bag.open(source)
    info = bag.info
    if info is not None and info.robot != contract.robot:
        raise DemoFormatError(
            f"{bag.path}: recorded on robot {info.robot!r}, this is {contract.robot!r}; "
            "use a demo of the same robot"
        )
    kind = info.kind if info is not None else "robot"
    names = _relative_names(bag, contract, kind)
    sampler = Sampler(contract, proprioception=JOINT_TOPIC in names.values())
    frames: list[Frame] = []
    applied: list[labels.Applied] = []
    for topic, log_ns, msg in bag.decoded(list(names)):
        try:
            if names[topic] == labels.TOPIC:
                applied.append(labels.read_applied(msg))
            elif sampler.feed(names[topic], msg):
                frames += sampler.ready()
        except ObservationError as error:
            raise DemoFormatError(f"{bag.path}: at {log_ns / 1e9:.3f} s: {error}") from error
        except (AttributeError, TypeError) as error:
            raise DemoFormatError(
                f"{bag.path}: {topic}: its {bag.types[topic]} is not ours: {error}"
            ) from error
        if len(frames) > MAX_DEMO_FRAMES:
            raise DemoFormatError(f"{bag.path}: over {MAX_DEMO_FRAMES} images; cut it into demos")
    if not frames:
        raise DemoFormatError(
            f"{bag.path}: no image has joint states around it ({sampler.why}); record both"
        )
    task = info.task if info is not None else ""
    if kind == "human":
        return Demo(frames=tuple(frames), actions=None, kind="human", task=task)
    try:
        stamps, openings = [f.stamp_ns for f in frames], [f.gripper_m for f in frames]
        kept, actions = labels.label(stamps, openings, applied)
    except DemoFormatError as error:
        raise DemoFormatError(f"{bag.path}: {error}") from error
    return Demo(frames=tuple(frames[kept]), actions=actions, kind="robot", task=task)


def _relative_names(bag: Bag, contract: Contract, kind: str) -> dict[str, str]:
    """Topic in the bag -> name in the contract, for what a demo is made of."""
    image = contract.camera.image_topic
    needed = [image] if kind == "human" else [image, JOINT_TOPIC, labels.TOPIC]
    namespace = _namespace(bag, image)
    remapped = bag.info.remapped if bag.info is not None else {}
    found = {}
    for name in (image, JOINT_TOPIC, labels.TOPIC):
        topic = remapped.get(name, f"{namespace}/{name}")
        if bag.counts.get(topic, 0) > 0:
            _check_type(bag, topic, contract.topic(name).type)
            found[topic] = name
        elif name in needed:
            there = ", ".join(sorted(t for t, n in bag.counts.items() if n)) or "nothing"
            raise DemoFormatError(
                f"{bag.path}: no messages on {topic!r}, which a {kind} demo needs; "
                f"it holds {there}. Record it with the recorder, or `robot-meta demos import` "
                "with --remap"
            )
    return found


def _namespace(bag: Bag, image: str) -> str:
    """Under which the robot's topics lie: from `episode.json`, else where the image is."""
    if bag.info is not None:
        return bag.info.namespace.rstrip("/")
    found = [topic[: -len(image) - 1] for topic in bag.types if topic.endswith(f"/{image}")]
    return found[0] if len(found) == 1 else ""


def _check_type(bag: Bag, topic: str, need: str) -> None:
    if bag.types[topic] != need:
        raise DemoFormatError(f"{bag.path}: {topic} is {bag.types[topic]}, need {need}")


def _contract(records: dict[str, dict[str, str]]) -> dict[str, Any] | None:
    text = records.get(METADATA_RECORD, {}).get("contract")
    try:
        return dict(json.loads(text)) if text else None
    except (ValueError, TypeError):
        return None


def _mcap_path(source: Path) -> Path:
    """The MCAP file that is meant.

    Raises:
        DemoFormatError: there is none, or it was never finished.
    """
    if source.is_file():
        return source
    if not source.is_dir():
        raise DemoFormatError(f"{source}: no such episode; `robot-meta demos ls` lists those here")
    if (source / BAG_FILE).is_file():
        return source / BAG_FILE
    if (source / PART_FILE).is_file():
        raise DemoFormatError(
            f"{source}: the recording was cut off (only {PART_FILE} is there); "
            f"run `robot-meta demos recover {source}`"
        )
    files = sorted(source.glob("*.mcap"))
    if len(files) == 1:
        return files[0]
    raise DemoFormatError(
        f"{source}: {len(files)} .mcap files, need one; for other bags run "
        "`robot-meta demos import`"
    )


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what a damaged file can raise into one error that says what would do."""
    try:
        yield
    except (
        McapError,
        zstandard.ZstdError,
        struct.error,
        EOFError,
        ValueError,
        KeyError,
        IndexError,
        RuntimeError,
    ) as error:
        raise DemoFormatError(
            f"{path}: damaged or no MCAP file ({type(error).__name__}: {error}); "
            f"try `robot-meta demos recover {path}`"
        ) from error
    except OSError as error:
        raise DemoFormatError(f"{path}: cannot be read: {error}") from error
