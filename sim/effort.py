"""Limits of joint efforts, and how legs stop: damped. For environments and gate alike."""

from dataclasses import dataclass
from enum import IntFlag
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class EffortLimit(IntFlag):
    """Which limits shaped an effort command; from TILT on they also stop the robot."""

    NONE = 0
    EFFORT = 1
    EFFORT_RATE = 2
    POWER = 4
    TILT = 8
    HEIGHT = 16
    JOINT_SPEED = 32


@dataclass(frozen=True, kw_only=True)
class EffortLimits:
    """Bounds of one robot with J joints."""

    effort: Array
    """Largest |effort| (J,)."""
    rate: Array
    """Largest change of effort (J,), N m / s."""
    joint_speed: Array
    """Joint speeds (J,) at which the robot is out of hand."""
    damping: Array
    """N m s / rad (J,): a stop commands `-damping * qd`."""
    power_w: float
    """Largest mechanical power put in, all joints together."""
    tilt_rad: float = np.inf
    """Largest angle of the base from upright."""
    height_m: tuple[float, float] = (-np.inf, np.inf)
    """Base heights between which the robot stands or walks."""

    def __post_init__(self) -> None:
        """Refuse limits that do not bound."""
        arrays = (self.effort, self.rate, self.joint_speed, self.damping)
        sizes = {np.shape(a) for a in arrays}
        if len(sizes) != 1 or len(next(iter(sizes))) != 1:
            raise ValueError(f"limits must all be (J,), got shapes {[np.shape(a) for a in arrays]}")
        if not all((np.asarray(a) > 0.0).all() for a in arrays):
            raise ValueError("effort, rate, joint_speed and damping must be > 0 for every joint")
        if not self.power_w > 0.0 or not self.tilt_rad > 0.0:
            raise ValueError(f"need power_w and tilt_rad > 0, got {self.power_w}, {self.tilt_rad}")
        if not self.height_m[0] < self.height_m[1]:
            raise ValueError(f"height_m must be (low, high) with low < high, got {self.height_m}")


class Base(NamedTuple):
    """How the robot's base stands."""

    tilt_rad: float = 0.0
    height_m: float = 0.0


class EffortStep(NamedTuple):
    """One tick's command."""

    effort: Array
    flags: int
    """Bitmask of `EffortLimit`."""


def damped_stop(qd: Array, limits: EffortLimits) -> Array:
    """Efforts (J,) that take speed `qd` (J,) out of the joints: tau = -kd qd, within the limits."""
    return np.clip(-limits.damping * qd, -limits.effort, limits.effort)


class EffortLimiter:
    """Passes efforts within limits; a robot out of bounds is stopped, damped and latched."""

    def __init__(self, limits: EffortLimits) -> None:
        self.limits = limits
        self.reset()

    def reset(self) -> None:
        """Forget the last effort and release the stop."""
        self.last: Array = np.zeros_like(self.limits.effort)
        self.stopped = 0
        """Why the stop is latched: a bitmask of `EffortLimit`, 0 while it is not."""

    def step(self, effort: Array, qd: Array, base: Base, dt: float) -> EffortStep:
        """The effort (J,) to apply now, given the wish, the joint speeds (J,) and the base.

        Raises:
            ValueError: the wish is not (J,) finite numbers.
        """
        limits = self.limits
        effort = np.asarray(effort, float)
        if effort.shape != limits.effort.shape or not np.isfinite(effort).all():
            raise ValueError(f"need {limits.effort.size} finite efforts, got {effort.tolist()}")
        self.stopped |= self._out_of_bounds(qd, base)
        if self.stopped:
            return self.stop(qd)
        flags = 0
        bounded = np.clip(effort, -limits.effort, limits.effort)
        if (bounded != effort).any():
            flags |= EffortLimit.EFFORT.value
        change = np.clip(bounded - self.last, -limits.rate * dt, limits.rate * dt)
        if (np.abs(bounded - self.last) > limits.rate * dt).any():
            flags |= EffortLimit.EFFORT_RATE.value
        bounded = self.last + change
        power = bounded * qd
        put_in = float(power[power > 0.0].sum())
        if put_in > limits.power_w:
            # Only what drives is scaled: braking joints go on braking.
            bounded = np.where(power > 0.0, bounded * (limits.power_w / put_in), bounded)
            flags |= EffortLimit.POWER.value
        self.last = bounded
        return EffortStep(bounded, flags)

    def stop(self, qd: Array) -> EffortStep:
        """The damped stop at joint speeds `qd` (J,): never the last effort, never a sudden zero."""
        self.last = damped_stop(np.nan_to_num(qd), self.limits)
        return EffortStep(self.last, self.stopped)

    def _out_of_bounds(self, qd: Array, base: Base) -> int:
        flags, (low, high) = 0, self.limits.height_m
        # Written so that NaN is out of bounds.
        if not base.tilt_rad <= self.limits.tilt_rad:
            flags |= EffortLimit.TILT.value
        if not low <= base.height_m <= high:
            flags |= EffortLimit.HEIGHT.value
        if not (np.abs(qd) <= self.limits.joint_speed).all():
            flags |= EffortLimit.JOINT_SPEED.value
        return flags
