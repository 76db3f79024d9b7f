"""One MuJoCo world: step it, command its arm, save and restore it."""

import math

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.sawyer import GRIPPER_JOINT_NAMES, GRIPPER_MAX_M, JOINT_NAMES, TCP_FRAME
from sim.scene import Scene

Array = NDArray[np.float64]
_STATE = mujoco.mjtState.mjSTATE_INTEGRATION
_BAD = [int(getattr(mujoco.mjtWarning, f"mjWARN_BAD{x}")) for x in ("QPOS", "QVEL", "QACC")]


class World:
    """Model and data of a scene. Time never runs back: a reset keeps counting from `start_ns`."""

    def __init__(self, scene: Scene, start_ns: int = 0) -> None:
        self.scene = scene
        self.model = scene.compile()
        self.data = mujoco.MjData(self.model)
        self._start_ns = start_ns
        self._steps = 0
        self._step_ns = round(float(self.model.opt.timestep) * 1e9)
        self._wrench_until: dict[int, int] = {}
        self._q = np.array([self.model.joint(n).qposadr[0] for n in JOINT_NAMES])
        self._v = np.array([self.model.joint(n).dofadr[0] for n in JOINT_NAMES])
        self._fingers = np.array([self.model.joint(n).qposadr[0] for n in GRIPPER_JOINT_NAMES])
        actuators = np.array([self.model.actuator(n).id for n in JOINT_NAMES])
        assert (actuators == np.arange(7)).all()
        assert self.model.actuator("gripper").id == 7
        # ctrl = q + (kv / kp) v cancels the position servo's lag.
        self._lead_s = self.model.actuator_biasprm[:7, 2] / self.model.actuator_biasprm[:7, 1]
        self._tip = self.model.site(TCP_FRAME).id
        self._bodies = {self.model.body(i).name: i for i in range(self.model.nbody)}
        self._free = {
            self.model.joint(j).name: int(self.model.jnt_dofadr[j])
            for j in np.flatnonzero(self.model.jnt_type == mujoco.mjtJoint.mjJNT_FREE)
        }
        # Views: MuJoCo keeps its arrays where they are, and looking them up anew takes a while.
        self._qpos, self._qvel = self.data.qpos, self.data.qvel
        self._xpos, self._xquat = self.data.xpos, self.data.xquat
        self._tip_pos, self._tip_mat = (
            self.data.site_xpos[self._tip],
            self.data.site_xmat[self._tip],
        )
        self._ctrl, self._arm_ctrl = self.data.ctrl, self.data.ctrl[:7]
        mujoco.mj_forward(self.model, self.data)

    @property
    def time_ns(self) -> int:
        """Simulated time in ns."""
        now: int = self._start_ns + self._steps * self._step_ns
        return now

    @property
    def finite(self) -> bool:
        """Whether the state has stayed finite since the last reset.

        MuJoCo answers a bad state by starting over; the warning it counts is what remains of it.
        """
        if any(self.data.warning[kind].number for kind in _BAD):
            return False
        return bool(np.isfinite(self.data.qpos).all() and np.isfinite(self.data.qvel).all())

    def step(self, n: int = 1) -> None:
        """Advance `n` physics steps."""
        if self._wrench_until:
            self._release_wrenches()
        mujoco.mj_step(self.model, self.data, n)
        self._steps += n

    def set_arm_target(self, q: Array, qd: Array) -> None:
        """Command joint angles (7,) rad and velocities (7,) rad/s to the joint servos."""
        np.add(q, self._lead_s * qd, out=self._arm_ctrl)

    def set_gripper(self, opening_m: float) -> None:
        """Command the gripper's opening in m; values outside its travel are clipped."""
        self._ctrl[7] = 0.5 * min(max(opening_m, 0.0), GRIPPER_MAX_M)

    def place_arm(self, q: Array, opening_m: float) -> None:
        """Put the arm at `q` (7,) and the gripper at an opening, at rest, commands included."""
        self.data.qpos[self._q] = q
        self.data.qvel[self._v] = 0.0
        self.data.qpos[self._fingers] = 0.5 * opening_m
        self.set_arm_target(q, np.zeros(7))
        self.set_gripper(opening_m)
        mujoco.mj_forward(self.model, self.data)

    @property
    def arm_q(self) -> Array:
        """Measured joint angles (7,), rad."""
        q: Array = self._qpos[self._q]
        return q

    @property
    def arm_qd(self) -> Array:
        """Measured joint velocities (7,), rad/s."""
        qd: Array = self._qvel[self._v]
        return qd

    @property
    def gripper_m(self) -> float:
        """Measured opening between the pads, m."""
        return float(self._qpos[self._fingers].sum())

    def tcp_pose(self) -> tuple[Array, Array]:
        """Tip position (3,) m and orientation (4,) wxyz in `base`."""
        quat = np.empty(4)
        mujoco.mju_mat2Quat(quat, self._tip_mat)
        return self._tip_pos.copy(), quat

    def tip(self) -> Array:
        """Tip position (3,) m in `base`."""
        position: Array = self._tip_pos.copy()
        return position

    def body_pose(self, name: str) -> tuple[Array, Array]:
        """Position (3,) m and orientation (4,) wxyz of a body."""
        i = self._bodies[name]
        return self._xpos[i].copy(), self._xquat[i].copy()

    def body_speed(self, name: str) -> float:
        """Speed of a free body, m/s."""
        dof = self._free[name]
        return math.hypot(*self._qvel[dof : dof + 3].tolist())

    def set_free_joint(self, name: str, pos: Array, quat_wxyz: Array) -> None:
        """Put a free body at a pose, at rest.

        Raises:
            KeyError: if the world has no such free joint.
        """
        joint = self.model.joint(name)
        if joint.type[0] != mujoco.mjtJoint.mjJNT_FREE:
            raise KeyError(f"{name!r} is not a free joint")
        self.data.qpos[joint.qposadr[0] : joint.qposadr[0] + 7] = [*pos, *quat_wxyz]
        self.data.qvel[joint.dofadr[0] : joint.dofadr[0] + 6] = 0.0
        mujoco.mj_forward(self.model, self.data)

    def apply_wrench(
        self, body: str, force: Array, torque: Array, point: Array, duration_s: float
    ) -> None:
        """Push a body with `force` N at `point` m and `torque` N m (world frame) for a while."""
        i = self.model.body(body).id
        self.data.xfrc_applied[i, :3] = force
        self.data.xfrc_applied[i, 3:] = torque + np.cross(point - self.data.xipos[i], force)
        self._wrench_until[i] = self.time_ns + round(duration_s * 1e9)

    def _release_wrenches(self) -> None:
        for i in [i for i, end in self._wrench_until.items() if self.time_ns >= end]:
            self.data.xfrc_applied[i] = 0.0
            del self._wrench_until[i]

    def reset(self) -> None:
        """Back to the model's first state, with nothing applied; time goes on."""
        mujoco.mj_resetData(self.model, self.data)
        self._wrench_until.clear()

    def save_state(self) -> bytes:
        """Everything that the next step depends on, bit for bit.

        Eight bytes of step count, the numbers of MuJoCo's integration state, and (body, ns left)
        of every push that is going on.
        """
        state = np.empty(mujoco.mj_stateSize(self.model, _STATE))
        mujoco.mj_getState(self.model, self.data, state, _STATE)
        left = [(i, end - self.time_ns) for i, end in sorted(self._wrench_until.items())]
        saved: bytes = np.int64(self._steps).tobytes() + state.tobytes()
        return saved + np.array(left, np.int64).tobytes()

    def restore_state(self, state: bytes) -> None:
        """Return to a saved state of the same scene.

        Raises:
            ValueError: if the bytes belong to a model of another size.
        """
        size: int = mujoco.mj_stateSize(self.model, _STATE)
        end = 8 * (1 + size)
        if len(state) < end or (len(state) - end) % 16:
            raise ValueError(f"the state has {len(state)} bytes, this model takes {end}")
        self._steps = int(np.frombuffer(state[:8], np.int64)[0])
        left = np.frombuffer(state[end:], np.int64).reshape(-1, 2).tolist()
        self._wrench_until = {i: self.time_ns + ns for i, ns in left}
        mujoco.mj_setState(self.model, self.data, np.frombuffer(state[8:end]), _STATE)
        mujoco.mj_forward(self.model, self.data)
