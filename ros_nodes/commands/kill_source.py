"""A process that moves the arm as a policy does, to be killed by `robot-meta bench kill`.

It sweeps the tip to and fro at a steady speed, proposing at 20 Hz with the newest time it knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from geometry_msgs.msg import TwistStamped
from robot_meta_msgs.msg import GateStatus, PolicyStatus
from robot_meta_msgs.srv import SetMode

from ros_nodes import qos
from ros_nodes.messages import fill_twist
from ros_nodes.node import RobotNode, run
from ros_nodes.params import param


@dataclass(frozen=True, kw_only=True)
class SourceParams:
    """Parameters of the sweep."""

    speed_m_s: float = param(0.3, "Speed of the tip.", low=0.0, high=0.4)
    turn_s: float = param(0.7, "Time from one turn to the next.", low=0.1, high=5.0)


class SourceNode(RobotNode):
    """Node `policy`, as far as the gate can tell."""

    def __init__(self) -> None:
        super().__init__("policy", SourceParams())

    def setup(self) -> None:
        """What a policy has."""
        self._twist_pub = self.create_publisher(TwistStamped, "policy/twist", qos.COMMAND)
        self._status_pub = self.create_publisher(PolicyStatus, "~/status", qos.STATUS)
        self._set_mode = self.create_client(SetMode, "command_gate/set_mode")
        self._asked: Any = None
        self._mode = GateStatus.IDLE
        self.create_subscription(GateStatus, "command_gate/status", self._on_gate, qos.STATUS)

    def start(self) -> None:
        """Ask for the mode until it is there, and propose."""
        self.steady_timer(0.1, self._ask)
        self.create_timer(0.05, self._propose)

    def _on_gate(self, msg: GateStatus) -> None:
        self._mode = msg.mode

    def _ask(self) -> None:
        self._status_pub.publish(PolicyStatus(state="running"))
        waiting = self._asked is not None and not self._asked.done()
        if self._mode != GateStatus.POLICY and not waiting and self._set_mode.service_is_ready():
            self._asked = self._set_mode.call_async(SetMode.Request(mode=GateStatus.POLICY))

    def _propose(self) -> None:
        now = self.get_clock().now()
        half = 2.0 * self.p.turn_s
        sign = 1.0 if (now.nanoseconds * 1e-9) % half < self.p.turn_s else -1.0
        msg = TwistStamped()
        msg.header.stamp, msg.header.frame_id = now.to_msg(), "base"
        fill_twist(msg, [0.0, sign * self.p.speed_m_s, 0.0, 0.0, 0.0, 0.0])
        self._twist_pub.publish(msg)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the node."""
    return run(SourceNode, argv)
