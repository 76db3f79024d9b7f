"""Motion as it is from where a robot faces, so that no model has to learn what a compass says.

A robot whose trunk has a quaternion (w, x, y, z) moves in the same way whichever way it faces. Each
transition is turned about the vertical until its first state faces along x: positions and speeds
on the ground by the yaw, the quaternion by half of it. Other robots are left as they are. The yaw
is the quaternion's twist about the vertical, so that what remains of it has w >= 0 and z = 0.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from robot_meta.body import Body
from robot_meta.motion import Chunk, Steps

TINY = 1e-6
"""Upside down, nothing says where a robot faces: then it is along x."""


def facing(body: Body, state: Tensor) -> Tensor:
    """Cosine and sine of half the yaw (..., 2) in states (..., S); (1, 0) without a trunk."""
    if not body.trunk:
        return torch.stack([torch.ones_like(state[..., 0]), torch.zeros_like(state[..., 0])], -1)
    w, z = state[..., body.trunk[0]], state[..., body.trunk[3]]
    size = torch.sqrt(w * w + z * z)
    lost = size < TINY
    size = torch.where(lost, torch.ones_like(size), size)
    return torch.stack([torch.where(lost, torch.ones_like(w), w / size), z / size * ~lost], -1)


def turned(body: Body, vector: Tensor, half: Tensor) -> Tensor:
    """A state or a change (..., S) of one, turned by the yaw whose `half` (..., 2) is given."""
    if not body.trunk:
        return vector
    partner, table = _pairs(body, vector.dtype)
    c, s = half.unbind(-1)
    # One small product instead of many copies, since a plan turns thousands of times.
    each = torch.stack([torch.ones_like(c), c * c - s * s, c, 2.0 * c * s, s], -1)
    cos, sin = (each @ table).chunk(2, -1)
    return vector * cos + vector[..., partner] * sin


@cache
def _pairs(body: Body, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Each entry's partner (S,) in turning, and what the two are multiplied by (5, 2 S).

    That is by which of 1, cos yaw, cos yaw/2, sin yaw and sin yaw/2. Place and speed turn by the
    yaw, two pairs of the trunk's quaternion by half of it.
    """
    w, x, y, z = body.trunk
    partner, table = torch.arange(body.state), torch.zeros((5, 2, body.state), dtype=dtype)
    table[0, 0] = 1.0
    for first, second, cos in ((*body.plane, 1), (*body.velocity, 1), (w, z, 2), (x, y, 2)):
        pair = [first, second]
        partner[pair] = torch.tensor([second, first])
        table[0, 0, pair], table[cos, 0, pair] = 0.0, 1.0
        table[cos + 2, 1, pair] = torch.tensor([-1.0, 1.0], dtype=dtype)
    return partner, table.flatten(1)


def both(first: Tensor, second: Tensor) -> Tensor:
    """Half of the yaw (..., 2) of turning by two, whose halves are given."""
    (c, s), (d, t) = first.unbind(-1), second.unbind(-1)
    return torch.stack([c * d - s * t, c * t + s * d], -1)


def back(half: Tensor) -> Tensor:
    """The opposite turn."""
    return torch.stack([half[..., 0], -half[..., 1]], -1)


def framed(body: Body, steps: Steps) -> Steps:
    """Each step as seen from where it begins."""
    if not body.trunk:
        return steps
    away = back(facing(body, steps.state))
    return Steps(turned(body, steps.state, away), steps.action, turned(body, steps.after, away))


def framed_chunk(body: Body, chunk: Chunk) -> Chunk:
    """The same for what is adapted on and what comes after."""
    return Chunk(framed(body, chunk.past), framed(body, chunk.future))
