"""What the gates of legged robots have in common: values for named joints, in any order.

The same `Gate` as the arm's says whose values count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from robot_meta.errors import ObservationError
from ros_nodes.gate import Gate, Mode, Now, Rules
from ros_nodes.joint_order import in_order

Array = NDArray[np.float64]
LEG_SOURCES: Mapping[str, Mode] = {"policy": Mode.POLICY}


class JointGate:
    """The gate of one robot with the joints `names`, for each of which there is a limit."""

    def __init__(self, names: Sequence[str], limits: int, rules: Rules) -> None:
        if len(names) != limits:
            raise ValueError(f"{len(names)} joints, but limits for {limits}")
        self.names = tuple(names)
        self.gate = Gate(rules, LEG_SOURCES)

    def offer(
        self,
        source: str,
        stamp_ns: int,
        names: Sequence[str],
        values: Array,
        what: str,
        now: Now,
    ) -> bool:
        """What `source` proposes for all joints; returns whether it counts."""
        try:
            ordered = in_order(self.names, names, values, what)
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
