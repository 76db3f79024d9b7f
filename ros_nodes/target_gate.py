"""The command gate of legs with servos, without ROS: joint targets in, short trajectories out.

When no targets count, legs are let go: servos damp them and hold no angle, until a mode is asked
for again.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ros_nodes.gate import Now, Rules
from ros_nodes.joint_gate import JointGate
from sim.leg_targets import TargetLimiter, TargetLimits, TargetStep

Array = NDArray[np.float64]


class TargetGate(JointGate):
    """The gate of one robot whose joints have servos."""

    def __init__(self, names: Sequence[str], limits: TargetLimits) -> None:
        super().__init__(names, limits.low.size, Rules())
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
        return self.offer(source, stamp_ns, names, q, "angles", now)

    def tick(self, now: Now, dt: float) -> TargetStep:
        """What to send now; from a stop, joints are led on from where they are."""
        proposal = self.gate.decide(now)
        if proposal is None or self._measured is None:
            return self.limiter.stop()
        if self.limiter.q is None:
            self.limiter.reset(self._measured)
        return self.limiter.step(proposal.payload, dt)
