"""The legs' command gate without ROS: efforts in, limited efforts or a damped stop out.

The same `Gate` as the arm's says whose efforts count. When none do, legs are not left at their last
effort, nor dropped: the stop is tau = -kd qd, clamped, and latched until a mode is asked for again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from robot_meta.errors import ObservationError
from ros_nodes.gate import Gate, Mode, Now, Rules
from ros_nodes.joint_order import in_order
from sim.effort import Base, EffortLimiter, EffortLimits, EffortStep

Array = NDArray[np.float64]
LEG_SOURCES: Mapping[str, Mode] = {"policy": Mode.POLICY}


class LegGate:
    """The gate of one legged robot with the joints `names`."""

    def __init__(
        self, names: Sequence[str], limits: EffortLimits, *, lockstep: bool = False
    ) -> None:
        if len(names) != limits.effort.size:
            raise ValueError(f"{len(names)} joints, but limits for {limits.effort.size}")
        self.names = tuple(names)
        self.gate = Gate(Rules(lockstep=lockstep), LEG_SOURCES)
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
        try:
            ordered = in_order(self.names, names, effort, "efforts")
        except ObservationError as error:
            self.gate.refuse(f"{source}: {error}")
            return False
        return self.gate.offer(source, stamp_ns, ordered, now)

    def set_mode(self, mode: Mode, now: Now) -> None:
        """Change the mode; asking for motion releases a latched stop.

        Raises:
            Refusal: it cannot be entered now.
        """
        self.gate.set_mode(mode, now)
        if self.gate.moving:
            self.limiter.reset()

    def reset_estop(self, now: Now) -> None:
        """Release the emergency stop; the gate is IDLE then.

        Raises:
            Refusal: too soon after it.
        """
        self.gate.reset_estop(now)

    def tick(self, base: Base, now: Now, dt: float) -> EffortStep:
        """The efforts (J,) to send now."""
        proposal = self.gate.decide(now)
        if proposal is None:
            return self.limiter.stop(self.measured_qd)
        step = self.limiter.step(proposal.payload, self.measured_qd, base, dt)
        if self.limiter.stopped:
            self.gate.hold("tilt, height or joint speed is out of bounds")
        return step
