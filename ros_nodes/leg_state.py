"""State of a legged robot <-> `joint_states` and `odom`, by message shape. Imports no ROS.

A planar robot (half-cheetah) slides along x and z and pitches about y; others have a free base. In
`odom` the twist is that of the base in its own frame, as ROS has it. A pitch of more than half a
turn is told apart from one of less by what came before.
"""

from __future__ import annotations

import math
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from robot_meta.errors import ObservationError
from ros_nodes.messages import joint_positions, joint_velocities, stamp_ns
from sim.leg_limits import joint_names
from sim.legged import LeggedRobot, prototype

Array = NDArray[np.float64]


class LegState:
    """The way between a robot's state (S,) and messages."""

    def __init__(self, robot: LeggedRobot) -> None:
        model = prototype(robot, "flat")
        self.names = joint_names(robot)
        """Joints in the motors' order: that of `joint_states`."""
        self.nq, self.nv = model.nq, model.nv
        self._free = bool(model.jnt_type[0] == mujoco.mjtJoint.mjJNT_FREE)
        self._q = np.array([model.joint(n).qposadr[0] for n in self.names])
        self._v = np.array([model.joint(n).dofadr[0] for n in self.names])
        self._height = 0.0 if self._free else float(model.body_pos[1, 2])
        self.reset()

    def reset(self) -> None:
        """Forget what came before."""
        self._pitch = 0.0

    def joints(self, state: Array) -> tuple[Array, Array]:
        """Positions and velocities (J,) of the joints."""
        return state[self._q], state[self.nq + self._v]

    def base(self, state: Array) -> tuple[Array, Array, Array, Array]:
        """Position (3,), orientation wxyz (4,), linear and angular velocity (3,) in the base."""
        q, v = state[: self.nq], state[self.nq :]
        if self._free:
            rotation = _matrix(q[3:7])
            return q[:3].copy(), q[3:7].copy(), rotation.T @ v[:3], v[3:6].copy()
        half = 0.5 * q[2]
        quat = np.array([math.cos(half), 0.0, math.sin(half), 0.0])
        linear = _matrix(quat).T @ np.array([v[0], 0.0, v[1]])
        return np.array([q[0], 0.0, q[1] + self._height]), quat, linear, np.array([0.0, v[2], 0.0])

    def fill_odom(self, msg: Any, state: Array) -> None:
        """Write pose and twist into a `nav_msgs/Odometry`; its header is left alone."""
        position, quat, linear, angular = self.base(state)
        pose, twist = msg.pose.pose, msg.twist.twist
        pose.position.x, pose.position.y, pose.position.z = map(float, position)
        o = pose.orientation
        o.w, o.x, o.y, o.z = map(float, quat)
        twist.linear.x, twist.linear.y, twist.linear.z = map(float, linear)
        twist.angular.x, twist.angular.y, twist.angular.z = map(float, angular)

    def read(self, joints: Any, odom: Any) -> Array:
        """The state (S,) out of messages of one stamp.

        Raises:
            ObservationError: stamps that differ, joints that are missing, numbers that are not
                finite, no orientation.
        """
        at, other = stamp_ns(joints.header.stamp), stamp_ns(odom.header.stamp)
        if at != other:
            raise ObservationError(f"joint_states of {at} ns and odom of {other} ns; need one time")
        state = np.zeros(self.nq + self.nv)
        state[self._q] = joint_positions(joints, self.names)
        state[self.nq + self._v] = joint_velocities(joints, self.names)
        p, o = odom.pose.pose.position, odom.pose.pose.orientation
        w, a = odom.twist.twist.linear, odom.twist.twist.angular
        quat = np.array([o.w, o.x, o.y, o.z])
        linear, angular = np.array([w.x, w.y, w.z]), np.array([a.x, a.y, a.z])
        numbers = np.array([p.x, p.y, p.z, *quat, *linear, *angular])
        if not np.isfinite(numbers).all() or abs(np.linalg.norm(quat) - 1.0) > 1e-3:
            raise ObservationError(
                f"odom: {numbers.round(4).tolist()}; need finite numbers and a unit quaternion"
            )
        world = _matrix(quat) @ linear
        if self._free:
            state[:7] = [p.x, p.y, p.z, *quat]
            state[self.nq : self.nq + 6] = [*world, *angular]
        else:
            state[:3] = [p.x, p.z - self._height, self._unwound(2.0 * math.atan2(o.y, o.w))]
            state[self.nq : self.nq + 3] = [world[0], world[2], angular[1]]
        return state

    def _unwound(self, pitch: float) -> float:
        """The pitch nearest to the one before, of those that look alike."""
        turns = round((self._pitch - pitch) / (2.0 * math.pi))
        self._pitch = pitch + 2.0 * math.pi * turns
        return self._pitch


def _matrix(quat: Array) -> Array:
    out = np.empty(9)
    mujoco.mju_quat2Mat(out, np.ascontiguousarray(quat))
    return out.reshape(3, 3)
