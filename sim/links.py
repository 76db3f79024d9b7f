"""Poses as robots exchange them: quaternions x y z w, transforms from parent to child.

MuJoCo writes quaternions w x y z; the one place that turns them round is here.
"""

from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pose:
    """Where `child` is in `parent`."""

    parent: str
    child: str
    pos_m: Array
    quat_xyzw: Array


def xyzw(quat_wxyz: Array) -> Array:
    """A MuJoCo quaternion as messages write it."""
    return np.roll(np.asarray(quat_wxyz, float), -1)


def wxyz(quat_xyzw: Array) -> Array:
    """A message's quaternion as MuJoCo writes it."""
    return np.roll(np.asarray(quat_xyzw, float), 1)


def rotation_xyzw(rotation: Array) -> Array:
    """The quaternion of a rotation matrix (3, 3)."""
    quat = np.empty(4)
    mujoco.mju_mat2Quat(quat, np.ascontiguousarray(rotation, float).ravel())
    return xyzw(quat)


class LinkTree:
    """Transforms between the links below a root body: what moves, and what never does."""

    def __init__(self, model: mujoco.MjModel, root: str) -> None:
        first = model.body(root).id
        below: set[int] = {first}
        self._moving: list[tuple[str, str, int, int]] = []
        self.fixed: list[Pose] = []
        """Links without a joint, and the sites."""
        for body in range(first + 1, model.nbody):
            parent = int(model.body_parentid[body])
            if parent not in below:
                continue
            below.add(body)
            names = model.body(parent).name, model.body(body).name
            if model.body_jntnum[body]:
                self._moving.append((*names, parent, body))
            else:
                pose = model.body_pos[body].copy(), xyzw(model.body_quat[body])
                self.fixed.append(Pose(*names, *pose))
        for site in range(model.nsite):
            body = int(model.site_bodyid[site])
            if body in below:
                pose = model.site_pos[site].copy(), xyzw(model.site_quat[site])
                self.fixed.append(Pose(model.body(body).name, model.site(site).name, *pose))

    def moving(self, data: Any) -> list[Pose]:
        """The links with a joint, as `data` has them now."""
        poses = []
        for parent, child, i, j in self._moving:
            turn, pos, quat = np.empty(4), np.empty(3), np.empty(4)
            mujoco.mju_negQuat(turn, data.xquat[i])
            mujoco.mju_rotVecQuat(pos, data.xpos[j] - data.xpos[i], turn)
            mujoco.mju_mulQuat(quat, turn, data.xquat[j])
            poses.append(Pose(parent, child, pos, xyzw(quat)))
        return poses
