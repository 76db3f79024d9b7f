"""Which `trajectory_msgs/JointTrajectory` an end of the command path takes. Pure.

Jazzy's joint_trajectory_controller accepts by default all joints, rising times and an end at rest;
these rules ask for less besides: short horizons, no leaps, the model's limits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_meta.errors import ObservationError
from ros_nodes.messages import stamp_ns, trajectory_points
from sim.follower import Point

Array = NDArray[np.float64]
_ROUNDING = 1e-6


@dataclass(frozen=True, kw_only=True)
class TrajectoryRules:
    """Of a robot with J joints."""

    what: str
    """What errors call it: its topic."""
    names: tuple[str, ...]
    """(J,)."""
    low: Array
    """Least position (J,), rad."""
    high: Array
    """Greatest position (J,), rad."""
    speed: Array
    """Greatest speed (J,), rad/s."""
    horizon_s: float
    """A gate plans a tick and the way to rest; whoever sends more is no gate."""
    leap_rad: float
    """How far the first point may lie beyond what full speed reaches by then."""

    def points(self, msg: Any, here: Array) -> list[Point]:
        """Its points, joints in the order of `names`; none mean stop.

        Args:
            msg: the message.
            here: (J,), rad: where the joints are sent now.

        Raises:
            ObservationError: it breaks a rule.
        """
        if at := stamp_ns(msg.header.stamp):
            raise ObservationError(f"{self.what}: stamp {at} ns; need 0, which starts on arrival")
        points = trajectory_points(msg, self.names)
        for i, (_, q, qd) in enumerate(points):
            self._within(q, self.low, self.high, f"point {i}, position", "rad")
            self._within(qd, -self.speed, self.speed, f"point {i}, velocity", "rad/s")
        if points:
            self._ends(points[-1])
            self._begins(points[0], points[-1], here)
        return points

    def _begins(self, first: Point, last: Point, here: Array) -> None:
        if not 0.0 < first[0] <= last[0] <= self.horizon_s:
            raise ObservationError(
                f"{self.what}: points from {first[0]} s to {last[0]} s; "
                f"need them in (0, {self.horizon_s}]"
            )
        reach = self.speed * first[0] + self.leap_rad
        self._within(first[1], here - reach, here + reach, "leap to the first point", "rad")

    def _ends(self, last: Point) -> None:
        if np.any(last[2] != 0.0):
            raise ObservationError(
                f"{self.what}: ends at {last[2].round(4).tolist()} rad/s; need an end at rest"
            )

    def _within(self, values: Array, low: Array, high: Array, which: str, unit: str) -> None:
        bad = np.flatnonzero((values < low - _ROUNDING) | (values > high + _ROUNDING))
        if bad.size:
            i = int(bad[0])
            raise ObservationError(
                f"{self.what}: {which}: {self.names[i]} at {values[i]:.4f} {unit}, "
                f"need it in [{low[i]:.4f}, {high[i]:.4f}]"
            )
