"""How a quadruped walks: feet on closed paths, legs by inverse kinematics. NumPy alone.

N robots, L = 4 legs (front right, front left, rear right, rear left), P = 18 numbers of a gait. A
stride is one turn of every foot: it pushes back along the ground, then swings forward. Lengths in
m; x forward, y left, z up.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEGS, NUMBERS = 4, 18
LEFT = np.array([-1.0, 1.0, -1.0, 1.0])
"""Of each leg: 1 on the left, -1 on the right."""
MIRRORED = np.array([1, 0, 3, 2])
"""The leg that each is in a mirror."""
HIP_M, THIGH_M, CALF_M = 0.08, 0.213, 0.213
REACH_M = 0.41
"""Feet are asked for no farther from the hip than this."""
HIPS_M = np.stack([[0.1881, 0.1881, -0.1881, -0.1881], LEFT * (0.04675 + HIP_M)], -1)
"""(L, 2): where legs stand under the trunk."""
TROT = np.array([0.0, 0.5, 0.5, 0.0])
"""Where in its turn each leg of a trot is when the stride begins, turns."""
LEVELLING = 0.5
"""Legs make up for so much of the trunk's tilt."""
GAITS = Path(__file__).parent / "assets/go1_gaits.json"


class Gait(NamedTuple):
    """Gaits of N robots, (N, L) each."""

    phase: Array
    """Turns that each leg is ahead by."""
    length_m: Array
    """Of the way along the ground."""
    height_m: Array
    """Of the hip over the foot on the ground."""
    ahead_m: Array
    """Of the middle of the foot's way from the hip."""
    aside_m: Array
    """Of the foot from where it hangs, to the left."""
    lift_m: Array
    """Height of the swing."""
    stance: Array
    """Share of the turn that the foot is on the ground."""


def gait(numbers: Array) -> Gait:
    """Gaits of numbers (N, P) in [-1, 1]; of zeros: a trot of 0.12 m a stride."""
    p = np.clip(numbers, -1.0, 1.0)
    front_rear = [0, 0, 1, 1]
    return Gait(
        phase=TROT + 0.5 * p[:, 0:4],
        length_m=0.12 + 0.12 * p[:, 4:8],
        height_m=0.25 + 0.06 * p[:, 8:12],
        ahead_m=0.12 * p[:, 12:14][:, front_rear],
        aside_m=0.12 * p[:, 14:16][:, front_rear],
        lift_m=np.repeat(0.08 + 0.05 * p[:, 16:17], LEGS, 1),
        stance=np.repeat(0.6 + 0.25 * p[:, 17:18], LEGS, 1),
    )


def mirrored(numbers: Array) -> Array:
    """The gait (..., P) that a mirror shows of `numbers` (..., P), left for right."""
    out: Array = numbers.copy()
    for first in (0, 4, 8):
        out[..., first : first + 4] = numbers[..., first + MIRRORED]
    out[..., 14:16] *= -1.0
    return out


@cache
def repertoire() -> Array:
    """Gaits (1 + L, P): of a whole robot, and of one that has lost each leg.

    Found by `python -m sim.gait_search` with legs on the right lost; the others are mirror images.
    """
    found = json.loads(GAITS.read_text())
    front, rear = (np.array(found[key]) for key in ("front_right", "rear_right"))
    return np.stack([np.zeros(NUMBERS), front, mirrored(front), rear, mirrored(rear)])


def blended(trust: Array) -> Array:
    """Gaits (N, P) by how little each leg is to be trusted (N, L), in [-1, 1]; below 0 is fully.

    They lie between that of a whole robot and those without the legs that are not trusted.
    """
    gaits = repertoire()
    share = np.maximum(trust, 0.0)
    share = share / np.maximum(1.0, share.sum(-1, keepdims=True))
    blend: Array = gaits[0] + share @ (gaits[1:] - gaits[0])
    return blend


def levelled(gait: Gait, roll: Array, pitch: Array) -> Gait:
    """The gait with legs longer where the trunk (N,) is low, rad."""
    x, y = HIPS_M.T
    return gait._replace(
        height_m=gait.height_m + LEVELLING * (x * pitch[:, None] - y * roll[:, None])
    )


def feet(gait: Gait, turn: float) -> Array:
    """Feet (N, L, 3) from where legs are hung, `turn` of a stride after it began."""
    phase = np.mod(turn + gait.phase, 1.0)
    on = phase < gait.stance
    back = phase / gait.stance
    swing = np.where(on, 0.0, (phase - gait.stance) / (1.0 - gait.stance))
    # A cycloid: at rest over the ground where it is lifted and where it is set down.
    forth = swing - np.sin(2.0 * np.pi * swing) / (2.0 * np.pi)
    along = np.where(on, 0.5 - back, forth - 0.5)
    up = np.where(on, 0.0, 0.5 * (1.0 - np.cos(2.0 * np.pi * swing)))
    return np.stack(
        [
            gait.ahead_m + along * gait.length_m,
            LEFT * HIP_M + gait.aside_m,
            up * gait.lift_m - gait.height_m,
        ],
        -1,
    )


def joints(feet: Array) -> Array:
    """Angles (..., L, 3) of hip, thigh and calf, rad, that put feet at (..., L, 3).

    A foot out of reach is put as far as the leg goes in its direction.
    """
    x, y, z = feet[..., 0], feet[..., 1], feet[..., 2]
    down = np.sqrt(np.maximum(y**2 + z**2 - HIP_M**2, 1e-4))
    scale = np.minimum(1.0, REACH_M / np.hypot(x, down))
    x, down = x * scale, down * scale
    hip = np.arctan2(z, y) - np.arctan2(-down, LEFT * HIP_M)
    hip = np.mod(hip + np.pi, 2.0 * np.pi) - np.pi
    bend = (x**2 + down**2 - THIGH_M**2 - CALF_M**2) / (2.0 * THIGH_M * CALF_M)
    calf = -np.arccos(np.clip(bend, -1.0, 1.0))
    lower = np.arctan2(CALF_M * np.sin(calf), THIGH_M + CALF_M * np.cos(calf))
    thigh = np.arctan2(-x, down) - lower
    return np.stack([hip, thigh, calf], -1)
