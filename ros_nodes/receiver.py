"""The arm's end of the command path: what it accepts, what it follows, and when it stops by itself.

The simulator uses it, and so would a bridge to a robot without a trajectory controller of its own.
It accepts what Jazzy's joint_trajectory_controller accepts by default (all joints, rising times, an
end at rest), and less: short horizons, no leaps, the model's limits. Pure: `now_s` is robot time,
`steady_ns` the monotonic clock, which the watchdog runs on, since robot time can stand still.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_meta.errors import ObservationError
from ros_nodes.messages import stamp_ns, trajectory_points
from sim.follower import TrajectoryFollower
from sim.sawyer import A_MAX, JOINT_NAMES, Q_HIGH, Q_LOW, V_MAX

Array = NDArray[np.float64]

WATCHDOG_NS = 200_000_000
"""Without a good command for longer, the arm brakes to rest."""
MAX_HORIZON_S = 1.0
"""A gate plans a tick and the way to rest; whoever sends more is no gate."""
MAX_LEAP_RAD = 0.1
"""How far the first point may lie beyond what full speed reaches by then: lateness, not jumps."""


class ArmReceiver:
    """Gives a follower the last good trajectory; brakes it when told to, and when nobody speaks."""

    def __init__(self, follower: TrajectoryFollower) -> None:
        self._follower = follower
        self._heard_ns: int | None = None
        self.stopped = False
        """The emergency stop is on: nothing is accepted."""
        self.watchdog = False
        """The watchdog has braked the arm; a good command takes it back."""
        self.accepted = 0
        self.refused = 0

    def accept(self, msg: Any, now_s: float, steady_ns: int) -> None:
        """Follow a `trajectory_msgs/JointTrajectory` from now on; one without points means stop.

        Raises:
            ObservationError: it is refused; what was followed before goes on, to its end at rest.
        """
        try:
            if self.stopped:
                raise ObservationError("joint_trajectory: the emergency stop is on; reset it first")
            points = self._checked(msg, now_s)
        except ObservationError:
            self.refused += 1
            raise
        if points:
            self._follower.set(points, now_s)
        else:
            self.brake(now_s)
        self.accepted += 1
        self._heard_ns, self.watchdog = steady_ns, False

    def emergency_stop(self, on: bool, now_s: float) -> None:
        """Latch or release the emergency stop; latching brakes at once."""
        if on and not self.stopped:
            self.brake(now_s)
        self.stopped = on

    def watch(self, now_s: float, steady_ns: int) -> bool:
        """Let the watchdog look. Returns whether it has just braked an arm in motion."""
        silent = self._heard_ns is not None and steady_ns - self._heard_ns > WATCHDOG_NS
        if not silent or self.watchdog:
            return False
        self.watchdog = True
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

    def _checked(self, msg: Any, now_s: float) -> list[tuple[float, Array, Array]]:
        what = "joint_trajectory"
        start_ns = stamp_ns(msg.header.stamp)
        if start_ns:
            raise ObservationError(f"{what}: stamp {start_ns} ns; need 0, which starts on arrival")
        points = trajectory_points(msg, JOINT_NAMES)
        if not points:
            return points
        for i, (_, q, qd) in enumerate(points):
            _within(q, Q_LOW - 1e-6, Q_HIGH + 1e-6, f"{what}: point {i}, position", "rad")
            _within(qd, -V_MAX - 1e-6, V_MAX + 1e-6, f"{what}: point {i}, velocity", "rad/s")
        (first_s, first_q, _), (last_s, _, last_qd) = points[0], points[-1]
        if not 0.0 < first_s <= last_s <= MAX_HORIZON_S:
            raise ObservationError(
                f"{what}: points from {first_s} s to {last_s} s; need them in (0, {MAX_HORIZON_S}]"
            )
        if np.any(last_qd != 0.0):
            raise ObservationError(
                f"{what}: ends at {last_qd.round(4).tolist()} rad/s; need an end at rest"
            )
        here = self._follower.sample(now_s)[0]
        reach = V_MAX * first_s + MAX_LEAP_RAD
        _within(first_q, here - reach, here + reach, f"{what}: leap to the first point", "rad")
        return points


def _within(values: Array, low: Array, high: Array, what: str, unit: str) -> None:
    bad = np.flatnonzero((values < low) | (values > high))
    if bad.size:
        i = int(bad[0])
        raise ObservationError(
            f"{what}: {JOINT_NAMES[i]} at {values[i]:.4f} {unit}, "
            f"need it in [{low[i]:.4f}, {high[i]:.4f}]"
        )
