"""One episode: a task laid out in a world, its control rate, and whether it has been solved.

The Gymnasium environment and the ROS simulator node both run this object, so they cannot differ.
"""

import math
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
_FOLLOW_STEPS = round(FOLLOW_S / PHYSICS_S)
_WINDOW = 10
"""Frames at 10 Hz (1 s) over which an outcome must hold."""
_UP_M = np.array([0.0, 0.0, 0.5 * OBJECT_HEIGHT_M])
_TOP_M = np.array([0.0, 0.0, OBJECT_HEIGHT_M])


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
        self._objects = [object_name(i) for i in range(len(task.objects))]
        # No point of a container's outline is further from its middle.
        self._reaches = [
            1.001 * float(np.linalg.norm(outline(x.shape, x.size_m), axis=1).max())
            for x in task.containers
        ]
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
        self._widths = [float(np.ptp(outline(x.shape, x.size_m)[:, 1])) for x in self.task.objects]
        opening = {"reach": 0.02, "push": 0.035, "pick_place": 0.07}.get(
            self.task.family, self._widths[0]
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
        self._near_enough = 0
        world.step(SETTLE_STEPS)
        return self.arrangement

    def command(self, points: Sequence[Point]) -> None:
        """Follow a joint trajectory from now on."""
        self.follower.set(points, self._now_s)

    def advance(self, seconds: float) -> None:
        """Advance the physics, following the trajectory; `seconds` is a multiple of 10 ms."""
        for _ in range(round(seconds / FOLLOW_S)):
            self._now_s += FOLLOW_S
            self.world.set_arm_target(*self.follower.sample(self._now_s))
            self.world.step(_FOLLOW_STEPS)

    def judge(self) -> Progress:
        """Look at the outcome; call it once every 0.1 s.

        Success (evaluation contract): *place, pick_place*: released, the object's centre inside the
        target container's inner outline, at rest 1 s after the gripper has retreated (pick_place:
        lifted >= 5 cm on the way). *push*: the object's centre <= 5 cm from the goal over the last
        10 frames, no distractor within 8 cm of it. *reach*: tip <= 5 cm from the target over the
        last 10 frames.
        """
        if self.task.family == "reach":
            return self._judge_reach()
        return self._judge_push() if self.task.family == "push" else self._judge_place()

    def _judge_reach(self) -> Progress:
        tip, own = self.world.tip(), self.task.target
        tops = [self.world.body_pose(name)[0] + _TOP_M for name in self._objects]
        self._errors.append([float(np.linalg.norm(tip - top)) for top in tops])
        now, last = self._errors[-1], self._errors[-_WINDOW:]
        # The published rule: the best frame counts.
        self._near_enough += now[own] <= 0.05
        near = [len(last) == _WINDOW and max(errors) <= 0.05 for errors in zip(*last, strict=True)]
        chosen = now.index(min(now)) if any(near) else None
        return Progress(chosen == own, chosen is not None, now[own], self._near_enough > 0, chosen)

    def _judge_push(self) -> Progress:
        goal, own = self.arrangement.goal_xy_m, self.task.target
        xy = np.stack([self.world.body_pose(name)[0][:2] for name in self._objects])
        self._errors.append(np.linalg.norm(xy - goal, axis=1).tolist())
        now, last = self._errors[-1], self._errors[-_WINDOW:]
        # The published rule: squared distance < 0.017 m^2 at >= 10 of 100 steps.
        self._near_enough += now[own] ** 2 < 0.017
        chosen = None
        for i in range(len(now)) if len(last) == _WINDOW else ():
            others = (error for errors in last for j, error in enumerate(errors) if j != i)
            if max(errors[i] for errors in last) <= 0.05 and min(others) > 0.08:
                chosen = i
        risen = bool(self.world.tip()[2] > RETREAT_M)
        done = chosen is not None and risen
        return Progress(chosen == own, done, now[own], self._near_enough >= _WINDOW, chosen)

    def _judge_place(self) -> Progress:
        world, own = self.world, self.task.target_object
        tip, opening = world.tip(), world.gripper_m
        held, speed = False, 0.0
        contained: list[int | None] = []
        centres = [self._centre(name) for name in self._objects]
        for i, centre in enumerate(centres):
            apart = math.dist(tip, centre) > 0.06
            held |= not (apart or opening > self._widths[i] + 0.008)
            speed = max(speed, world.body_speed(self._objects[i]))
            self._lifted[i] |= bool(centre[2] >= 0.05 + 0.5 * OBJECT_HEIGHT_M)
            contained.append(self._contained(centre))
        self._resting.append(not held and bool(tip[2] > RETREAT_M) and speed < 0.02)
        settled = len(self._resting) >= _WINDOW and all(self._resting[-_WINDOW:])
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
        goal = world.body_pose(container_name(self.task.target_container))[0]
        chosen = chosen if done else None
        success = chosen == self.task.target
        error_m = float(np.hypot(*(centres[own] - goal)[:2]))
        return Progress(success, done, error_m, success, chosen)

    def _shape(self) -> tuple[str, float]:
        look = self.task.objects[self.task.target_object]
        return look.shape, look.size_m

    def _centre(self, name: str) -> Array:
        pos, quat = self.world.body_pose(name)
        up = np.empty(3)
        mujoco.mju_rotVecQuat(up, _UP_M, quat)
        up += pos
        return up

    def _contained(self, centre: Array) -> int | None:
        """In which container an object lies, if any."""
        if centre[2] > 0.06:
            return None
        for k, (look, reach) in enumerate(zip(self.task.containers, self._reaches, strict=True)):
            x, y, yaw = self.arrangement.containers[k].tolist()
            if math.hypot(centre[0] - x, centre[1] - y) > reach:
                continue
            turn = np.array([[np.cos(yaw), np.sin(yaw)], [-np.sin(yaw), np.cos(yaw)]])
            if inside(outline(look.shape, look.size_m), turn @ (centre[:2] - [x, y])):
                return k
        return None

    def privileged_state(self) -> dict[str, Any]:
        """What a person beside the robot sees and an expert needs; never an input of a policy."""
        tip = self.world.tip()
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
            centre = self._centre(object_name(task.target_object))
            state["contained"] = self._contained(centre) == task.target_container
        if task.family == "push":
            state["goal"] = self.arrangement.goal_xy_m.tolist()
        return state
