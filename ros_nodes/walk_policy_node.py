"""Node `policy` of a robot that walks: follows `cmd_vel` with joint targets, and adapts its gait.

As the node of other legged robots, but that it proposes 50 targets a second and chooses a gait once
a stride. Without a fresh command it stands.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from geometry_msgs.msg import TwistStamped
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from robot_meta.errors import ObservationError
from robot_meta.online import OnlineConfig
from ros_nodes.leg_policy_core import LegPolicyCore
from ros_nodes.leg_policy_node import LegPolicyNode
from ros_nodes.messages import floats, stamp_ns, twist6
from ros_nodes.node import ERROR, OK, run
from ros_nodes.qos import COMMAND
from ros_nodes.walk_policy_core import Velocity, WalkPolicyCore, bounded
from sim.leg_limits import joint_names
from sim.legged import LeggedRobot, robot_named
from sim.walker import TICK_S

COMMAND_S = 0.5
"""A commanded velocity counts for so long."""


class WalkPolicyNode(LegPolicyNode):
    """Acts and adapts: action `~/run_policy`, topics `cmd_vel` and `~/adaptation`."""

    proposal = (JointTrajectory, "policy/joint_trajectory")

    def setup(self) -> None:
        """As other legged robots, and hear of the velocity."""
        self._velocity, self._heard = Velocity(), -math.inf
        super().setup()
        self._hear(TwistStamped, "cmd_vel", self._on_velocity, COMMAND)

    def make_core(self, robot: LeggedRobot, config: OnlineConfig) -> LegPolicyCore:
        """Who decides."""
        config = replace(config, half=False)
        return WalkPolicyCore(robot, config, self.p.seed)

    def message(self, decision: Any) -> JointTrajectory:
        """A proposal, but for its stamp: where joints are to be a control step later."""
        names = joint_names(robot_named(self.p.robot))
        point = JointTrajectoryPoint(positions=floats(decision.targets))
        point.time_from_start.nanosec = round(TICK_S * 1e9)
        return JointTrajectory(joint_names=list(names), points=[point])

    def _on_velocity(self, msg: TwistStamped) -> None:
        age_s = (self.now_ns() - stamp_ns(msg.header.stamp)) / 1e9
        twist = twist6(msg)
        try:
            if not abs(age_s) <= COMMAND_S:
                raise ObservationError(
                    f"cmd_vel: stamped {age_s:.2f} s ago, need at most {COMMAND_S}"
                )
            self._velocity = bounded(twist[0], twist[5])
        except ObservationError as error:
            self._velocity = Velocity()
            self.diagnose("cmd_vel", ERROR, f"stands: {error}")
            return
        self._heard = time.monotonic()
        told = {"forward": f"{self._velocity.forward:.2f}", "turn": f"{self._velocity.turn:.2f}"}
        self.diagnose("cmd_vel", OK, "followed", **told)

    def _on_message(self, topic: str, msg: Any) -> None:
        fresh = time.monotonic() - self._heard <= COMMAND_S
        if isinstance(self.core, WalkPolicyCore):
            self.core.command = self._velocity if fresh else Velocity()
        super()._on_message(topic, msg)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the node."""
    return run(WalkPolicyNode, argv)


if __name__ == "__main__":
    raise SystemExit(main())
