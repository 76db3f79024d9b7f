"""Things of many tasks in one model, of which one task's lie on the table at a time.

A model and its renderer take a second to make, a picture some milliseconds: pictures of many tasks
are cheap only if the tasks share a model. Nothing moves here, so that nothing collides.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import mujoco
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from sim.camera import POLICY_IMAGE, Camera, ImageSpec, Rgb
from sim.onlooker import View, cover, develop, set_up
from sim.sawyer import (
    DOWN_QUAT_WXYZ,
    GRIPPER_JOINT_NAMES,
    JOINT_NAMES,
    START_Q,
    Kinematics,
    inverse,
)
from sim.scene import (
    CAMERA,
    Appearance,
    Scene,
    attended,
    container_name,
    furnish,
    lay_out,
    object_name,
)
from sim.tasks import Arrangement, Task

Array = NDArray[np.float64]
_SHOWN, _AWAY = 0, 4
"""Groups of geoms that MuJoCo draws, and does not."""
POSES = 16
_TIP_M = ((0.38, -0.22, 0.14), (0.56, 0.22, 0.30))
_OPENINGS_M = (0.0, 0.03)
"""Of each finger."""


class Picture(NamedTuple):
    """What the camera sees, and what each pixel shows."""

    rgb: Rgb
    """(h, w, 3)."""
    things: NDArray[np.uint8]
    """(h, w): 0 where there is none, else 1 + the number of the task's thing."""


class Shelf:
    """Tasks of one family whose things share a model. Use it in one thread; close it."""

    def __init__(self, tasks: Sequence[Task], view: View | None = None) -> None:
        """`view` is the camera that the pictures are of, if it is not the robot's own.

        Raises:
            ValueError: tasks of several families, or with other numbers of things.
        """
        sizes = {(task.family, len(task.objects), len(task.containers)) for task in tasks}
        if len(sizes) != 1:
            raise ValueError(f"a shelf takes tasks alike, got {sorted(sizes) or 'none'}")
        (_, objects, containers) = sizes.pop()
        if objects and containers:
            raise ValueError("a shelf takes tasks with objects or with containers, not both")
        self._tasks, self._count = tuple(tasks), objects or containers
        everything = replace(
            tasks[0],
            objects=tuple(look for task in tasks for look in task.objects),
            containers=tuple(look for task in tasks for look in task.containers),
        )
        root = attended()
        files = cover(root, view) if view else {}
        scene = furnish(root, everything)
        self.model = Scene(scene.xml, {**scene.assets, **files}).compile()
        self.model.geom_contype[:] = self.model.geom_conaffinity[:] = 0
        self.data = mujoco.MjData(self.model)
        name = object_name if objects else container_name
        bodies = [self.model.body(name(i)).id for i in range(self._count * len(tasks))]
        # Row i: which geoms are of thing i.
        self._geoms = self.model.geom_bodyid == np.array(bodies)[:, None]
        self._arm = np.array([self.model.joint(n).qposadr[0] for n in JOINT_NAMES])
        self._fingers = np.array([self.model.joint(n).qposadr[0] for n in GRIPPER_JOINT_NAMES])
        h, w = POLICY_IMAGE.source
        self._camera = Camera(self, CAMERA, w, h)

    def picture(
        self,
        task: Task,
        arrangement: Arrangement,
        look: Appearance,
        rng: Generator,
        view: View | None = None,
        image: ImageSpec = POLICY_IMAGE,
    ) -> Picture:
        """The things of one of the tasks on the table, the arm somewhere above it.

        Raises:
            ValueError: the task is not on this shelf.
        """
        if task not in self._tasks:
            raise ValueError(f"task {task.label} is not on this shelf")
        first = self._count * self._tasks.index(task)
        own = self._geoms[first : first + self._count]
        self.model.geom_group[self._geoms.any(0)] = _AWAY
        self.model.geom_group[own.any(0)] = _SHOWN
        self.data.qpos[self._arm] = arm_poses()[rng.integers(POSES)]
        self.data.qpos[self._fingers] = rng.uniform(*_OPENINGS_M)
        lay_out(self.model, self.data, task, arrangement, look, first)
        if view is not None:
            set_up(self.model, view)
            mujoco.mj_forward(self.model, self.data)
        rgb, seen = self._camera.render(), self._camera.geoms()
        if view is not None:
            rgb = develop(rgb, view, rng)
        of = np.zeros(self.model.ngeom + 1, np.uint8)  # the last: no geom, which is -1
        of[:-1][own.any(0)] = 1 + own.argmax(0)[own.any(0)]
        return Picture(image.apply(rgb), image.pick(of[seen]))

    def close(self) -> None:
        """Free the renderer."""
        self._camera.close()


@cache
def arm_poses() -> Array:
    """Joint angles (POSES, 7), rad, with the tip at places over the table, looking down."""
    rng, kinematics = np.random.default_rng(0), Kinematics()
    tips = rng.uniform(*_TIP_M, (POSES, 3))
    return np.stack([inverse(kinematics, tip, DOWN_QUAT_WXYZ, START_Q) for tip in tips])
