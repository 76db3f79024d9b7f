"""The legs' command gate without ROS: efforts in, limited efforts or a damped stop out.

When no efforts count, legs are not left at their last one, nor dropped: the stop is
tau = -kd qd, clamped, and latched until a mode is asked for again.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ros_nodes.gate import Mode, Now, Rules
from ros_nodes.joint_gate import JointGate
from sim.effort import Base, EffortLimiter, EffortLimits, EffortStep

Array = NDArray[np.float64]


class LegGate(JointGate):
    """The gate of one legged robot."""

    def __init__(
        self, names: Sequence[str], limits: EffortLimits, *, lockstep: bool = False
    ) -> None:
        super().__init__(names, limits.effort.size, Rules(lockstep=lockstep))
        self.limiter = EffortLimiter(limits)
        self.measured_qd: Array = np.zeros(len(names))

    def on_joints(self, stamp_ns: int, qd: Array, now: Now) -> None:
        """Measured joint speeds (J,), rad/s, in model order.

        Raises:
            Refusal: their stamp is zero, old or in the future.
        """
        self.gate.joints(stamp_ns, now)
        self.measured_qd = qd

    def on_effort(
        self, source: str, stamp_ns: int, names: Sequence[str], effort: Array, now: Now
    ) -> bool:
        """Efforts proposed by `source`, in any order of all joints; returns whether they count."""
        return self.offer(source, stamp_ns, names, effort, "efforts", now)

    def set_mode(self, mode: Mode, now: Now) -> None:
        """Change the mode; asking for motion releases a latched stop.

        Raises:
            Refusal: it cannot be entered now.
        """
        super().set_mode(mode, now)
        if self.gate.moving:
            self.limiter.reset()

    def tick(self, base: Base, now: Now, dt: float) -> EffortStep:
        """The efforts (J,) to send now."""
        proposal = self.gate.decide(now)
        if proposal is None:
            return self.limiter.stop(self.measured_qd)
        step = self.limiter.step(proposal.payload, self.measured_qd, base, dt)
        if self.limiter.stopped:
            self.gate.hold("tilt, height or joint speed is out of bounds")
        return step
