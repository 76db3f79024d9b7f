"""The episode store as a task buffer: what the robot was shown and did, task by task. No ROS.

Episodes with one label are one task, whether a person drove the robot or a policy did: an episode
that somebody kept is one to learn from. One without a label is of the task that the policy ran when
it had been shown it (`task_log`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from robot_meta.data.demo_set import spread
from robot_meta.errors import DemoFormatError, EpisodeError
from robot_meta.types import Demo
from ros_nodes.bag import read_demo
from ros_nodes.contract import Contract
from ros_nodes.store import Episode, Store
from ros_nodes.task_log import tasks_of_episodes


@dataclass(frozen=True)
class StoredTasks:
    """What a store holds."""

    demos: dict[str, list[Demo]] = field(default_factory=dict)
    """By label: the robot's demonstrations. Labels and demonstrations are oldest first."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Episode -> why nothing can be learned from it."""


def read_tasks(store: Store, contract: Contract) -> StoredTasks:
    """Read all episodes of the robot that can be learned from.

    Raises:
        EpisodeError: the log of what was shown is damaged.
    """
    found, named = StoredTasks(), tasks_of_episodes(store.root)
    for episode in store.episodes():
        task = episode.info.task if episode.info is not None else ""
        task = task or named.get(episode.name, "")
        why = _unfit(episode) or ("" if task else "no task label, and never run after it was shown")
        if not why:
            try:
                demo = read_demo(episode.path, contract)
                found.demos.setdefault(task, []).append(demo)
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
    if info.outcome != "succeeded":
        return f"its outcome is {info.outcome}"
    return ""


def read_frames(
    store: Store, contract: Contract, count: int
) -> tuple[list[NDArray[np.uint8]], list[str], dict[str, str]]:
    """`count` camera frames, evenly spread, of every episode that has some, whoever acts in it.

    Returns:
        (count, H, W, 3) of each episode, its label, and the episodes that were left out with why.
    """
    frames, labels, left_out = [], [], {}
    for episode in store.episodes():
        try:
            rgb = read_demo(episode.path, contract).rgb
        except (DemoFormatError, EpisodeError) as error:
            left_out[episode.name] = str(error)
            continue
        frames.append(rgb[spread(len(rgb), count)])
        labels.append(episode.info.task if episode.info is not None else "")
    return frames, labels, left_out
