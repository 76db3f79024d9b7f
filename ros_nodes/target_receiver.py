"""The end of the command path of legs with servos: which targets they take, and when they let go.

Pure: `now_s` is robot time, `steady_ns` the monotonic clock. Legs that let go are damped: their
servos' target is wherever they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_meta.errors import ObservationError
from ros_nodes.trajectory_rules import TrajectoryRules
from ros_nodes.watchdog import Watchdog
from sim.follower import TrajectoryFollower
from sim.leg_targets import TargetLimits

Array = NDArray[np.float64]


class TargetReceiver:
    """Follows the last good trajectory; lets go when told to, and when nobody speaks."""

    def __init__(self, names: tuple[str, ...], limits: TargetLimits) -> None:
        self.names, self.limits = names, limits
        self._rules = TrajectoryRules(
            what="leg_controller/joint_trajectory",
            names=names,
            low=limits.low,
            high=limits.high,
            speed=limits.speed,
            horizon_s=0.2,
            leap_rad=0.5,  # servos hold with an error, and a leg that let go may be anywhere near
        )
        self._follower = TrajectoryFollower(np.zeros(len(names)))
        self._watchdog = Watchdog()
        self.holding = False
        """Whether joints are sent anywhere; else they are damped."""
        self.stopped = False
        """The emergency stop is on: nothing is accepted."""
        self.accepted = 0
        self.refused = 0

    @property
    def watchdog(self) -> bool:
        """The watchdog has damped the joints; a good command takes them back."""
        return self._watchdog.bitten

    def accept(self, msg: Any, q: Array, now_s: float, steady_ns: int) -> None:
        """Follow a `trajectory_msgs/JointTrajectory` from joints at `q` (J,); no points: let go.

        Raises:
            ObservationError: it is refused; what was followed before goes on, to its end at rest.
        """
        try:
            if self.stopped:
                raise ObservationError(
                    f"{self._rules.what}: the emergency stop is on; reset it first"
                )
            points = self._rules.points(msg, self.target(q, now_s))
        except ObservationError:
            self.refused += 1
            raise
        if points:
            if not self.holding:
                self._follower.reset(q, now_s)
            self._follower.set(points, now_s)
        self.holding = bool(points)
        self.accepted += 1
        self._watchdog.feed(steady_ns)

    def emergency_stop(self, on: bool) -> None:
        """Latch or release the emergency stop; latching lets go at once."""
        if on:
            self.holding = False
        self.stopped = on

    def watch(self, steady_ns: int) -> bool:
        """Let the watchdog look. Returns whether it has just let go."""
        if not self._watchdog.bites(steady_ns):
            return False
        had, self.holding = self.holding, False
        return had

    def target(self, q: Array, now_s: float) -> Array:
        """Where servos are to hold joints that are at `q` (J,), rad."""
        return self._follower.sample(now_s)[0] if self.holding else q
