"""Twist to joint command: damped least squares within limits. The environment and the command gate use this one.

The servo keeps the *commanded* joint angles, so that tracking lag does not feed back into the path.
"""

from dataclasses import dataclass, field
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

from sim.follower import Point
from sim.sawyer import A_MAX, HOME_Q, Q_HIGH, Q_LOW, V_MAX, Kinematics

Array = NDArray[np.float64]


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


@dataclass(frozen=True)
class ServoStep:
    """One tick's command: joint angles (7,) rad, velocities (7,) rad/s, the twist (6,) after clamping, limits met."""

    q: Array
    qd: Array
    twist: Array
    flags: Limit


class Servo:
    """Integrates Cartesian twists into joint commands that respect every limit."""

    def __init__(self, limits: ServoLimits | None = None) -> None:
        self.limits = limits or ServoLimits()
        self.kinematics = Kinematics()
        self._v_max = self.limits.joint_speed_scale * V_MAX
        self.reset(HOME_Q)

    def reset(self, q: Array) -> None:
        """Rest at joint angles `q` (7,), rad."""
        self.q = np.asarray(q, float).copy()
        self.qd = np.zeros(7)

    def step(self, twist: Array, dt: float) -> ServoStep:
        """Advance by `dt` seconds under `twist` (6,), m/s and rad/s in `base`."""
        self.kinematics.update(self.q)
        twist, flags = self._clamp_twist(np.asarray(twist, float))
        jac = self.kinematics.jacobian_here()
        gram = jac @ jac.T
        # Damping grows as the arm nears a singularity (Nakamura and Hanafusa 1986, eq. 25, on the manipulability).
        manipulability = np.sqrt(max(np.linalg.det(gram), 0.0))
        damping = 1e-6 + 1e-2 * max(0.0, 1.0 - manipulability / 0.01) ** 2
        if damping > 1e-6:
            flags |= Limit.SINGULARITY
        posture = self.limits.posture_gain * (HOME_Q - self.q)
        gram[np.diag_indices(6)] += damping
        # v = J^+ x + (I - J^+ J) p  =  p + J^+ (x - J p)
        v = posture + jac.T @ np.linalg.solve(gram, twist - jac @ posture)
        if not twist.any():
            v = np.zeros(7)
        return self._advance(v, twist, flags, dt)

    def brake(self, dt: float) -> ServoStep:
        """Advance by `dt` seconds towards rest, as fast as the acceleration limits allow."""
        return self._advance(np.zeros(7), np.zeros(6), Limit.NONE, dt)

    def braking_points(self, dt: float) -> list[Point]:
        """From the present command to rest: [(seconds, q (7,), qd (7,))], the last at zero velocity.

        The first point is the present command, `dt` after the trajectory's start.
        """
        # All joints stop together on a straight line in velocity space, so the path keeps its direction.
        stop_s = max(float((np.abs(self.qd) / A_MAX).max()), 1e-3)
        return [(dt, self.q, self.qd), (dt + stop_s, self.q + 0.5 * stop_s * self.qd, np.zeros(7))]

    def _clamp_twist(self, twist: Array) -> tuple[Array, Limit]:
        flags = Limit.NONE
        twist = twist.copy()
        speed, spin = np.sqrt(twist[:3] @ twist[:3]), np.sqrt(twist[3:] @ twist[3:])
        if speed > self.limits.linear_m_s:
            twist[:3] *= self.limits.linear_m_s / speed
            flags |= Limit.LINEAR_SPEED
        if spin > self.limits.angular_rad_s:
            twist[3:] *= self.limits.angular_rad_s / spin
            flags |= Limit.ANGULAR_SPEED
        tip = self.kinematics.tip_here()
        inside = np.minimum(np.maximum(twist[:3], 4.0 * (self.limits.box_low_m - tip)), 4.0 * (self.limits.box_high_m - tip))
        if (inside != twist[:3]).any():
            twist[:3] = inside
            flags |= Limit.WORKSPACE
        return twist, flags

    def _advance(self, v: Array, twist: Array, flags: Limit, dt: float) -> ServoStep:
        ratio = (np.abs(v) / self._v_max).max()
        if ratio > 1.0:
            v = v / ratio
            flags |= Limit.JOINT_SPEED
        # A joint may approach its range only as fast as it could still stop before it.
        envelope = np.minimum(np.maximum(v, 4.0 * (Q_LOW + 0.02 - self.q)), 4.0 * (Q_HIGH - 0.02 - self.q))
        if (envelope != v).any():
            v = envelope
            flags |= Limit.JOINT_RANGE
        change = v - self.qd
        ratio = (np.abs(change) / (A_MAX * dt)).max()
        if ratio > 1.0:
            change = change / ratio
            flags |= Limit.ACCELERATION
        before = self.qd
        self.qd = before + change
        # The follower's Hermite segment between equal-acceleration ends has the mean velocity of its ends.
        self.q = np.minimum(np.maximum(self.q + 0.5 * dt * (before + self.qd), Q_LOW), Q_HIGH)
        return ServoStep(self.q.copy(), self.qd.copy(), twist, flags)
