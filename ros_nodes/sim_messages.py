"""The simulator's messages, filled from plain values. Imports message classes, but no rclpy."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import TransformStamped
from numpy.typing import NDArray
from robot_meta_msgs.msg import SimState
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image, JointState

from ros_nodes.arm_sim import STATE_NAMES, ArmSim
from ros_nodes.messages import fill_image, fill_joint_state, to_stamp
from sim.camera import Camera
from sim.links import Pose, rotation_xyzw


def stamp(ns: int) -> Time:
    """A time in nanoseconds as a message."""
    sec, nanosec = to_stamp(ns)
    return Time(sec=sec, nanosec=nanosec)


def clock(ns: int) -> Clock:
    """`/clock`."""
    return Clock(clock=stamp(ns))


def joint_state(sim: ArmSim) -> JointState:
    """`joint_states`: arm and fingers, in the model's order."""
    msg = JointState()
    msg.header.stamp = stamp(sim.time_ns)
    fill_joint_state(msg, STATE_NAMES, *sim.joint_state())
    return msg


def image(rgb: NDArray[np.uint8], ns: int, frame_id: str) -> Image:
    """`<camera>/image_raw`."""
    msg = Image()
    msg.header.stamp, msg.header.frame_id = stamp(ns), frame_id
    fill_image(msg, rgb)
    return msg


def camera_info(camera: Camera, ns: int, frame_id: str) -> CameraInfo:
    """`<camera>/camera_info`: a pinhole without distortion, already rectified."""
    k = camera.intrinsics()
    msg = CameraInfo(width=camera.width, height=camera.height, distortion_model="plumb_bob")
    msg.header.stamp, msg.header.frame_id = stamp(ns), frame_id
    msg.d = [0.0] * 5
    msg.k = k.ravel()
    msg.r = np.eye(3).ravel()
    msg.p = np.c_[k, np.zeros(3)].ravel()
    return msg


def state(sim: ArmSim, steady_ns: int) -> SimState:
    """`sim/state`; `steady_ns` is the monotonic clock when this tick's picture went out."""
    msg = SimState(
        episode=sim.episode_number,
        seed=sim.seed,
        state_hash=sim.state_hash(),
        task=sim.task_json(),
        info_json=json.dumps(sim.info(), allow_nan=False),
    )
    msg.header.stamp = stamp(sim.time_ns)
    msg.steady_ns = steady_ns
    return msg


def transforms(poses: Iterable[Pose], ns: int) -> list[TransformStamped]:
    """Poses for `/tf` or `/tf_static`."""
    messages = []
    for pose in poses:
        msg = TransformStamped(child_frame_id=pose.child)
        msg.header.stamp, msg.header.frame_id = stamp(ns), pose.parent
        move: Any = msg.transform
        t, r = move.translation, move.rotation
        t.x, t.y, t.z = map(float, pose.pos_m)
        r.x, r.y, r.z, r.w = map(float, pose.quat_xyzw)
        messages.append(msg)
    return messages


def camera_pose(camera: Camera, base: str, frame_id: str) -> Pose:
    """The camera's optical frame (z forward, x right, y down) in the robot's base."""
    position, rotation = camera.pose()
    return Pose(base, frame_id, position, rotation_xyzw(rotation))
