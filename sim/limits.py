"""Bounds of the commanded motion, and the names of those that a step met."""

from dataclasses import dataclass, field
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

from sim.clearance import RANGE_M
from sim.sawyer import A_MAX, V_MAX

Array = NDArray[np.float64]

APPROACH_PER_S = 4.0
"""A bound is approached at most at this rate times the distance left."""


class Limit(IntFlag):
    """Which limits shaped a step."""

    NONE = 0
    LINEAR_SPEED = 1
    ANGULAR_SPEED = 2
    WORKSPACE = 4
    JOINT_SPEED = 8
    JOINT_RANGE = 16
    ACCELERATION = 32
    SINGULARITY = 64
    CLEARANCE = 128
    RAMP = 256
    SPEED_SCALE = 512


@dataclass(frozen=True, kw_only=True)
class ServoLimits:
    """Bounds of the commanded motion."""

    linear_m_s: float = 0.4
    angular_rad_s: float = 0.8
    joint_speed_scale: float = 0.9
    """Share of the model's joint velocity limits."""
    box_low_m: Array = field(default_factory=lambda: np.array([0.30, -0.45, 0.012]))
    box_high_m: Array = field(default_factory=lambda: np.array([0.85, 0.45, 0.60]))
    posture_gain: float = 0.5
    """1/s, pull towards the home posture in the null space."""
    tick_s: float = 0.02
    """Time from one command to the next."""
    stop_s: float = 0.1
    """A command followed by nothing is at rest after this; bounds the joint speeds."""
    slow_m: float = 0.02
    """Distance to table or arm below which approaching is slowed ..."""
    stop_m: float = 0.01
    """... and at which it ends."""
    ramp_s: float = 0.2
    """Time over which the first commands after rest grow to their full size."""
    speed_scale: float = 1.0
    """Share of every commanded speed that is let through."""

    def __post_init__(self) -> None:
        """Refuse limits that do not bound."""
        if not 0.0 < self.speed_scale <= 1.0 or not 0.0 < self.joint_speed_scale <= 1.0:
            raise ValueError(
                f"need speed_scale and joint_speed_scale in (0, 1], got {self.speed_scale} and "
                f"{self.joint_speed_scale}"
            )
        if not 0.0 < self.tick_s < self.stop_s:
            raise ValueError(f"need 0 < tick_s < stop_s, got {self.tick_s} and {self.stop_s} s")
        if not 0.0 <= self.stop_m < self.slow_m <= RANGE_M:
            raise ValueError(
                f"need 0 <= stop_m < slow_m <= {RANGE_M}, got {self.stop_m} and {self.slow_m} m"
            )
        if not (np.asarray(self.box_low_m) < np.asarray(self.box_high_m)).all():
            raise ValueError(f"workspace box is empty: {self.box_low_m} to {self.box_high_m} m")

    @property
    def joint_speed(self) -> Array:
        """Largest joint speeds (7,), rad/s: the model's share, and what brakes within `stop_s`."""
        return np.minimum(self.joint_speed_scale * V_MAX, A_MAX * (self.stop_s - self.tick_s))
