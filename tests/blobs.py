"""A toy for image learners: three coloured blobs on a small picture, one of which is meant.

Which colour is meant is drawn for each task, so only a demonstration tells.
"""

import numpy as np

from robot_meta.data.demo_set import DemoSet
from robot_meta.learners.mil import MilConfig
from robot_meta.nets.vision import VisionConfig
from robot_meta.types import Demo, Frame

SIDE = 24
NET = VisionConfig(
    image=(SIDE, SIDE),
    skip_rows=0,
    channels=(8, 16),
    kernels=(5, 3),
    strides=(2, 2),
    groups=2,
    embed=16,
    hidden=16,
    bias_transform=4,
)
PALETTE = np.array(
    [[230, 40, 40], [40, 200, 60], [60, 80, 240], [230, 210, 40], [220, 60, 220], [60, 220, 220]]
)
FRAMES = 8
_STEP_M = 0.4 / SIDE


def place(row, column):
    """Where the middle of a pixel lies, xy m; mirrored columns have opposite y."""
    return 0.4 + _STEP_M * np.asarray(row), _STEP_M * (np.asarray(column) - (SIDE - 1) / 2)


def config(**changes):
    rows, columns = np.meshgrid(4 * np.arange(6), 4 * np.arange(6), indexing="ij")
    x, y = place(rows.ravel(), columns.ravel())
    cells = tuple((float(a), float(b)) for a, b in zip(x, y, strict=True))
    return MilConfig(**{"net": NET, "cells": cells, "sigma_m": 0.04, **changes})


def episode(rng, colours, target):
    """One demonstration as arrays: the tip goes to the blob meant and stays."""
    spots = []
    while len(spots) < 3:
        spot = rng.integers(2, SIDE - 2, 2)
        if all(np.abs(spot - other).max() > 5 for other in spots):
            spots.append(spot)
    rgb = np.full((SIDE, SIDE, 3), 120.0)
    for (row, column), colour in zip(spots, colours, strict=True):
        rgb[row - 2 : row + 3, column - 2 : column + 3] = PALETTE[colour]
    x, y = place(*spots[target])
    goal, start = np.array([x, y, 0.03]), np.array([0.45, rng.uniform(-0.05, 0.05), 0.2])
    share = np.minimum(np.arange(FRAMES) / (FRAMES - 3), 1.0)[:, None]
    tip = start + share * (goal - start)
    opening = np.where(share[:, 0] < 1.0, 0.02, 0.06)
    return {
        "rgb": np.repeat(np.clip(rgb, 0, 255).astype(np.uint8)[None], FRAMES, 0),
        "state": np.c_[tip, np.full(FRAMES, 0.02)].astype(np.float32),
        "action": np.c_[0.5 * (goal - tip), opening].astype(np.float32),
        "before": share[:, 0] < 1.0,
        "keypose": np.stack([goal, goal]).astype(np.float32),
        "marker": np.broadcast_to(goal[:2], (FRAMES, 2, 2)).astype(np.float32),
    }


def demo_set(seed, tasks, demos=3):
    """Drawn tasks."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(tasks):
        colours, target = rng.permutation(len(PALETTE))[:3], int(rng.integers(3))
        rows.append([episode(rng, colours, target) for _ in range(demos)])
    return DemoSet(
        **{name: np.stack([[d[name] for d in row] for row in rows]) for name in rows[0][0]}
    )


def demo(data, task, k=0):
    """One of them as a robot would record it."""
    frames = tuple(
        Frame(
            stamp_ns=(t + 1) * 100_000_000,
            rgb=data.rgb[task, k, t],
            q_rad=np.zeros(7),
            ee_pos_m=data.state[task, k, t, :3].astype(float),
            ee_quat_wxyz=np.array([0.0, 1.0, 0.0, 0.0]),
            gripper_m=float(data.state[task, k, t, 3]),
        )
        for t in range(FRAMES)
    )
    return Demo(frames=frames, actions=data.action[task, k], kind="robot", task=f"blobs/{task}")
