"""The end of the command path of legs with servos: which targets they take, and when they let go.

Pure. `now_s` is robot time, `steady_ns` the monotonic clock, which the watchdog runs on, since
robot time can stand still. Legs that let go are damped: their servos' target is wherever they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_meta.errors import ObservationError
from ros_nodes.messages import stamp_ns, trajectory_points
from ros_nodes.receiver import WATCHDOG_NS
from sim.follower import Point, TrajectoryFollower
from sim.leg_targets import TargetLimits

Array = NDArray[np.float64]
MAX_HORIZON_S = 0.2
"""A gate plans a tick and the way to rest; whoever sends more is no gate."""
MAX_LEAP_RAD = 0.5
"""How far the first point may lie from where joints are sent or are, beyond what speed allows."""
_ROUNDING = 1e-6


class TargetReceiver:
    """Follows the last good trajectory; lets go when told to, and when nobody speaks."""

    def __init__(self, names: tuple[str, ...], limits: TargetLimits) -> None:
        self.names, self.limits = names, limits
        self._follower = TrajectoryFollower(np.zeros(len(names)))
        self._heard_ns: int | None = None
        self.holding = False
        """Whether joints are sent anywhere; else they are damped."""
        self.stopped = False
        """The emergency stop is on: nothing is accepted."""
        self.watchdog = False
        """The watchdog has damped the joints; a good command takes them back."""
        self.accepted = 0
        self.refused = 0

    def accept(self, msg: Any, q: Array, now_s: float, steady_ns: int) -> None:
        """Follow a `trajectory_msgs/JointTrajectory` from joints at `q` (J,); no points: let go.

        Raises:
            ObservationError: it is refused; what was followed before goes on, to its end at rest.
        """
        try:
            points = self._checked(msg, self.target(q, now_s))
        except ObservationError:
            self.refused += 1
            raise
        if points:
            if not self.holding:
                self._follower.reset(q, now_s)
            self._follower.set(points, now_s)
        self.holding = bool(points)
        self.accepted += 1
        self._heard_ns, self.watchdog = steady_ns, False

    def emergency_stop(self, on: bool) -> None:
        """Latch or release the emergency stop; latching lets go at once."""
        if on:
            self.holding = False
        self.stopped = on

    def watch(self, steady_ns: int) -> bool:
        """Let the watchdog look. Returns whether it has just let go."""
        silent = self._heard_ns is not None and steady_ns - self._heard_ns > WATCHDOG_NS
        if not silent or self.watchdog:
            return False
        had, self.holding, self.watchdog = self.holding, False, True
        return had

    def target(self, q: Array, now_s: float) -> Array:
        """Where servos are to hold joints that are at `q` (J,), rad."""
        return self._follower.sample(now_s)[0] if self.holding else q

    def _checked(self, msg: Any, here: Array) -> list[Point]:
        what, limits = "leg_controller/joint_trajectory", self.limits
        if self.stopped:
            raise ObservationError(f"{what}: the emergency stop is on; reset it first")
        if at := stamp_ns(msg.header.stamp):
            raise ObservationError(f"{what}: stamp {at} ns; need 0, which starts on arrival")
        points = trajectory_points(msg, self.names)
        if not points:
            return points
        for i, (_, q, qd) in enumerate(points):
            self._within(q, limits.low, limits.high, f"{what}: point {i}, position in rad")
            self._within(qd, -limits.speed, limits.speed, f"{what}: point {i}, speed in rad/s")
        (first_s, first_q, _), (last_s, _, last_qd) = points[0], points[-1]
        if not 0.0 < first_s <= last_s <= MAX_HORIZON_S:
            raise ObservationError(
                f"{what}: points from {first_s} s to {last_s} s; need them in (0, {MAX_HORIZON_S}]"
            )
        if np.any(last_qd != 0.0):
            raise ObservationError(
                f"{what}: ends at {last_qd.round(4).tolist()} rad/s; need an end at rest"
            )
        reach = limits.speed * first_s + MAX_LEAP_RAD
        self._within(first_q, here - reach, here + reach, f"{what}: leap to the first point")
        return points

    def _within(self, values: Array, low: Array, high: Array, what: str) -> None:
        bad = np.flatnonzero((values < low - _ROUNDING) | (values > high + _ROUNDING))
        if bad.size:
            i = int(bad[0])
            raise ObservationError(
                f"{what}: {self.names[i]} at {values[i]:.4f}, need it in "
                f"[{low[i]:.4f}, {high[i]:.4f}]"
            )
