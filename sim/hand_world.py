"""The table with a hand over it: what the hand holds goes with it, the rest is physics."""

import math

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.episode import PHYSICS_S, POLICY_S, SETTLE_STEPS
from sim.hand import Hand
from sim.hand_path import MIDDLE_M, TICK_S, HandPath
from sim.judge import Judge, Progress
from sim.onlooker import View, cover, set_up
from sim.scene import Appearance, Scene, furnish, lay_out, object_name, unattended, worldbody
from sim.tasks import Arrangement, Task

Array = NDArray[np.float64]

TICKS_A_FRAME = round(POLICY_S / TICK_S)
_UP_M = np.array([0.0, 0.0, MIDDLE_M])
_STEPS = round(TICK_S / PHYSICS_S)
MOST_FRAMES = 120
_REST_M = 0.0005
"""Height of a thing's underside that lies on the table."""


class HandWorld:
    """A task laid out before a camera, and a hand that follows a path. Frames are at 10 Hz."""

    def __init__(
        self, task: Task, arrangement: Arrangement, hand: Hand, path: HandPath, view: View
    ) -> None:
        root = unattended()
        files = cover(root, view)
        hand.add_to(worldbody(root))
        scene = furnish(root, task)
        self.model = Scene(scene.xml, {**scene.assets, **files}).compile()
        self.data = mujoco.MjData(self.model)
        lay_out(self.model, self.data, task, arrangement, Appearance())
        set_up(self.model, view)
        self.hand, self.path = hand, path
        self._thing = object_name(task.target_object)
        joint = self.model.joint(self._thing)
        self._q, self._v = int(joint.qposadr[0]), int(joint.dofadr[0])
        self._tick = 0
        self._held: tuple[Array, float] | None = None
        if path.carries[0]:
            pose = path.pose(0)
            self._put_thing(pose.grip_m + path.offset_m, pose.heading_rad, np.zeros(3))
        for _ in range(SETTLE_STEPS // _STEPS):
            self._advance()
        self.judge = Judge(task, arrangement, self)

    @property
    def gripper_m(self) -> float:
        """How far the fingers are apart, m."""
        return self.path.pose(self._tick).opening_m

    def tip(self) -> Array:
        """The point between the fingers (3,), m."""
        return self.path.pose(self._tick).grip_m

    def body_pose(self, name: str) -> tuple[Array, Array]:
        """Position (3,) m and orientation (4,) wxyz of a body."""
        body = self.data.body(name)
        return body.xpos.copy(), body.xquat.copy()

    def body_speed(self, name: str) -> float:
        """Speed of a free body, m/s."""
        dof = self.model.joint(name).dofadr[0]
        return math.hypot(*self.data.qvel[dof : dof + 3].tolist())

    def play(self) -> tuple[list[Array], Progress]:
        """Act out the path: the state that `show` takes at every frame, and how it ended.

        At its end the hand waits for the outcome to be decided.
        """
        frames, progress = [self.data.qpos.copy()], self.judge.look()
        while self._tick < len(self.path) or (not progress.done and len(frames) < MOST_FRAMES):
            for _ in range(TICKS_A_FRAME):
                self._tick += 1
                self._advance()
            frames.append(self.data.qpos.copy())
            progress = self.judge.look()
        return frames, progress

    def show(self, frame: int, qpos: Array) -> None:
        """Put hand and things where they were at a frame."""
        self._tick = frame * TICKS_A_FRAME
        self.data.qpos[:] = qpos
        self.hand.show(self.model, self.data, self.path.pose(self._tick))
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_camlight(self.model, self.data)

    def _advance(self) -> None:
        """One tick. What is held moves as the hand did in it, and ends beside the hand."""
        i = min(self._tick, len(self.path) - 1)
        if not self.path.carries[i]:
            if self._held is not None:
                self._held = None
                self.data.qvel[self._v : self._v + 6] = 0.0
            mujoco.mj_step(self.model, self.data, _STEPS)
            return
        pose, before = self.path.pose(i), self.data.qpos[self._q : self._q + 3].copy()
        if self._held is None:
            yaw = 2 * math.atan2(*self.data.qpos[[self._q + 6, self._q + 3]])
            self._held = (before + _UP_M - pose.grip_m, yaw - pose.heading_rad)
        offset, angle = self._held
        middle = pose.grip_m + offset
        middle[2] = max(middle[2], MIDDLE_M + _REST_M)
        speed = (middle - _UP_M - before) / TICK_S
        self.data.qvel[self._v : self._v + 6] = [*speed, 0.0, 0.0, 0.0]
        mujoco.mj_step(self.model, self.data, _STEPS)
        self._put_thing(middle, pose.heading_rad + angle, speed)

    def _put_thing(self, middle: Array, yaw: float, speed: Array) -> None:
        half = 0.5 * yaw
        pose = [*(middle - _UP_M), math.cos(half), 0.0, 0.0, math.sin(half)]
        self.data.qpos[self._q : self._q + 7] = pose
        self.data.qvel[self._v : self._v + 6] = [*speed, 0.0, 0.0, 0.0]
