"""The gate's messages, filled from plain values. Imports message classes, but no rclpy."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import numpy as np
from robot_meta_msgs.msg import Applied, GateStatus
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from ros_nodes.arm_gate import ArmCommand, ArmGate
from ros_nodes.messages import floats, set_stamp, to_stamp
from sim.follower import Point
from sim.sawyer import JOINT_NAMES


def trajectory(points: list[Point], names: Sequence[str] = JOINT_NAMES) -> JointTrajectory:
    """What a trajectory controller gets: stamp 0, so it starts on arrival."""
    msg = JointTrajectory(joint_names=list(names))
    for time_s, q, qd in points:
        point = JointTrajectoryPoint(positions=floats(q), velocities=floats(qd))
        # Whole nanoseconds, rounded up: two points never fall on one.
        span = point.time_from_start
        span.sec, span.nanosec = to_stamp(math.ceil(time_s * 1e9 - 1e-3))
        msg.points.append(point)
    return msg


def opening(metres: float) -> Float64MultiArray:
    """What the gripper's controller gets."""
    return Float64MultiArray(data=[metres])


def applied(command: ArmCommand, frame_id: str) -> Applied:
    """The account of one tick."""
    msg = Applied(source=command.source, limit_flags=command.flags)
    set_stamp(msg.header.stamp, command.stamp_ns)
    msg.header.frame_id = frame_id
    set_stamp(msg.proposal_stamp, command.proposal_ns)
    msg.twist = np.asarray(command.twist, np.float64)
    msg.gripper_m = command.gripper_m
    if command.points:
        _, q, qd = command.points[0]
        msg.joint_names = list(JOINT_NAMES)
        msg.positions, msg.velocities = floats(q), floats(qd)
    msg.steady_ns = time.monotonic_ns()
    return msg


def status(arm: ArmGate, stamp_ns: int, flags: int) -> GateStatus:
    """The gate's state."""
    gate = arm.gate
    msg = GateStatus(
        mode=int(gate.mode),
        mode_name=gate.mode.name,
        source=gate.source,
        refusal=gate.refusal,
        accepted=gate.accepted,
        refused=gate.refused,
        estop=gate.estopped,
        speed_scale=arm.servo.speed_scale,
        limit_flags=flags,
    )
    set_stamp(msg.header.stamp, stamp_ns)
    return msg
