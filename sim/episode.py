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
from sim.scene import Appearance, Preset, build, container_name, draw_appearance, lay_out, object_name
from sim.tasks import OBJECT_HEIGHT_M, Arrangement, Task, draw_arrangement
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
    """What has happened so far: `done` when the outcome no longer changes, `success` if it is the wanted one."""

    success: bool
    done: bool
    error_m: float
    """Distance of what counts from where it should be."""
    loose_success: bool
    """Success under the published, looser rule of the family where there is one."""


class Episode:
    """A task in a world. `advance` moves it; `judge` is called once a policy tick and keeps the count."""

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
        """Lay the task out anew (at a drawn arrangement unless one is given) and put the arm at its start."""
        world = self.world
        mujoco.mj_resetData(world.model, world.data)
        drawn = draw_arrangement(self.task, rng, avoid)
        self.arrangement = arrangement or drawn
        self.appearance: Appearance = draw_appearance(preset, rng)
        lay_out(world.model, world.data, self.task, self.arrangement, self.appearance)
        q = inverse(self._kinematics, self.arrangement.start_tcp_m, DOWN_QUAT_WXYZ, START_Q)
        opening = {"reach": 0.02, "push": 0.035, "pick_place": 0.07}.get(self.task.family, self._held_width())
        world.place_arm(q, opening)
        if self.task.family == "place":
            # The thing in hand: between the pads, squeezed by the settling below.
            pose = [*(self.arrangement.start_tcp_m - [0, 0, 0.5 * OBJECT_HEIGHT_M]), 1.0, 0.0, 0.0, 0.0]
            world.set_free_joint(object_name(0), np.array(pose[:3]), np.array(pose[3:]))
            world.set_gripper(0.0)
        self.follower = TrajectoryFollower(q)
        self._now_s = 0.0
        self._held: list[bool] = []
        self._lifted = False
        self._errors: list[float] = []
        self._clear: list[bool] = []
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

        Success (evaluation contract): *place, pick_place*: released, the object's centre inside the target
        container's inner outline, at rest 1 s after the gripper has retreated (pick_place: lifted >= 5 cm on the
        way). *push*: the object's centre <= 5 cm from the goal over the last 10 frames, no distractor within 8 cm
        of it. *reach*: tip <= 5 cm from the target over the last 10 frames.
        """
        return {"reach": self._judge_reach, "push": self._judge_push}.get(self.task.family, self._judge_place)()

    def _judge_reach(self) -> Progress:
        target = self.world.body_pose(object_name(self.task.target_object))[0] + [0, 0, OBJECT_HEIGHT_M]
        self._errors.append(float(np.linalg.norm(self.world.tcp_pose()[0] - target)))
        last = self._errors[-_WINDOW:]
        success = len(last) == _WINDOW and max(last) <= 0.05
        return Progress(success, success, last[-1], min(last) <= 0.05)

    def _judge_push(self) -> Progress:
        xy = [self.world.body_pose(object_name(i))[0][:2] for i in range(len(self.task.objects))]
        goal = self.arrangement.goal_xy_m
        own = self.task.target_object
        others = [float(np.hypot(*(p - goal))) for i, p in enumerate(xy) if i != own]
        self._errors.append(float(np.hypot(*(xy[own] - goal))))
        self._clear.append(min(others) > 0.08)
        last = self._errors[-_WINDOW:]
        success = len(last) == _WINDOW and max(last) <= 0.05 and all(self._clear[-_WINDOW:])
        # The published rule: squared distance < 0.017 m^2 at >= 10 of 100 steps.
        loose = sum(e * e < 0.017 for e in self._errors) >= _WINDOW
        still = self.world.tcp_pose()[0][2] > RETREAT_M
        return Progress(success, success and still, last[-1], loose)

    def _judge_place(self) -> Progress:
        name = object_name(self.task.target_object)
        centre = self._centre(name)
        width = float(np.ptp(outline(*self._shape())[:, 1]))
        tip = self.world.tcp_pose()[0]
        released = self.world.gripper_m > width + 0.008 or float(np.linalg.norm(tip - centre)) > 0.06
        self._lifted |= bool(centre[2] >= 0.05 + 0.5 * OBJECT_HEIGHT_M)
        self._held.append(not (released and tip[2] > RETREAT_M and self.world.body_speed(name) < 0.02))
        done = len(self._held) >= _WINDOW and not any(self._held[-_WINDOW:])
        distances = self._distances(centre)
        own = self.task.target_container
        if self.task.family == "pick_place":
            # Nothing has been decided until some object lies in some container.
            done = done and any(self._contained(i) is not None for i in range(len(self.task.objects)))
        within = self._contained(self.task.target_object) == own
        lifted = self._lifted or self.task.family == "place"
        return Progress(done and within and lifted, done, distances[own], done and within)

    def _shape(self) -> tuple[str, float]:
        look = self.task.objects[self.task.target_object]
        return look.shape, look.size_m

    def _centre(self, name: str) -> Array:
        pos, quat = self.world.body_pose(name)
        up = np.empty(3)
        mujoco.mju_rotVecQuat(up, np.array([0.0, 0.0, 0.5 * OBJECT_HEIGHT_M]), quat)
        return pos + up

    def _distances(self, centre: Array) -> list[float]:
        return [float(np.hypot(*(centre - self.world.body_pose(container_name(i))[0])[:2])) for i in range(len(self.task.containers))]

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
        """What a person beside the robot sees and a scripted expert needs; never an input of a policy."""
        tip = self.world.tcp_pose()[0]
        task = self.task
        state: dict[str, Any] = {"family": task.family, "tip": tip.tolist(), "opening": self.world.gripper_m}
        shape, size = self._shape()
        polygon = outline(shape, size)
        state["object"] = self._centre(object_name(task.target_object)).tolist()
        state["radius"] = float(np.linalg.norm(polygon, axis=1).max())
        state["width"] = float(np.ptp(polygon[:, 1]))
        if task.family in ("place", "pick_place"):
            state["container"] = self.world.body_pose(container_name(task.target_container))[0].tolist()
        if task.family == "pick_place":
            state["contained"] = self._contained(task.target_object) == task.target_container
        if task.family == "push":
            state["goal"] = self.arrangement.goal_xy_m.tolist()
        return state
