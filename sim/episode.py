"""One episode: a task laid out in a world, its control rate, and whether it has been solved.

The Gymnasium environment and the ROS simulator node both run this object, so they cannot differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from sim.attributes import inside, outline
from sim.follower import Point, TrajectoryFollower
from sim.sawyer import DOWN_QUAT_WXYZ, START_Q, Kinematics, inverse
from sim.scene import (
    Appearance,
    Preset,
    build,
    container_name,
    draw_appearance,
    lay_out,
    object_name,
)
from sim.tasks import CHOICES, OBJECT_HEIGHT_M, Arrangement, Task, draw_arrangement
from sim.world import World

Array = NDArray[np.float64]

PHYSICS_S = 0.002
FOLLOW_S = 0.01
"""The trajectory is sampled at 100 Hz, as a trajectory controller would."""
SERVO_S = 0.02
POLICY_S = 0.1
CARRY_M = 0.16
"""Height of the tip when it carries something."""
RETREAT_M = 0.10
"""The gripper has retreated when the tip is this high and open."""
SETTLE_STEPS = 100
_WINDOW = 10
"""Frames at 10 Hz (1 s) over which an outcome must hold."""


@dataclass(frozen=True)
class Progress:
    """What has happened so far: `done` when it no longer changes, `success` if it is as wanted."""

    success: bool
    done: bool
    error_m: float
    """Distance of what counts from where it should be."""
    loose_success: bool
    """Success under the published, looser rule of the family where there is one."""
    chosen: int | None = None
    """The target for which this would have been a success."""


class Episode:
    """A task in a world. `advance` moves it; `judge`, once a policy tick, keeps the count."""

    def __init__(self, task: Task, start_ns: int = 0) -> None:
        self.task = task
        self.world = World(build(task), start_ns)
        self._kinematics = Kinematics()

    def reset(
        self,
        rng: Generator,
        *,
        avoid: Array | None = None,
        preset: Preset = "mild",
        arrangement: Arrangement | None = None,
    ) -> Arrangement:
        """Lay the task out anew, as drawn unless `arrangement` is given; the arm at its start."""
        world = self.world
        world.reset()
        drawn = draw_arrangement(self.task, rng, avoid)
        self.arrangement = arrangement or drawn
        self.appearance: Appearance = draw_appearance(preset, rng)
        lay_out(world.model, world.data, self.task, self.arrangement, self.appearance)
        q = inverse(self._kinematics, self.arrangement.start_tcp_m, DOWN_QUAT_WXYZ, START_Q)
        opening = {"reach": 0.02, "push": 0.035, "pick_place": 0.07}.get(
            self.task.family, self._held_width()
        )
        world.place_arm(q, opening)
        if self.task.family == "place":
            # The thing in hand: between the pads, squeezed by the settling below.
            pose = [
                *(self.arrangement.start_tcp_m - [0, 0, 0.5 * OBJECT_HEIGHT_M]),
                1.0,
                0.0,
                0.0,
                0.0,
            ]
            world.set_free_joint(object_name(0), np.array(pose[:3]), np.array(pose[3:]))
            world.set_gripper(0.0)
        self.follower = TrajectoryFollower(q)
        self._now_s = 0.0
        self._resting: list[bool] = []
        self._lifted = [False] * len(self.task.objects)
        self._errors: list[list[float]] = []
        world.step(SETTLE_STEPS)
        return self.arrangement

    def _held_width(self) -> float:
        return float(np.ptp(outline(self.task.objects[0].shape, self.task.objects[0].size_m)[:, 1]))

    def command(self, points: Sequence[Point]) -> None:
        """Follow a joint trajectory from now on."""
        self.follower.set(points, self._now_s)

    def advance(self, seconds: float) -> None:
        """Advance the physics, following the trajectory; `seconds` is a multiple of 10 ms."""
        for _ in range(round(seconds / FOLLOW_S)):
            self._now_s += FOLLOW_S
            self.world.set_arm_target(*self.follower.sample(self._now_s))
            self.world.step(round(FOLLOW_S / PHYSICS_S))

    def judge(self) -> Progress:
        """Look at the outcome; call it once every 0.1 s.

        Success (evaluation contract): *place, pick_place*: released, the object's centre inside the
        target container's inner outline, at rest 1 s after the gripper has retreated (pick_place:
        lifted >= 5 cm on the way). *push*: the object's centre <= 5 cm from the goal over the last
        10 frames, no distractor within 8 cm of it. *reach*: tip <= 5 cm from the target over the
        last 10 frames.
        """
        return {"reach": self._judge_reach, "push": self._judge_push}.get(
            self.task.family, self._judge_place
        )()

    def _judge_reach(self) -> Progress:
        tip = self.world.tcp_pose()[0]
        tops = [
            self.world.body_pose(object_name(i))[0] + [0, 0, OBJECT_HEIGHT_M]
            for i in range(len(self.task.objects))
        ]
        self._errors.append([float(np.linalg.norm(tip - top)) for top in tops])
        errors = np.array(self._errors)
        near = (
            errors[-_WINDOW:].max(0) <= 0.05
            if len(errors) >= _WINDOW
            else np.zeros(len(tops), bool)
        )
        chosen = int(errors[-1].argmin()) if near.any() else None
        own = self.task.target
        return Progress(
            chosen == own,
            chosen is not None,
            errors[-1, own],
            bool((errors[:, own] <= 0.05).any()),
            chosen,
        )

    def _judge_push(self) -> Progress:
        goal, own = self.arrangement.goal_xy_m, self.task.target
        xy = np.stack(
            [self.world.body_pose(object_name(i))[0][:2] for i in range(len(self.task.objects))]
        )
        self._errors.append(np.linalg.norm(xy - goal, axis=1).tolist())
        errors = np.array(self._errors)
        # The published rule: squared distance < 0.017 m^2 at >= 10 of 100 steps.
        loose = int((errors[:, own] ** 2 < 0.017).sum()) >= _WINDOW
        chosen = None
        for i in range(len(xy)) if len(errors) >= _WINDOW else ():
            others = np.delete(errors[-_WINDOW:], i, axis=1)
            if errors[-_WINDOW:, i].max() <= 0.05 and others.min() > 0.08:
                chosen = i
        risen = bool(self.world.tcp_pose()[0][2] > RETREAT_M)
        return Progress(chosen == own, chosen is not None and risen, errors[-1, own], loose, chosen)

    def _judge_place(self) -> Progress:
        tip = self.world.tcp_pose()[0]
        held, speed = False, 0.0
        contained: list[int | None] = []
        for i, look in enumerate(self.task.objects):
            centre = self._centre(object_name(i))
            width = float(np.ptp(outline(look.shape, look.size_m)[:, 1]))
            apart = float(np.linalg.norm(tip - centre)) > 0.06
            held |= not (apart or self.world.gripper_m > width + 0.008)
            speed = max(speed, self.world.body_speed(object_name(i)))
            self._lifted[i] |= bool(centre[2] >= 0.05 + 0.5 * OBJECT_HEIGHT_M)
            contained.append(self._contained(i))
        self._resting.append(not held and bool(tip[2] > RETREAT_M) and speed < 0.02)
        settled = len(self._resting) >= _WINDOW and all(self._resting[-_WINDOW:])
        own, container = self.task.target_object, self.task.target_container
        chosen: int | None = None
        if self.task.family == "place":
            chosen, done = contained[0], settled
        else:
            # Nothing has been decided until some object lies in some container.
            moved = [
                CHOICES * i + c
                for i, c in enumerate(contained)
                if c is not None and self._lifted[i]
            ]
            chosen, done = (moved[0] if len(moved) == 1 else None), settled and bool(moved)
        distance = (
            self._centre(object_name(own)) - self.world.body_pose(container_name(container))[0]
        )
        chosen = chosen if done else None
        success = chosen == self.task.target
        return Progress(success, done, float(np.hypot(*distance[:2])), success, chosen)

    def _shape(self) -> tuple[str, float]:
        look = self.task.objects[self.task.target_object]
        return look.shape, look.size_m

    def _centre(self, name: str) -> Array:
        pos, quat = self.world.body_pose(name)
        up = np.empty(3)
        mujoco.mju_rotVecQuat(up, np.array([0.0, 0.0, 0.5 * OBJECT_HEIGHT_M]), quat)
        return pos + up

    def _contained(self, i: int) -> int | None:
        """In which container object `i` lies, if any."""
        centre = self._centre(object_name(i))
        if centre[2] > 0.06:
            return None
        for k, look in enumerate(self.task.containers):
            x, y, yaw = self.arrangement.containers[k]
            turn = np.array([[np.cos(yaw), np.sin(yaw)], [-np.sin(yaw), np.cos(yaw)]])
            if inside(outline(look.shape, look.size_m), turn @ (centre[:2] - [x, y])):
                return k
        return None

    def privileged_state(self) -> dict[str, Any]:
        """What a person beside the robot sees and an expert needs; never an input of a policy."""
        tip = self.world.tcp_pose()[0]
        task = self.task
        state: dict[str, Any] = {
            "family": task.family,
            "tip": tip.tolist(),
            "opening": self.world.gripper_m,
        }
        shape, size = self._shape()
        polygon = outline(shape, size)
        state["object"] = self._centre(object_name(task.target_object)).tolist()
        state["radius"] = float(np.linalg.norm(polygon, axis=1).max())
        state["width"] = float(np.ptp(polygon[:, 1]))
        if task.family in ("place", "pick_place"):
            state["container"] = self.world.body_pose(container_name(task.target_container))[
                0
            ].tolist()
        if task.family == "pick_place":
            state["contained"] = self._contained(task.target_object) == task.target_container
        if task.family == "push":
            state["goal"] = self.arrangement.goal_xy_m.tolist()
        return state
