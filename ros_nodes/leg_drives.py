"""What legs are driven by, efforts or joint targets, as the command gate sees it. No rclpy here."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

from ros_nodes.gate import Now
from ros_nodes.gate_messages import trajectory
from ros_nodes.leg_gate import LegGate
from ros_nodes.messages import (
    fill_joint_state,
    joint_positions,
    joint_velocities,
    set_stamp,
    stamp_ns,
)
from ros_nodes.target_gate import TargetGate
from sim.effort import Base
from sim.leg_limits import joint_names, limits
from sim.leg_targets import target_limits
from sim.legged import LeggedRobot


class Drive(Protocol):
    """One kind of command, from proposal to controller."""

    kind: type
    """Of both messages."""
    proposal: str
    """Topic of the policy."""
    command: str
    """Topic of the controller."""
    tick_ns: int

    @property
    def core(self) -> LegGate | TargetGate:
        """The gate without ROS."""
        ...

    def joints(self, msg: JointState, now: Now) -> None:
        """Joint states have come.

        Raises:
            ObservationError: incomplete, or not finite.
            Refusal: their stamp is zero, old or in the future.
        """
        ...

    def propose(self, msg: Any, now: Now) -> None:
        """A proposal of the policy has come; the gate says whether it counts."""
        ...

    def tick(self, base: Base, now: Now) -> tuple[Any, int]:
        """The message to send now, and which limits shaped it."""
        ...


class EffortDrive:
    """Motors that take efforts."""

    kind, proposal, command = JointState, "policy/effort", "leg_controller/effort"
    tick_ns = 10_000_000

    def __init__(self, robot: LeggedRobot) -> None:
        self.core = LegGate(joint_names(robot), limits(robot))

    def joints(self, msg: JointState, now: Now) -> None:
        """See `Drive`."""
        qd = joint_velocities(msg, self.core.names)
        self.core.on_joints(stamp_ns(msg.header.stamp), qd, now)

    def propose(self, msg: JointState, now: Now) -> None:
        """See `Drive`."""
        effort, at_ns = np.asarray(msg.effort, np.float64), stamp_ns(msg.header.stamp)
        self.core.on_effort("policy", at_ns, list(msg.name), effort, now)

    def tick(self, base: Base, now: Now) -> tuple[JointState, int]:
        """See `Drive`."""
        step = self.core.tick(base, now, self.tick_ns * 1e-9)
        msg = JointState()
        set_stamp(msg.header.stamp, max(0, now.ros_ns))
        fill_joint_state(msg, self.core.names, np.zeros(0), effort=step.effort)
        return msg, step.flags


class TargetDrive:
    """Motors with servos, which are sent to joint angles."""

    kind, proposal = JointTrajectory, "policy/joint_trajectory"
    command = "leg_controller/joint_trajectory"
    tick_ns = 20_000_000

    def __init__(self, robot: LeggedRobot) -> None:
        self.core = TargetGate(joint_names(robot), target_limits(robot))

    def joints(self, msg: JointState, now: Now) -> None:
        """See `Drive`."""
        q = joint_positions(msg, self.core.names)
        self.core.on_joints(stamp_ns(msg.header.stamp), q, now)

    def propose(self, msg: JointTrajectory, now: Now) -> None:
        """See `Drive`: the first point's positions are the target."""
        at_ns, gate = stamp_ns(msg.header.stamp), self.core.gate
        if len(msg.points) != 1:
            gate.refuse(f"policy: {len(msg.points)} points, need one: the target")
            return
        q = np.asarray(msg.points[0].positions, np.float64)
        self.core.on_targets("policy", at_ns, list(msg.joint_names), q, now)

    def tick(self, base: Base, now: Now) -> tuple[JointTrajectory, int]:
        """See `Drive`; the base may lie as it will: a robot that has fallen is to get up."""
        step = self.core.tick(now, self.tick_ns * 1e-9)
        return trajectory(step.points, self.core.names), step.flags


def drive_of(robot: LeggedRobot) -> Drive:
    """How a robot is driven."""
    return TargetDrive(robot) if robot.servos else EffortDrive(robot)
