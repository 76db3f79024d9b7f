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
    c, s = half[..., :1], half[..., 1:]
    whole_c, whole_s = c * c - s * s, 2.0 * c * s
    # Four pairs at once, since a plan turns thousands of times: place, speed, and two of the trunk.
    cos, sin = torch.cat([whole_c, whole_c, c, c], -1), torch.cat([whole_s, whole_s, s, s], -1)
    first, second = _pairs(body)
    a, b, out = vector[..., first], vector[..., second], vector.clone()
    out[..., first] = cos * a - sin * b
    out[..., second] = sin * a + cos * b
    return out


@cache
def _pairs(body: Body) -> tuple[Tensor, Tensor]:
    """Entries that turn together: place, speed, and two pairs of the trunk's quaternion."""
    w, x, y, z = body.trunk
    first = [body.plane[0], body.velocity[0], w, x]
    return torch.tensor(first), torch.tensor([body.plane[1], body.velocity[1], z, y])


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
