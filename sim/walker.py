"""Who walks: joint targets at 50 Hz out of gaits, the trunk's attitude and a commanded velocity.

N robots, J = 12 joints in the motors' order, S = 37 of a state (`qpos`, `qvel`). A stride is
`TICKS` control steps; what it is like is chosen at its beginning (`begin`), by how little each leg
is to be trusted. What is decided from one state is for the control step after it, in evaluation as
on a robot. A robot that tilts too far crouches and gets up again: nothing else saves it when a leg
is lost under it.
"""

from __future__ import annotations

import copy

import numpy as np
from numpy.typing import NDArray

from sim import gait

Array = NDArray[np.float64]

TICKS, TICK_S = 20, 0.02
STRIDE_S = TICKS * TICK_S
FULL_SPEED = 0.4
"""m/s: the command at which strides are as long as their gait says."""
MAX_TURN = 0.6
"""rad/s."""
STEERING, MAX_STEER_M = 0.15, 0.08
"""m of difference between strides of left and right for each rad off the heading, and the most."""
FALLING, LIMPING, LOOK_AHEAD_S = 0.45, 0.9, 0.15
"""It crouches when it is about to tilt by so many rad in so many s; without a leg it rocks more."""
CROUCH_TICKS, RISE_TICKS, RISE_SPEED = 20, 15, 4.0
"""It stays down for so long, and then gets up for so long, no joint faster than that, rad/s."""
LEVEL_RAD = 0.4
"""Tilt that legs make up for, at most."""
MAX_SPEED = 12.5
"""rad/s that a joint's target moves at, at most."""
_IDLE_M = 1e-3


def _pose(height_m: float, wide_m: float) -> Array:
    """Joint angles (J,) with the feet under the hips."""
    at = [np.zeros(4), gait.LEFT * (gait.HIP_M + wide_m), np.full(4, -height_m)]
    return gait.joints(np.stack(at, -1)).reshape(-1)


STAND, CROUCH = _pose(0.25, 0.0), _pose(0.15, 0.1)


def attitude(states: Array) -> tuple[Array, Array, Array]:
    """Roll, pitch and yaw (N,) of states (N, S), rad."""
    w, x, y, z = states[:, 3:7].T
    roll = np.arctan2(2.0 * (w * x + y * z), 1.0 - 2.0 * (x * x + y * y))
    pitch = np.arcsin(np.clip(2.0 * (w * y - z * x), -1.0, 1.0))
    yaw = np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))
    return roll, pitch, yaw


def wrapped(angle: Array) -> Array:
    """The same angle in [-pi, pi)."""
    out: Array = np.mod(angle + np.pi, 2.0 * np.pi) - np.pi
    return out


class Walker:
    """Walks N robots."""

    def __init__(self, states: Array) -> None:
        self.reset(states)

    def reset(self, states: Array) -> None:
        """Begin anew from states (N, S): where it is and looks is where the way begins."""
        n = len(states)
        self.target: Array = states[:, 7:19].copy()
        """(N, J): angles that the joints are sent to, rad."""
        self.before: Array = self.target
        """(N, J): those of the control step before."""
        self.heading: Array = attitude(states)[2]
        """(N,): which way it is to go, rad."""
        self._down = np.full(n, RISE_TICKS)
        self._from = states[:, :2].copy()
        self._way = np.zeros((n, 2))
        self._strain = np.zeros((n, gait.LEGS))
        self.tick = 0
        self.begin(np.zeros((n, gait.NUMBERS)))

    def copies(self, count: int) -> Walker:
        """`count` walkers of each robot's in a row, (N * count)."""
        out = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                setattr(out, name, np.repeat(value, count, axis=0))
        return out

    @property
    def between(self) -> bool:
        """Whether a stride has ended and the next may begin."""
        return self.tick % TICKS == 0

    def begin(self, stride: Array) -> None:
        """Choose the next stride: how little to trust each leg (N, L), or its gait (N, P)."""
        chosen = stride.shape[-1] == gait.NUMBERS
        self._numbers: Array = stride if chosen else gait.blended(stride)

    def step(self, states: Array, speed: float = FULL_SPEED, turn: float = 0.0) -> Array:
        """The targets (N, J) of the control step after this one, seen in states (N, S).

        Args:
            states: now.
            speed: commanded along the heading, m/s; 0 stands still.
            turn: commanded rate of the heading, rad/s.
        """
        roll, pitch, yaw = attitude(states)
        self._measure(states)
        self.heading = wrapped(self.heading + np.clip(turn, -MAX_TURN, MAX_TURN) * TICK_S)
        self._catch(roll + LOOK_AHEAD_S * states[:, 22], pitch + LOOK_AHEAD_S * states[:, 23])
        wanted = self._wanted(roll, pitch, wrapped(yaw - self.heading), speed, turn)
        rising = (self._down > 0) & (self._down <= RISE_TICKS)
        most = (np.where(rising, RISE_SPEED, MAX_SPEED) * TICK_S)[:, None]
        self.before = self.target
        self.target = self.target + np.clip(wanted - self.target, -most, most)
        self.tick += 1
        return self.target

    def _wanted(self, roll: Array, pitch: Array, off: Array, speed: float, turn: float) -> Array:
        """Targets (N, J) before their speed is bounded."""
        moving = abs(speed) > _IDLE_M or abs(turn) > _IDLE_M
        walked = np.broadcast_to(STAND, self.target.shape)
        if moving:
            walking = gait.gait(self._numbers)
            steer = np.clip(-STEERING * off, -MAX_STEER_M, MAX_STEER_M)[:, None] * gait.LEFT
            share = np.clip(speed / FULL_SPEED, -1.0, 1.0)
            walking = walking._replace(length_m=share * walking.length_m - steer)
            level = (np.clip(a, -LEVEL_RAD, LEVEL_RAD) for a in (roll, pitch))
            at = gait.feet(gait.levelled(walking, *level), self.tick % TICKS / TICKS)
            walked = gait.joints(at).reshape(len(off), -1)
        return np.where((self._down > RISE_TICKS)[:, None], CROUCH, walked)

    def _catch(self, roll: Array, pitch: Array) -> None:
        """Crouch, and get up again, where roll and pitch (N,) are about to be too much, rad."""
        most = np.where(self._numbers.any(-1), LIMPING, FALLING)
        falling = (np.hypot(roll, pitch) > most) & (self._down <= RISE_TICKS)
        self._down = np.where(falling, CROUCH_TICKS + RISE_TICKS, np.maximum(self._down - 1, 0))

    # --- what a learner is told ---------------------------------------------------------------

    def seen(self, states: Array) -> Array:
        """What strides are told apart by (N, 13), of states (N, S).

        Way made along the heading and to its left, m; how far it looks off the heading, rad;
        height, m; roll, pitch, rad; velocity along the heading and to the left, m/s; rate of yaw,
        rad/s; and how far each leg's joints have been from their targets, summed over all strides,
        rad. The way and that sum are like odometers: only their growth means anything.
        """
        roll, pitch, yaw = attitude(states)
        vx, vy = self._along(states[:, 19:21])
        columns = [*self._way.T, wrapped(yaw - self.heading), states[:, 2], roll, pitch]
        return np.stack([*columns, vx, vy, states[:, 24], *self._strain.T], -1)

    def _measure(self, states: Array) -> None:
        """Take in a control step: the way made, and how far joints are from their targets."""
        self._way += np.stack(self._along(states[:, :2] - self._from), -1)
        self._from = states[:, :2].copy()
        away = np.abs(self.before - states[:, 7:19]).reshape(-1, gait.LEGS, 3)
        self._strain = self._strain + away.mean(-1) / TICKS

    def _along(self, xy: Array) -> tuple[Array, Array]:
        """Vectors (N, 2) of the world along the heading and to its left, (N,) each."""
        c, s = np.cos(self.heading), np.sin(self.heading)
        return c * xy[:, 0] + s * xy[:, 1], c * xy[:, 1] - s * xy[:, 0]


HIDDEN = (0, 1, 9, 10, 11, 12)
"""Of `Walker.seen`: odometers."""
SEEN = 13
_MIRROR = np.array([1.0, -1.0, -1.0, 1.0, -1.0, 1.0, 1.0, -1.0, -1.0, 1.0, 1.0, 1.0, 1.0])


def mirrored_seen(seen: Array) -> Array:
    """What a mirror shows of `Walker.seen` (..., 13), left for right."""
    out: Array = seen * _MIRROR.astype(seen.dtype)
    out[..., 9:] = seen[..., 9 + gait.MIRRORED]
    return out
