"""The command gate of legs with servos, without ROS: joint targets in, short trajectories out.

The same `Gate` as the arm's says whose targets count. When none do, legs are let go: servos damp
them and hold no angle, until a mode is asked for again.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from robot_meta.errors import ObservationError
from ros_nodes.gate import Gate, Mode, Now, Rules
from ros_nodes.joint_order import in_order
from ros_nodes.leg_gate import LEG_SOURCES
from sim.leg_targets import TargetLimiter, TargetLimits, TargetStep

Array = NDArray[np.float64]


class TargetGate:
    """The gate of one robot whose joints `names` have servos."""

    def __init__(self, names: Sequence[str], limits: TargetLimits) -> None:
        if len(names) != limits.low.size:
            raise ValueError(f"{len(names)} joints, but limits for {limits.low.size}")
        self.names = tuple(names)
        self.gate = Gate(Rules(), LEG_SOURCES)
        self.limiter = TargetLimiter(limits)
        self._measured: Array | None = None

    def on_joints(self, stamp_ns: int, q: Array, now: Now) -> None:
        """Measured joint angles (J,), rad, in model order.

        Raises:
            Refusal: their stamp is zero, old or in the future.
        """
        self.gate.joints(stamp_ns, now)
        self._measured = q

    def on_targets(
        self, source: str, stamp_ns: int, names: Sequence[str], q: Array, now: Now
    ) -> bool:
        """Targets proposed by `source`, in any order of all joints; returns whether they count."""
        try:
            ordered = in_order(self.names, names, q, "angles")
        except ObservationError as error:
            self.gate.refuse(f"{source}: {error}")
            return False
        return self.gate.offer(source, stamp_ns, ordered, now)

    def set_mode(self, mode: Mode, now: Now) -> None:
        """Change the mode.

        Raises:
            Refusal: it cannot be entered now.
        """
        self.gate.set_mode(mode, now)

    def reset_estop(self, now: Now) -> None:
        """Release the emergency stop; the gate is IDLE then.

        Raises:
            Refusal: too soon after it.
        """
        self.gate.reset_estop(now)

    def tick(self, now: Now, dt: float) -> TargetStep:
        """What to send now; from a stop, joints are led on from where they are."""
        proposal = self.gate.decide(now)
        if proposal is None or self._measured is None:
            return self.limiter.stop()
        if self.limiter.q is None:
            self.limiter.reset(self._measured)
        return self.limiter.step(proposal.payload, dt)
