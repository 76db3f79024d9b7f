"""The episode store as a task buffer: what the robot was shown and did, task by task. No ROS.

Episodes with one label are one task, whether a person drove the robot or a policy did: an episode
that somebody kept is one to learn from.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from robot_meta.errors import DemoFormatError, EpisodeError
from robot_meta.types import Demo
from ros_nodes.bag import read_demo
from ros_nodes.contract import Contract
from ros_nodes.store import Episode


@dataclass(frozen=True)
class StoredTasks:
    """What a store holds."""

    demos: dict[str, list[Demo]] = field(default_factory=dict)
    """By label: the robot's demonstrations. Labels and demonstrations are oldest first."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Episode -> why nothing can be learned from it."""


def read_tasks(episodes: Iterable[Episode], contract: Contract) -> StoredTasks:
    """Read all episodes of the robot that can be learned from."""
    found = StoredTasks()
    for episode in episodes:
        why = _unfit(episode)
        if not why and episode.info is not None:
            try:
                demo = read_demo(episode.path, contract)
                found.demos.setdefault(episode.info.task, []).append(demo)
            except (DemoFormatError, EpisodeError) as error:
                why = str(error)
        if why:
            found.left_out[episode.name] = why
    return found


def _unfit(episode: Episode) -> str:
    """Why an episode is not even read; empty where it is."""
    info = episode.info
    if info is None:
        return episode.problem
    if episode.cut:
        return "its recording was cut off; `robot-meta demos recover` mends it"
    if info.kind != "robot":
        return f"of kind {info.kind}: it tells nothing of what the robot should do"
    if not info.task:
        return "no task label"
    if info.outcome != "succeeded":
        return f"its outcome is {info.outcome}"
    return ""
