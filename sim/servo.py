"""Twist to joint command within limits, the same for the environment and for the command gate.

The servo keeps the *commanded* joint angles, so that tracking lag does not feed back into the path.
One rule makes it safe to lose: at every tick, braking from here at the acceleration limits ends
within joint ranges, inside the workspace box and clear of table and arm. A step that would break
the rule is replaced by braking, so whoever follows `braking_points` and hears nothing more is at
rest in a good place within `ServoLimits.stop_s`.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.clearance import Clearance
from sim.follower import Point
from sim.ik import InverseKinematics
from sim.limits import APPROACH_PER_S, Limit, ServoLimits
from sim.sawyer import A_MAX, HOME_Q, Q_HIGH, Q_LOW, Kinematics

__all__ = ["DIVERGED_RAD", "TWIST_FRAMES", "Limit", "Servo", "ServoLimits", "ServoStep"]

Array = NDArray[np.float64]

DIVERGED_RAD = 0.1
"""Commanded and measured angles further apart than this: something holds the arm."""
TWIST_FRAMES = ("base", "right_hand")
BOX_SLACK_M = 5e-4
"""Slack of the workspace box, for what damping and drift add to a path along its wall."""
_INV_A_MAX = 1.0 / A_MAX
_Q_LOW, _Q_HIGH = Q_LOW.tolist(), Q_HIGH.tolist()
_ZERO6, _ZERO7 = np.zeros(6), np.zeros(7)
_ZERO6.flags.writeable = _ZERO7.flags.writeable = False


class ServoStep(NamedTuple):
    """One tick's command."""

    q: Array
    """Joint angles (7,), rad."""
    qd: Array
    """Joint velocities (7,), rad/s."""
    twist: Array
    """The twist (6,) after clamping, m/s and rad/s in `base`."""
    flags: int
    """Bitmask of `Limit`: which limits were met."""


class Servo:
    """Integrates Cartesian twists into joint commands that respect every limit."""

    def __init__(self, limits: ServoLimits | None = None) -> None:
        self.limits = limits or ServoLimits()
        self.kinematics = Kinematics()
        self.clearance = Clearance()
        self._ik = InverseKinematics(self.kinematics, self.limits.posture_gain)
        self.speed_scale = self.limits.speed_scale
        self._inv_v_max = 1.0 / self.limits.joint_speed
        low, high = np.asarray(self.limits.box_low_m), np.asarray(self.limits.box_high_m)
        self._box = list(zip(low.tolist(), high.tolist(), strict=True))
        self.reset(HOME_Q)

    def reset(self, q: Array) -> None:
        """Rest at joint angles `q` (7,), rad.

        Raises:
            ValueError: `q` is not seven finite numbers.
        """
        q = np.array(q, float)
        if q.shape != (7,) or not np.isfinite(q).all():
            raise ValueError(f"joint angles must be 7 finite numbers in rad, got {q}")
        self.q = q
        self.qd = _ZERO7
        self._ramp = 0.0
        self._end = self._look_ahead(q, self.qd)

    @property
    def distance_m(self) -> float:
        """Smallest distance to table or arm where braking from here would end, up to 0.03 m."""
        return self._end.distance_m

    def diverged(self, measured_q: Array) -> bool:
        """Whether the arm at `measured_q` (7,) is not where it was sent: stop and `reset`."""
        # A measurement that is not a number is nowhere near.
        return not all(-DIVERGED_RAD <= x <= DIVERGED_RAD for x in (measured_q - self.q).tolist())

    def to_base(self, twist: Array, frame: str) -> Array:
        """A twist (6,) of the tip given along the axes of `frame`, along those of `base`."""
        if frame == TWIST_FRAMES[0]:
            return twist
        if frame != TWIST_FRAMES[1]:
            raise ValueError(f"twist frame {frame!r}; use one of {', '.join(TWIST_FRAMES)}")
        self.kinematics.update(self.q)
        turn = self.kinematics.tip_axes_here()
        return np.concatenate([turn @ twist[:3], turn @ twist[3:]])

    def step(self, twist: Array, dt: float) -> ServoStep:
        """Advance by `dt` seconds under `twist` (6,), m/s and rad/s in `base`."""
        self.kinematics.update(self.q)
        clamped, flags = self._clamp_twist(twist, dt)
        out = np.array(clamped)
        if not any(clamped):
            return self._advance(_ZERO7, out, flags, dt)
        v, more = self._ik.solve(self.q, out)
        return self._advance(v, out, flags | more, dt)

    def step_joints(self, qd: Array, dt: float) -> ServoStep:
        """Advance by `dt` seconds towards velocities `qd` (7,), rad/s, under the same limits."""
        return self._advance(qd * self.speed_scale, _ZERO6, 0, dt)

    def brake(self, dt: float) -> ServoStep:
        """Advance by `dt` seconds towards rest, as fast as the acceleration limits allow."""
        before, stop_s = self.qd, _stop_s(self.qd)
        self.qd = before * (1.0 - dt / stop_s) if stop_s > dt else _ZERO7
        self.q = self.q + 0.5 * dt * (before + self.qd)
        self._ramp = 0.0
        return ServoStep(self.q, self.qd, _ZERO6, 0)

    def braking_points(self, dt: float) -> list[Point]:
        """From the present command to rest: [(seconds, q (7,), qd (7,))], ending at zero velocity.

        The first point is the present command, `dt` after the trajectory's start. A controller that
        joins the points by cubics brakes at a constant rate, within every joint's limit.
        """
        stop_s = self._end.stop_s if self.qd is self._end.qd else _stop_s(self.qd)
        if stop_s < 1e-6:
            return [(dt, self.q, _ZERO7)]
        # All joints stop together on a straight line, so the path keeps its direction.
        return [(dt, self.q, self.qd), (dt + stop_s, self.q + 0.5 * stop_s * self.qd, _ZERO7)]

    def _clamp_twist(self, twist: Array, dt: float) -> tuple[list[float], int]:
        """Speed, ramp and workspace, in plain floats: at this size they are faster than arrays."""
        limits, flags = self.limits, 0
        x, y, z, rx, ry, rz = np.asarray(twist, float).tolist()
        speed, spin = math.sqrt(x * x + y * y + z * z), math.sqrt(rx * rx + ry * ry + rz * rz)
        if not math.isfinite(speed + spin):
            raise ValueError(f"twist must be 6 finite numbers in m/s and rad/s, got {twist}")
        linear = angular = self.speed_scale
        if linear < 1.0:
            flags |= Limit.SPEED_SCALE.value
        if speed > limits.linear_m_s:
            linear *= limits.linear_m_s / speed
            flags |= Limit.LINEAR_SPEED.value
        if spin > limits.angular_rad_s:
            angular *= limits.angular_rad_s / spin
            flags |= Limit.ANGULAR_SPEED.value
        if self._ramp < 1.0 and speed + spin > 0.0:
            self._ramp = min(1.0, self._ramp + dt / limits.ramp_s) if limits.ramp_s > 0 else 1.0
            linear, angular = linear * self._ramp, angular * self._ramp
            flags |= Limit.RAMP.value
        out = [x * linear, y * linear, z * linear, rx * angular, ry * angular, rz * angular]
        for i, (tip, (low, high)) in enumerate(
            zip(self.kinematics.tip_here().tolist(), self._box, strict=True)
        ):
            # Outside the box one may move in or rest; nothing moves by itself.
            slowest = min(0.0, APPROACH_PER_S * (low - tip))
            fastest = max(0.0, APPROACH_PER_S * (high - tip))
            if not slowest <= out[i] <= fastest:
                out[i] = min(max(out[i], slowest), fastest)
                flags |= Limit.WORKSPACE.value
        return out, flags

    def _advance(self, v: Array, twist: Array, flags: int, dt: float) -> ServoStep:
        """Head for the velocity `v` (7,), as far as limits and the stop that must follow allow."""
        ratio = _worst(v, self._inv_v_max)
        if ratio > 1.0:
            v, twist = v / ratio, twist / ratio
            flags |= Limit.JOINT_SPEED.value
        q, qd, limited = self._towards(v, dt)
        end = self._look_ahead(q, qd)
        if end.distance_m < min(self.limits.slow_m, self._end.distance_m):
            flags |= Limit.CLEARANCE.value
            share = self._end.distance_m - self.limits.stop_m
            share /= self.limits.slow_m - self.limits.stop_m
            q, qd, limited = self._towards(min(max(share, 0.0), 1.0) * v, dt)
            end = self._look_ahead(q, qd)
        broken = self._broken(end)
        if broken:
            # Braking ends where the last step's look ahead did: a place that was good.
            ramp = self._ramp
            step = self.brake(dt)
            self._ramp = ramp
            return ServoStep(step.q, step.qd, twist, flags | broken)
        if limited:
            flags |= Limit.ACCELERATION.value
        self.q, self.qd, self._end = q, qd, end
        return ServoStep(q, qd, twist, flags)

    def _towards(self, v: Array, dt: float) -> tuple[Array, Array, bool]:
        """Angles and velocities after `dt` of heading for `v`; whether acceleration was short."""
        change = v - self.qd
        ratio = _worst(change, _INV_A_MAX) / dt
        limited = ratio > 1.0
        qd = self.qd + (change / ratio if limited else change)
        # The follower's cubic between ends of equal acceleration has the mean velocity of its ends.
        return self.q + (0.5 * dt) * (self.qd + qd), qd, limited

    def _look_ahead(self, q: Array, qd: Array) -> "_End":
        """Where braking from `q`, `qd` would end."""
        stop_s = _stop_s(qd)
        q = q + (0.5 * stop_s) * qd
        distance_m = self.clearance.at(q)
        outside_m = beyond_rad = 0.0
        for at, (low, high) in zip(self.clearance.tip_here().tolist(), self._box, strict=True):
            if not low <= at <= high:
                outside_m = max(outside_m, low - at, at - high)
        for at, low, high in zip(q.tolist(), _Q_LOW, _Q_HIGH, strict=True):
            if not low <= at <= high:
                beyond_rad = max(beyond_rad, low - at, at - high)
        return _End(distance_m, outside_m, beyond_rad, qd, stop_s)

    def _broken(self, end: "_End") -> int:
        """The bounds that `end` breaks and does not mend."""
        broken, now = 0, self._end
        if end.distance_m < self.limits.stop_m and end.distance_m < now.distance_m:
            broken |= Limit.CLEARANCE.value
        if end.outside_m > BOX_SLACK_M and end.outside_m > now.outside_m:
            broken |= Limit.WORKSPACE.value
        if end.beyond_rad > 0.0 and end.beyond_rad > now.beyond_rad:
            broken |= Limit.JOINT_RANGE.value
        return broken


class _End(NamedTuple):
    """What is true where braking ends."""

    distance_m: float
    """To table or arm, at most 0.03."""
    outside_m: float
    """How far the tip is outside the workspace box."""
    beyond_rad: float
    """How far the worst joint is beyond its range."""
    qd: Array
    """(7,) velocities that it brakes from, rad/s."""
    stop_s: float
    """How long that takes."""


def _stop_s(qd: Array) -> float:
    """Seconds to rest from velocities `qd` (7,) at the acceleration limits."""
    return _worst(qd, _INV_A_MAX)


def _worst(x: Array, inverse_limit: Array) -> float:
    """Largest share of its limit that an element of `x` (7,) takes."""
    shares: list[float] = (x * inverse_limit).tolist()
    return max(map(abs, shares))
