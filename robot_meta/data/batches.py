"""What one meta-step of imitation is made of: frames to adapt on and frames to be judged by.

B tasks; m frames a task that show it, then n frames of a robot doing it. Held out stays held out:
no augmentation changes a hue.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robot_meta.data.demo_set import DemoSet

LOW_M, LOW_ODDS = 0.04, 3.0
"""Frames with the tip so near its touch-down height are drawn so many times as often."""


class Batch(NamedTuple):
    """B tasks for one meta-step: m frames a task for the inner loss, n for the outer loss."""

    rgb: NDArray[np.uint8]
    """(B, m + n, H, W, 3)"""
    state: NDArray[np.float32]
    """(B, m + n, 4)"""
    action: NDArray[np.float32]
    """(B, m + n, 4)"""
    before: NDArray[np.float32]
    """(B, m + n): 1 before the first touch-down"""
    key: NDArray[np.float32]
    """(B, m + n, 2, 2): xy of the first touch-down and of the end"""
    marker: NDArray[np.float32]
    """(B, m + n, 2, 2): xy of the thing meant and of its destination; for training alone"""
    support: int
    """m"""


def judged_frames(
    data: DemoSet, task: int, demos: NDArray[np.int64], count: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw `count` frames of some `demos` of a task to judge by: the demo and the frame of each."""
    chosen = rng.choice(demos, count)
    low = data.state[task, chosen, :, 2] < data.keypose[task, chosen, :1, 2] + LOW_M
    odds = np.where(low, LOW_ODDS, 1.0).cumsum(1)
    return chosen, (odds < odds[:, -1:] * rng.random((count, 1))).sum(1)


def augment(batch: Batch, rng: np.random.Generator) -> Batch:
    """Another light and, for half of the demos and half of the trials, a mirror."""
    return mirror(batch._replace(rgb=relight(batch.rgb, batch.support, rng)), rng)


def mirror(batch: Batch, rng: np.random.Generator) -> Batch:
    """Half of the demos and half of the trials seen in a mirror: y and -y change places."""
    m = batch.support
    flip = rng.random((len(batch.rgb), 2)) < 0.5
    rgb = batch.rgb.copy()
    sign = np.ones(batch.before.shape, np.float32)
    for part, own in ((slice(0, m), flip[:, 0]), (slice(m, None), flip[:, 1])):
        rgb[own, part] = rgb[own, part, :, ::-1]
        sign[own, part] = -1.0
    state, action, key, marker = (
        a.copy() for a in (batch.state, batch.action, batch.key, batch.marker)
    )
    for array in (state, action):
        array[..., 1] *= sign
    for array in (key, marker):
        array[..., 1] *= sign[..., None]
    return batch._replace(rgb=rgb, state=state, action=action, key=key, marker=marker)


def relight(rgb: NDArray[np.uint8], support: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Pictures (B, m + n, H, W, 3) under other exposures: one for each demo, one for each trial.

    All channels change alike: a hue that is held out stays held out.
    """
    out = rgb.astype(np.float32)
    # Paler colours, alike in the demo and the trials of a task: shape and pattern must then do.
    colour = np.where(rng.random(len(rgb)) < 0.5, rng.uniform(0.1, 1.0, len(rgb)), 1.0)
    grey = out.mean(-1, keepdims=True)
    out = grey + colour.astype(np.float32)[:, None, None, None, None] * (out - grey)
    for part in (out[:, :support], out[:, support:]):
        gain = rng.uniform(0.8, 1.2, (len(rgb), 1, 1, 1, 1)).astype(np.float32)
        part *= gain
        part += rng.uniform(-12, 12, gain.shape).astype(np.float32)
    out += 4.0 * rng.standard_normal(out.shape, np.float32)
    return np.asarray(np.clip(out, 0, 255), np.uint8)
