"""The Sawyer arm: names, limits and kinematics. rad, m, frame `base` (z = 0 is the table top)."""

from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MODEL_PATH = Path(__file__).parent / "assets" / "sawyer.xml"
JOINT_NAMES = tuple(f"right_j{i}" for i in range(7))
GRIPPER_JOINT_NAMES = ("l_finger_joint", "r_finger_joint")
LINK_NAMES = ("base", *(f"right_l{i}" for i in range(7)), "right_hand")
TCP_FRAME = "right_gripper_tip"

Q_LOW = np.array([-3.0503, -3.8095, -3.0426, -3.0439, -2.9761, -2.9761, -4.7124])
Q_HIGH = np.array([3.0503, 2.2736, 3.0426, 3.0439, 2.9761, 2.9761, 4.7124])
V_MAX = np.array([1.74, 1.328, 1.957, 1.957, 3.485, 3.485, 4.545])
A_MAX = np.array([8.0, 8.0, 10.0, 10.0, 15.0, 15.0, 15.0])
EFFORT_MAX = np.array([80.0, 80.0, 40.0, 40.0, 9.0, 9.0, 9.0])

HOME_Q = np.array([0.0, -1.18, 0.0, 2.18, 0.0, 0.57, 3.3161])
# Tip at (0.45, 0, 0.22), straight down, fingers along y: leaves the front camera's view free.
START_Q = np.array([-0.304596, -1.515005, -0.074543, 2.120349, 0.005010, 0.965590, 2.934295])
START_TCP_M = np.array([0.45, 0.0, 0.22])
# Hand z axis down, hand x axis (the fingers' travel) along world y; wxyz.
DOWN_QUAT_WXYZ = np.array([0.0, np.sqrt(0.5), np.sqrt(0.5), 0.0])

GRIPPER_MAX_M = 0.08
"""Largest opening between the two pads."""


class Kinematics:
    """Forward kinematics and Jacobian of the arm alone, on a private MuJoCo model."""

    def __init__(self) -> None:
        self.model = mujoco.MjModel.from_xml_path(str(MODEL_PATH))
        self.data = mujoco.MjData(self.model)
        # The arm is declared first, its joints in order: views, no index lists.
        self._arm_q = self.data.qpos[: len(JOINT_NAMES)]
        self._site = self.model.site(TCP_FRAME).id
        self._jac = np.zeros((6, self.model.nv))
        self._arm_jac = self._jac[:, : len(JOINT_NAMES)]

    def update(self, q: Array) -> None:
        """Place the model at joint angles `q` (7,), rad."""
        self._arm_q[:] = q
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_comPos(self.model, self.data)

    def forward(self, q: Array) -> tuple[Array, Array]:
        """Tip position (3,) m and orientation (4,) wxyz in `base` at joint angles `q` (7,), rad."""
        self.update(q)
        quat = np.empty(4)
        mujoco.mju_mat2Quat(quat, self.data.site_xmat[self._site])
        return self.data.site_xpos[self._site].copy(), quat

    def jacobian(self, q: Array) -> Array:
        """Tip Jacobian (6, 7) at `q`: linear velocity above, angular below, both in `base`."""
        self.update(q)
        return self.jacobian_here()

    def jacobian_here(self) -> Array:
        """Tip Jacobian (6, 7) at the last `update`."""
        mujoco.mj_jacSite(self.model, self.data, self._jac[:3], self._jac[3:], self._site)
        jac: Array = self._arm_jac.copy()
        return jac

    def tip_here(self) -> Array:
        """Tip position (3,) m at the last `update`."""
        position: Array = self.data.site_xpos[self._site]
        return position

    def tip_axes_here(self) -> Array:
        """Axes of tip and `right_hand` in `base` at the last `update`: a rotation (3, 3)."""
        axes: Array = self.data.site_xmat[self._site]
        return axes.reshape(3, 3)

    def link_poses(self, q: Array) -> dict[str, tuple[Array, Array]]:
        """Position (3,) m and orientation (4,) wxyz of every link in `base` at `q` (7,), rad."""
        self.update(q)
        bodies = {name: self.data.body(name) for name in LINK_NAMES}
        return {name: (b.xpos.copy(), b.xquat.copy()) for name, b in bodies.items()}


def inverse(
    kin: Kinematics, pos_m: Array, quat_wxyz: Array, q0: Array, *, steps: int = 200
) -> Array:
    """Joint angles (7,) that put the tip at a pose, by damped Gauss-Newton from `q0`.

    Raises:
        ValueError: if no joint angles within limits come within 0.1 mm and 1 mrad.
    """
    q: Array = q0.copy()
    error = np.zeros(6)
    turn = np.empty(4)
    for _ in range(steps):
        pos, quat = kin.forward(q)
        error[:3] = pos_m - pos
        mujoco.mju_negQuat(turn, quat)
        mujoco.mju_mulQuat(turn, quat_wxyz, turn)
        mujoco.mju_quat2Vel(error[3:], turn, 1.0)
        if np.linalg.norm(error[:3]) < 1e-4 and np.linalg.norm(error[3:]) < 1e-3:
            return q
        jac = kin.jacobian_here()
        step = jac.T @ np.linalg.solve(jac @ jac.T + 1e-6 * np.eye(6), error)
        share = min(1.0, 0.3 / max(float(np.abs(step).max()), 1e-9))
        q = np.clip(q + step * share, Q_LOW, Q_HIGH)
    raise ValueError(
        f"no joint angles reach tip position {pos_m} m within limits; the last error was {error}"
    )
