"""The arm's end of the command path: what it accepts, what it follows, and when it stops by itself.

The simulator uses it, and so would a bridge to a robot without a trajectory controller of its own.
Pure: `now_s` is robot time, `steady_ns` the monotonic clock.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_meta.errors import ObservationError
from ros_nodes.trajectory_rules import TrajectoryRules
from ros_nodes.watchdog import Watchdog
from sim.follower import TrajectoryFollower
from sim.sawyer import A_MAX, JOINT_NAMES, Q_HIGH, Q_LOW, V_MAX

Array = NDArray[np.float64]
RULES = TrajectoryRules(
    what="joint_trajectory",
    names=JOINT_NAMES,
    low=Q_LOW,
    high=Q_HIGH,
    speed=V_MAX,
    horizon_s=1.0,
    leap_rad=0.1,  # lateness, not jumps
)


class ArmReceiver:
    """Gives a follower the last good trajectory; brakes it when told to, and when nobody speaks."""

    def __init__(self, follower: TrajectoryFollower) -> None:
        self._follower = follower
        self._watchdog = Watchdog()
        self.stopped = False
        """The emergency stop is on: nothing is accepted."""
        self.accepted = 0
        self.refused = 0

    @property
    def watchdog(self) -> bool:
        """The watchdog has braked the arm; a good command takes it back."""
        return self._watchdog.bitten

    def accept(self, msg: Any, now_s: float, steady_ns: int) -> None:
        """Follow a `trajectory_msgs/JointTrajectory` from now on; one without points means stop.

        Raises:
            ObservationError: it is refused; what was followed before goes on, to its end at rest.
        """
        try:
            if self.stopped:
                raise ObservationError(f"{RULES.what}: the emergency stop is on; reset it first")
            points = RULES.points(msg, self._follower.sample(now_s)[0])
        except ObservationError:
            self.refused += 1
            raise
        if points:
            self._follower.set(points, now_s)
        else:
            self.brake(now_s)
        self.accepted += 1
        self._watchdog.feed(steady_ns)

    def emergency_stop(self, on: bool, now_s: float) -> None:
        """Latch or release the emergency stop; latching brakes at once."""
        if on and not self.stopped:
            self.brake(now_s)
        self.stopped = on

    def watch(self, now_s: float, steady_ns: int) -> bool:
        """Let the watchdog look. Returns whether it has just braked an arm in motion."""
        if not self._watchdog.bites(steady_ns):
            return False
        moving = bool(self._follower.sample(now_s)[1].any())
        self.brake(now_s)
        return moving

    def brake(self, now_s: float) -> None:
        """From the present motion to rest, all joints together, within the acceleration limits."""
        q, qd = self._follower.sample(now_s)
        stop_s = float((np.abs(qd) / A_MAX).max())
        if stop_s > 0.0:
            # Constant deceleration; the cubic through these two ends is exactly that parabola.
            self._follower.set([(stop_s, q + 0.5 * stop_s * qd, np.zeros_like(q))], now_s)
        else:
            self._follower.reset(q, now_s)

    def sample(self, now_s: float) -> tuple[Array, Array]:
        """Target positions (7,) rad and velocities (7,) rad/s at `now_s`."""
        return self._follower.sample(now_s)
