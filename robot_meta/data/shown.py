"""What a robot was shown, task by task, as the arrays that meta-training samples from.

Nobody labels the pictures of a robot's own demonstrations: what was meant is read off the arm.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from robot_meta.data.demo_set import DemoSet, keyposes, spread, touch_down
from robot_meta.errors import DemoFormatError
from robot_meta.types import Demo

FRAMES = 14
"""Of each demonstration: as `robot-meta collect` keeps."""


def demo_set(tasks: Sequence[Sequence[Demo]], frames: int = FRAMES) -> DemoSet:
    """Demonstrations by the robot of each task; one that has fewer than another gives some twice.

    Raises:
        DemoFormatError: no task, a task without demonstrations, or one that is not a robot's.
    """
    most = max((len(demos) for demos in tasks), default=0)
    if not most or not all(tasks):
        raise DemoFormatError(f"{len(tasks)} tasks of {[len(t) for t in tasks]} demos; need some")
    rows = [[_arrays(demo, frames) for demo in demos] for demos in tasks]
    return DemoSet(
        **{
            name: np.stack(
                [np.stack([row[k % len(row)][name] for k in range(most)]) for row in rows]
            )
            for name in rows[0][0]
        }
    )


def _arrays(demo: Demo, frames: int) -> dict[str, NDArray[np.generic]]:
    """One entry: `frames` of the demo, evenly spread."""
    if demo.actions is None:
        raise DemoFormatError(f"demo {demo.task!r}: pictures without actions; a robot's is needed")
    tip = demo.ee_pos_m
    down, key, rows = touch_down(tip), keyposes(tip), spread(len(demo), frames)
    # The thing meant lies where the tip comes down, and then goes where the tip goes.
    thing = np.where(rows[:, None] <= down, key[0, :2], tip[rows, :2])
    destination = np.broadcast_to(key[1, :2], thing.shape)
    return {
        "rgb": demo.rgb[rows],
        "state": np.c_[tip, demo.gripper_m][rows].astype(np.float32),
        "action": demo.actions[rows].astype(np.float32),
        "before": rows <= down,
        "keypose": key,
        "marker": np.stack([thing, destination], 1).astype(np.float32),
    }
