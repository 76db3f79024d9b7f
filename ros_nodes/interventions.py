"""Hands from outside: put free bodies somewhere, push a body. By message shape; imports no ROS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from robot_meta.errors import ConfigError
from sim.links import wxyz
from sim.world import World

Array = NDArray[np.float64]

MAX_FORCE_N = 500.0
MAX_PUSH_S = 60.0


def place_bodies(
    world: World, names: Sequence[str], poses: Sequence[Any], twists: Sequence[Any]
) -> None:
    """Put free bodies at `geometry_msgs/Pose`s in the world frame: all of them or none.

    `twists` gives their velocities in the world frame; empty: at rest.

    Raises:
        ConfigError: no such free body, lists of different lengths, numbers that make no pose.
    """
    free = [
        model_joint.name
        for model_joint in (world.model.joint(i) for i in range(world.model.njnt))
        if model_joint.type[0] == mujoco.mjtJoint.mjJNT_FREE
    ]
    if len(poses) != len(names) or len(twists) not in (0, len(names)):
        raise ConfigError(
            f"{len(names)} names, {len(poses)} poses, {len(twists)} twists; "
            "need a pose for each name, and a twist for each or none"
        )
    if len(set(names)) != len(names):
        raise ConfigError(f"a body is named twice: {list(names)}")
    moves: list[tuple[str, Array, Array, Array]] = []
    for i, name in enumerate(names):
        if name not in free:
            raise ConfigError(f"no free body {name!r}; there are {', '.join(free)}")
        p, o = poses[i].position, poses[i].orientation
        pos, quat = np.array([p.x, p.y, p.z]), wxyz(np.array([o.x, o.y, o.z, o.w]))
        velocity = np.zeros(6)
        if twists:
            v, w = twists[i].linear, twists[i].angular
            velocity[:] = v.x, v.y, v.z, w.x, w.y, w.z
        if not np.isfinite([*pos, *quat, *velocity]).all() or np.linalg.norm(quat) < 1e-6:
            raise ConfigError(f"{name}: position {pos}, orientation (wxyz) {quat} make no pose")
        moves.append((name, pos, quat / np.linalg.norm(quat), velocity))
    for name, pos, quat, velocity in moves:
        world.set_free_joint(name, pos, quat)
        dof = world.model.joint(name).dofadr[0]
        # MuJoCo keeps a free body's angular velocity in the body's own frame.
        turn, spin = np.empty(4), np.empty(3)
        mujoco.mju_negQuat(turn, quat)
        mujoco.mju_rotVecQuat(spin, velocity[3:], turn)
        world.data.qvel[dof : dof + 6] = [*velocity[:3], *spin]


def push(world: World, body: str, wrench: Any, point: Any, duration_s: float) -> None:
    """Push `body` with a `geometry_msgs/Wrench` (world frame) at `point` (body frame) for a while.

    Raises:
        ConfigError: no such body, a force or duration out of range or not finite.
    """
    names = [world.model.body(i).name for i in range(1, world.model.nbody)]
    if body not in names:
        raise ConfigError(f"no body {body!r}; there are {', '.join(names)}")
    f, t = wrench.force, wrench.torque
    force, torque = np.array([f.x, f.y, f.z]), np.array([t.x, t.y, t.z])
    at = np.array([point.x, point.y, point.z])
    if not np.isfinite([*at, *force, *torque]).all() or np.linalg.norm(force) > MAX_FORCE_N:
        raise ConfigError(
            f"force {force} N, torque {torque} Nm at {at} m; need real numbers, "
            f"force <= {MAX_FORCE_N} N"
        )
    if not 0.0 < duration_s <= MAX_PUSH_S:
        raise ConfigError(f"duration {duration_s} s; need it in (0, {MAX_PUSH_S}]")
    pos, quat = world.body_pose(body)
    arm = np.empty(3)
    mujoco.mju_rotVecQuat(arm, at, quat)
    world.apply_wrench(body, force, torque, pos + arm, duration_s)
