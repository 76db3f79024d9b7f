"""The legs' end of the command path: what efforts it takes, and when it damps by itself. Pure.

`steady_ns` is the monotonic clock, which the watchdog runs on, since robot time can stand still.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_meta.errors import ObservationError
from ros_nodes.receiver import WATCHDOG_NS
from sim.effort import EffortLimits, damped_stop

Array = NDArray[np.float64]


class LegReceiver:
    """Holds the last good efforts; damps the joints when told to, and when nobody speaks."""

    def __init__(self, names: tuple[str, ...], limits: EffortLimits) -> None:
        self.names, self.limits = names, limits
        self._effort: Array | None = None
        self._heard_ns: int | None = None
        self.stopped = False
        """The emergency stop is on: nothing is accepted."""
        self.watchdog = False
        """The watchdog has damped the joints; a good command takes them back."""
        self.accepted = 0
        self.refused = 0

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
        self._heard_ns, self.watchdog = steady_ns, False

    def emergency_stop(self, on: bool) -> None:
        """Latch or release the emergency stop; latching damps at once."""
        if on:
            self._effort = None
        self.stopped = on

    def watch(self, steady_ns: int) -> bool:
        """Let the watchdog look. Returns whether it has just taken efforts away."""
        silent = self._heard_ns is not None and steady_ns - self._heard_ns > WATCHDOG_NS
        if not silent or self.watchdog:
            return False
        self.watchdog = True
        had, self._effort = self._effort is not None, None
        return had

    def effort(self, qd: Array) -> Array:
        """What the motors give now (J,), at joint speeds (J,): a command, or a damped stop."""
        return damped_stop(qd, self.limits) if self._effort is None else self._effort

    def _checked(self, msg: Any) -> Array:
        what = "leg_controller/effort"
        if self.stopped:
            raise ObservationError(f"{what}: the emergency stop is on; reset it first")
        place = {name: i for i, name in enumerate(msg.name)}
        if set(place) != set(self.names) or len(place) != len(msg.name):
            raise ObservationError(f"{what}: joints {list(msg.name)}, need {list(self.names)}")
        effort = np.asarray(msg.effort, np.float64)
        if effort.shape != (len(self.names),) or not np.isfinite(effort).all():
            raise ObservationError(
                f"{what}: {effort.tolist()[:9]}, need {len(self.names)} finite efforts"
            )
        ordered: Array = effort[[place[name] for name in self.names]]
        over = np.flatnonzero(np.abs(ordered) > self.limits.effort * (1.0 + 1e-6))
        if over.size:
            i = int(over[0])
            raise ObservationError(
                f"{what}: {self.names[i]} at {ordered[i]:.1f} N m, the most is "
                f"{self.limits.effort[i]:.1f}"
            )
        return ordered
