"""One episode: a task laid out in a world, its control rate, and whether it has been solved.

The Gymnasium environment and the ROS simulator node both run this object, so they cannot differ.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from sim.attributes import outline
from sim.follower import Point, TrajectoryFollower
from sim.judge import Judge, Progress
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
SETTLE_STEPS = 100
_FOLLOW_STEPS = round(FOLLOW_S / PHYSICS_S)


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
        widths = [float(np.ptp(outline(x.shape, x.size_m)[:, 1])) for x in self.task.objects]
        opening = {"reach": 0.02, "push": 0.035, "pick_place": 0.07}.get(
            self.task.family, widths[0]
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
        self._judge = Judge(self.task, self.arrangement, world)
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
        """Look at the outcome, by the rule of `Judge`; call it once every 0.1 s."""
        return self._judge.look()

    def _shape(self) -> tuple[str, float]:
        look = self.task.objects[self.task.target_object]
        return look.shape, look.size_m

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
        state["object"] = self._judge.centre(object_name(task.target_object)).tolist()
        state["radius"] = float(np.linalg.norm(polygon, axis=1).max())
        state["width"] = float(np.ptp(polygon[:, 1]))
        if task.family in ("place", "pick_place"):
            state["container"] = self.world.body_pose(container_name(task.target_container))[
                0
            ].tolist()
        if task.family == "pick_place":
            centre = self._judge.centre(object_name(task.target_object))
            state["contained"] = self._judge.contained(centre) == task.target_container
        if task.family == "push":
            state["goal"] = self.arrangement.goal_xy_m.tolist()
        return state
