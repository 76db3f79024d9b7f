"""`metadata.yaml` of a rosbag2 folder, version 9, and what it says about topics. Imports no ROS."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ros_nodes.contract import Qos
from ros_nodes.episode_info import replace_text

BAG_FILE = "episode.mcap"
METADATA_FILE = "metadata.yaml"
_FOREVER = {"sec": 9223372036, "nsec": 854775807}


def qos_profile(qos: Qos) -> dict[str, Any]:
    """One entry of rosbag2's `offered_qos_profiles`."""
    return {
        "history": "keep_last",
        "depth": qos.depth,
        "reliability": qos.reliability,
        "durability": qos.durability,
        "deadline": dict(_FOREVER),
        "lifespan": dict(_FOREVER),
        "liveliness": "automatic",
        "liveliness_lease_duration": dict(_FOREVER),
        "avoid_ros_namespace_conventions": False,
    }


@dataclass
class TopicRecord:
    """One topic of a bag, and how much of it there is."""

    name: str
    type: str
    type_hash: str = ""
    qos: list[dict[str, Any]] = field(default_factory=list)
    count: int = 0


@dataclass
class Extent:
    """From when to when the receive stamps of a bag go."""

    first_ns: int | None = None
    last_ns: int = 0

    def add(self, stamp_ns: int) -> None:
        """Take in a stamp."""
        self.first_ns = stamp_ns if self.first_ns is None else min(self.first_ns, stamp_ns)
        self.last_ns = max(self.last_ns, stamp_ns)

    @property
    def duration_ns(self) -> int:
        """Length; 0 without messages."""
        return 0 if self.first_ns is None else self.last_ns - self.first_ns


def write_metadata(folder: Path, topics: Sequence[TopicRecord], extent: Extent) -> None:
    """Write `metadata.yaml` with the keys of rosbag2 version 9."""
    count = sum(topic.count for topic in topics)
    start = {"nanoseconds_since_epoch": extent.first_ns or 0}
    duration = {"nanoseconds": extent.duration_ns}
    table = {
        "version": 9,
        "storage_identifier": "mcap",
        "duration": duration,
        "starting_time": start,
        "message_count": count,
        "topics_with_message_count": [
            {
                "topic_metadata": {
                    "name": topic.name,
                    "type": topic.type,
                    "serialization_format": "cdr",
                    "offered_qos_profiles": topic.qos,
                    "type_description_hash": topic.type_hash,
                },
                "message_count": topic.count,
            }
            for topic in topics
        ],
        "compression_format": "",
        "compression_mode": "",
        "relative_file_paths": [BAG_FILE],
        "files": [
            {
                "path": BAG_FILE,
                "starting_time": dict(start),
                "duration": dict(duration),
                "message_count": count,
            }
        ],
        "custom_data": None,
        "ros_distro": os.environ.get("ROS_DISTRO", "jazzy"),
    }
    text = yaml.safe_dump({"rosbag2_bagfile_information": table}, sort_keys=False)
    replace_text(folder / METADATA_FILE, text)


def channel_metadata(profiles: Sequence[Mapping[str, Any]], type_hash: str) -> dict[str, str]:
    """Metadata of an MCAP channel, as rosbag2 writes it."""
    return {
        "offered_qos_profiles": yaml.safe_dump(list(profiles), sort_keys=False),
        "topic_type_hash": type_hash,
    }
