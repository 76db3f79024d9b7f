"""Many demonstrations of many tasks as arrays: what meta-training samples from.

N tasks, D demos a task, F frames a demo (one drawn from each of F equal stretches), H x W pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robot_meta.data import shards
from robot_meta.errors import DemoFormatError
from robot_meta.types import Demo

MOVING_Z_M = 0.015
"""The tip has come down when it is this close to the lowest point of the demo."""


@dataclass(frozen=True, eq=False)
class DemoSet:
    """Demonstrations of N tasks. Positions are in `base`, m."""

    rgb: NDArray[np.uint8]
    """(N, D, F, H, W, 3)"""
    state: NDArray[np.float32]
    """(N, D, F, 4): tip x y z and gripper opening."""
    action: NDArray[np.float32]
    """(N, D, F, 4): vx vy vz m/s and opening m; the demonstrator's wish, without the noise."""
    before: NDArray[np.bool_]
    """(N, D, F): whether the frame lies before the first touch-down."""
    keypose: NDArray[np.float32]
    """(N, D, 2, 3): the tip at its first touch-down and at the end."""
    marker: NDArray[np.float32]
    """(N, D, F, 2, 2): xy of the thing meant and of its destination.

    Privileged: for training losses alone.
    """

    def __len__(self) -> int:
        """Number of tasks N."""
        return len(self.rgb)

    def subset(self, numbers: Sequence[int]) -> DemoSet:
        """Some of the tasks, in this order."""
        rows = np.asarray(numbers, np.int64)
        return DemoSet(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def save(self, path: Path) -> None:
        """Write one `.npz`, whole or not at all."""
        shards.save(self, path)

    @classmethod
    def load(cls, folder: Path, limit: int | None = None, side: int | None = None) -> DemoSet:
        """All shards of a folder, at most `limit` tasks.

        Pictures are averaged to `side` pixels, if that is given.

        Raises:
            DataError: if the folder has no shards, or one is of another format.
        """
        return shards.load(cls, folder, limit, side)


def touch_down(tip_m: NDArray[np.float64]) -> int:
    """Index of the frame at which the tip (T, 3) first comes down.

    In a robot's demo that is where it acts first.
    """
    z = tip_m[:, 2]
    return int(np.argmax(z <= z.min() + MOVING_Z_M))


def keyposes(tip_m: NDArray[np.float64]) -> NDArray[np.float32]:
    """(2, 3): the tip at its first touch-down and at the end of the path (T, 3)."""
    return np.stack([tip_m[touch_down(tip_m)], tip_m[-1]]).astype(np.float32)


def spread(length: int, count: int) -> NDArray[np.int64]:
    """`count` frame numbers spread evenly over `length` frames, the first and last among them."""
    frames: NDArray[np.int64] = np.linspace(0, length - 1, count).round().astype(np.int64)
    return frames


@dataclass(frozen=True, eq=False)
class Evidence:
    """K demos in the arrays a learner adapts on; `action` is None where none was recorded."""

    rgb: NDArray[np.uint8]
    """(K, F, H, W, 3)"""
    state: NDArray[np.float32]
    """(K, F, 4)"""
    action: NDArray[np.float32] | None
    """(K, F, 4)"""
    before: NDArray[np.bool_]
    """(K, F)"""
    keypose: NDArray[np.float32]
    """(K, 2, 3)"""


def evidence(demos: Sequence[Demo], count: tuple[int, int]) -> Evidence:
    """Demos as evidence: `count` frames of each, even before and after the first touch-down.

    Raises:
        DemoFormatError: a video that does not know where the robot's tip was.
    """
    rgb, state, action, before, key = [], [], [], [], []
    for demo in demos:
        tip = demo.ee_pos_m
        if not np.isfinite(tip).all():
            raise DemoFormatError(
                f"demo {demo.task!r} of kind {demo.kind} has pictures but no tip positions, which "
                "this learner adapts on; show it by the robot, or use one that learns from video "
                "alone (daml)"
            )
        down = touch_down(tip)
        after = (
            down + 1 + spread(len(demo) - down - 1, count[1])
            if down + 1 < len(demo)
            else np.full(count[1], down)
        )
        frames = np.concatenate([spread(down + 1, count[0]), after])
        rgb.append(demo.rgb[frames])
        state.append(np.c_[tip, demo.gripper_m][frames])
        before.append(frames <= down)
        key.append(keyposes(tip))
        if demo.actions is not None:
            action.append(demo.actions[frames])
    whole = len(action) == len(demos)
    return Evidence(
        np.stack(rgb),
        np.stack(state).astype(np.float32),
        np.stack(action).astype(np.float32) if whole else None,
        np.stack(before),
        np.stack(key),
    )
