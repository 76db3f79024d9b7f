"""The legs' end of the command path: what efforts it takes, and when it damps by itself. Pure.

`steady_ns` is the monotonic clock.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_meta.errors import ObservationError
from ros_nodes.joint_order import in_order
from ros_nodes.watchdog import Watchdog
from sim.effort import EffortLimits, damped_stop

Array = NDArray[np.float64]


class LegReceiver:
    """Holds the last good efforts; damps the joints when told to, and when nobody speaks."""

    def __init__(self, names: tuple[str, ...], limits: EffortLimits) -> None:
        self.names, self.limits = names, limits
        self._effort: Array | None = None
        self._watchdog = Watchdog()
        self.stopped = False
        """The emergency stop is on: nothing is accepted."""
        self.accepted = 0
        self.refused = 0

    @property
    def watchdog(self) -> bool:
        """The watchdog has damped the joints; a good command takes them back."""
        return self._watchdog.bitten

    def accept(self, msg: Any, steady_ns: int) -> None:
        """Apply the efforts of a `sensor_msgs/JointState` from now on.

        Raises:
            ObservationError: it is refused; what was applied before goes on until the watchdog.
        """
        try:
            self._effort = self._checked(msg)
        except ObservationError:
            self.refused += 1
            raise
        self.accepted += 1
        self._watchdog.feed(steady_ns)

    def emergency_stop(self, on: bool) -> None:
        """Latch or release the emergency stop; latching damps at once."""
        if on:
            self._effort = None
        self.stopped = on

    def watch(self, steady_ns: int) -> bool:
        """Let the watchdog look. Returns whether it has just taken efforts away."""
        if not self._watchdog.bites(steady_ns):
            return False
        had, self._effort = self._effort is not None, None
        return had

    def effort(self, qd: Array) -> Array:
        """What the motors give now (J,), at joint speeds (J,): a command, or a damped stop."""
        return damped_stop(qd, self.limits) if self._effort is None else self._effort

    def _checked(self, msg: Any) -> Array:
        what = "leg_controller/effort"
        if self.stopped:
            raise ObservationError(f"{what}: the emergency stop is on; reset it first")
        try:
            effort = np.asarray(msg.effort, np.float64)
            ordered = in_order(self.names, list(msg.name), effort, "efforts")
        except ObservationError as error:
            raise ObservationError(f"{what}: {error}") from error
        over = np.flatnonzero(np.abs(ordered) > self.limits.effort * (1.0 + 1e-6))
        if over.size:
            i = int(over[0])
            raise ObservationError(
                f"{what}: {self.names[i]} at {ordered[i]:.1f} N m, the most is "
                f"{self.limits.effort[i]:.1f}"
            )
        return ordered
