"""Where a legged robot's joints may be sent: bounds of targets, and how they are let go."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.follower import Point
from sim.legged import LeggedRobot, prototype

Array = NDArray[np.float64]
MAX_SPEED = 15.0
"""rad/s that a target moves at, at most: half of what the motors reach without a load."""
BRAKE_S = 0.04
"""Targets that nobody renews come to rest in so long."""


@dataclass(frozen=True, kw_only=True)
class TargetLimits:
    """Bounds of one robot with J joints."""

    low: Array
    """Least angle (J,), rad."""
    high: Array
    """Greatest angle (J,), rad."""
    speed: Array
    """Greatest speed of targets (J,), rad/s."""

    def __post_init__(self) -> None:
        """Refuse limits that do not bound."""
        sizes = {np.shape(a) for a in (self.low, self.high, self.speed)}
        if len(sizes) != 1 or len(next(iter(sizes))) != 1:
            raise ValueError(f"limits must all be (J,), got shapes {sizes}")
        if not ((self.low < self.high).all() and (self.speed > 0.0).all()):
            raise ValueError("need low < high and speed > 0 for every joint")

    def shares(self, angles: Array) -> Array:
        """Shares (..., J) of the range, in [-1, 1], of angles (..., J), rad."""
        middle, half = 0.5 * (self.high + self.low), 0.5 * (self.high - self.low)
        out: Array = np.clip((angles - middle) / half, -1.0, 1.0)
        return out


def target_limits(robot: LeggedRobot) -> TargetLimits:
    """Bounds for the joints of `leg_limits.joint_names`.

    Raises:
        ValueError: the robot's motors are no servos.
    """
    if not robot.servos:
        raise ValueError(f"the motors of {robot.name} take efforts, not angles")
    model = prototype(robot, "flat")
    low, high = model.jnt_range[model.actuator_trnid[:, 0]].T.copy()
    return TargetLimits(low=low, high=high, speed=np.full(model.nu, MAX_SPEED))


class TargetStep(NamedTuple):
    """One tick's command."""

    points: list[Point]
    """Of a trajectory that ends at rest; none: let go, damped."""
    flags: int
    """Bitmask of `TargetLimit`."""


class TargetLimit(IntFlag):
    """Which limits shaped a command."""

    NONE = 0
    ANGLE = 1
    SPEED = 2


class TargetLimiter:
    """Passes targets within limits, as short trajectories that end at rest."""

    def __init__(self, limits: TargetLimits) -> None:
        self.limits = limits
        self.q: Array | None = None
        """(J,) where joints were last sent, rad; None: nowhere."""

    def reset(self, q: Array) -> None:
        """Joints are at `q` (J,)."""
        self.q = np.clip(q, self.limits.low, self.limits.high)

    def step(self, wish: Array, dt: float) -> TargetStep:
        """The way for the next `dt` seconds towards `wish` (J,), rad, and on to rest.

        Raises:
            ValueError: the wish is not (J,) finite numbers, or nobody has said where joints are.
        """
        limits, here = self.limits, self.q
        wish = np.asarray(wish, float)
        if wish.shape != limits.low.shape or not np.isfinite(wish).all():
            raise ValueError(f"need {limits.low.size} finite angles, got {wish.tolist()}")
        if here is None:
            raise ValueError("joints are nowhere: reset comes first")
        bounded = np.clip(wish, limits.low, limits.high)
        most = limits.speed * dt
        move = np.clip(bounded - here, -most, most)
        flags = TargetLimit.ANGLE.value if (bounded != wish).any() else 0
        flags |= TargetLimit.SPEED.value if (here + move != bounded).any() else 0
        self.q = here + move
        speed = move / dt
        rest = np.clip(self.q + 0.5 * BRAKE_S * speed, limits.low, limits.high)
        return TargetStep([(dt, self.q, speed), (dt + BRAKE_S, rest, np.zeros_like(rest))], flags)

    def stop(self) -> TargetStep:
        """Let go: servos damp the joints and hold no angle."""
        self.q = None
        return TargetStep([], 0)
