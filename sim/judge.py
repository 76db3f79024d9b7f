"""When a task counts as done: one rule, whoever did it."""

import math
from dataclasses import dataclass
from typing import Protocol

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.attributes import inside, outline
from sim.scene import container_name, object_name
from sim.tasks import CHOICES, OBJECT_HEIGHT_M, Arrangement, Task

Array = NDArray[np.float64]

RETREAT_M = 0.10
"""What holds things has retreated when its tip is this high and open."""
_WINDOW = 10
"""Frames at 10 Hz (1 s) over which an outcome must hold."""
_UP_M = np.array([0.0, 0.0, 0.5 * OBJECT_HEIGHT_M])
_TOP_M = np.array([0.0, 0.0, OBJECT_HEIGHT_M])


class Judged(Protocol):
    """What a judge looks at: things, and the tip and opening of what holds them."""

    @property
    def gripper_m(self) -> float:
        """Opening of what holds things, m."""

    def tip(self) -> Array:
        """Its tip (3,) m in `base`."""

    def body_pose(self, name: str) -> tuple[Array, Array]:
        """Position (3,) m and orientation (4,) wxyz of a body."""

    def body_speed(self, name: str) -> float:
        """Speed of a free body, m/s."""


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


class Judge:
    """Keeps the count of one episode of `task`; `look` at it once every 0.1 s."""

    def __init__(self, task: Task, arrangement: Arrangement, world: Judged) -> None:
        self.task, self.arrangement, self.world = task, arrangement, world
        self._objects = [object_name(i) for i in range(len(task.objects))]
        self._widths = [float(np.ptp(outline(x.shape, x.size_m)[:, 1])) for x in task.objects]
        # No point of a container's outline is further from its middle.
        self._reaches = [
            1.001 * float(np.linalg.norm(outline(x.shape, x.size_m), axis=1).max())
            for x in task.containers
        ]
        self._resting: list[bool] = []
        self._lifted = [False] * len(task.objects)
        self._errors: list[list[float]] = []
        self._near_enough = 0

    def look(self) -> Progress:
        """Look at the outcome.

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
        centres = [self.centre(name) for name in self._objects]
        for i, centre in enumerate(centres):
            apart = math.dist(tip, centre) > 0.06
            held |= not (apart or opening > self._widths[i] + 0.008)
            speed = max(speed, world.body_speed(self._objects[i]))
            self._lifted[i] |= bool(centre[2] >= 0.05 + 0.5 * OBJECT_HEIGHT_M)
            contained.append(self.contained(centre))
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

    def centre(self, name: str) -> Array:
        """Middle (3,) m of an object."""
        pos, quat = self.world.body_pose(name)
        up = np.empty(3)
        mujoco.mju_rotVecQuat(up, _UP_M, quat)
        up += pos
        return up

    def contained(self, centre: Array) -> int | None:
        """In which container an object with this middle (3,) lies, if any."""
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
