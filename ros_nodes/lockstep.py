"""Lock-step: simulated time stands at each tick until the gate's command for that tick is in. Pure.

Two topics carry one tick (the trajectory and `command_gate/applied`), in either order: the tick is
complete when `applied` is of this tick *and* what it says was sent has arrived. Then a run is the
same whatever the load of the machine, and no faster or slower than its slowest node.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

TICK_NS = 20_000_000
"""The gate's tick in simulated time."""
TIMEOUT_NS = 5_000_000_000
"""Steady time after which a gate that has spoken before counts as lost."""
REPEAT_NS = 250_000_000
"""Steady time after which clock and joint states are sent again: best effort may lose one."""
IMAGE_SOURCES = ("teleop", "policy")
"""Sources whose commands answer an image, in lock-step within the tick of that image."""


class Lockstep:
    """Waits for one tick at a time. `steady_ns` is the monotonic clock."""

    def __init__(self) -> None:
        self._waiting_ns: int | None = None
        self._since_ns = 0
        self._repeated_ns = 0
        self._applied: tuple[int, tuple[float, ...], float] | None = None
        self._positions: tuple[float, ...] = ()
        self._gripper_m = math.nan
        self._image_ns = 0
        self.heard = False
        """A tick was answered: from here on silence is a fault, before it the gate is starting."""
        self.off_image = 0
        """Commands that answered an older image than the one of their tick."""

    @property
    def waiting_ns(self) -> int | None:
        """Stamp of the tick that is waited for, None while time runs."""
        return self._waiting_ns

    def wait(self, stamp_ns: int, steady_ns: int, image_ns: int = 0) -> None:
        """Stand at the tick `stamp_ns`; `image_ns` is the stamp of the last image sent."""
        self._waiting_ns, self._image_ns = stamp_ns, image_ns
        self._since_ns = self._repeated_ns = steady_ns

    def resume(self, steady_ns: int) -> None:
        """After a pause: the wait goes on, its time begins anew."""
        self._since_ns = self._repeated_ns = steady_ns

    def reset(self) -> None:
        """A new episode: what was sent before it counts for nothing."""
        self._waiting_ns = self._applied = None
        self._positions, self._gripper_m = (), math.nan

    def on_trajectory(self, first_positions: Sequence[float]) -> None:
        """Joint positions of the first point of a trajectory, as it came."""
        self._positions = tuple(first_positions)

    def on_gripper(self, opening_m: float) -> None:
        """An opening as it came."""
        self._gripper_m = opening_m

    def on_applied(
        self,
        stamp_ns: int,
        positions: Sequence[float],
        gripper_m: float,
        source: str,
        proposal_ns: int,
    ) -> None:
        """The gate's account of a tick: what it sent (nothing: no positions, a NaN opening)."""
        self.heard = True
        self._applied = (stamp_ns, tuple(positions), gripper_m)
        if source in IMAGE_SOURCES and stamp_ns == self._image_ns != proposal_ns:
            self.off_image += 1

    def complete(self) -> bool:
        """Whether the tick that is waited for has all it needs; if so, time may run."""
        if self._waiting_ns is None:
            return True
        if self._applied is None or self._applied[0] != self._waiting_ns:
            return False
        _, positions, gripper_m = self._applied
        if positions and positions != self._positions:
            return False
        if not math.isnan(gripper_m) and gripper_m != self._gripper_m:
            return False
        self._waiting_ns = None
        return True

    def repeat_due(self, steady_ns: int) -> bool:
        """Whether it is time to send clock and joint states again."""
        if self._waiting_ns is None or steady_ns - self._repeated_ns < REPEAT_NS:
            return False
        self._repeated_ns = steady_ns
        return True

    def lost(self, steady_ns: int) -> bool:
        """Whether a gate that has spoken before has been silent for too long."""
        return (
            self.heard and self._waiting_ns is not None and steady_ns - self._since_ns > TIMEOUT_NS
        )
