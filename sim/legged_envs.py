"""Gymnasium environments over a `LeggedWorld`: state in, motors' shares of effort out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.fault_draws import draw
from sim.leg_batch import LeggedBatch, reward, spec
from sim.leg_faults import LegFault, leg_fault
from sim.legged import LeggedWorld, robot_named
from sim.terrain import Terrain
from sim.undo import Undo

Array = NDArray[np.float64]


class LeggedEnv(gymnasium.Env[Array, Array]):
    """A legged robot that is to run along x while things break.

    Observation: the state (S,), `qpos` and `qvel`; a learner leaves out `body["hidden"]`. Action
    (A,) in [-1, 1]. Reward: speed along x less the cost of the action. An episode ends only by
    length, or when the physics diverges.

    `reset(options=...)` takes `fault`: a fault or None. `set_fault` switches one while running.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012 - Gymnasium's own form

    def __init__(
        self,
        robot: str = "half_cheetah",
        terrain: Terrain = "flat",
        max_steps: int = 200,
        render_mode: str | None = None,
        size: tuple[int, int] = (240, 320),
    ) -> None:
        self.world = LeggedWorld(robot_named(robot), terrain)
        self.max_steps, self.render_mode, self.size = max_steps, render_mode, size
        self.body = spec(self.world.robot, self.world)
        """What a learner must know of the robot."""
        self._undo: Undo = lambda: None
        self._renderer: mujoco.Renderer | None = None
        box = gymnasium.spaces.Box
        self.observation_space = box(-np.inf, np.inf, (self.body["state"],), np.float64)
        self.action_space = box(-1.0, 1.0, (self.body["action"],), np.float64)

    def set_fault(self, fault: LegFault | str | None, **parameters: Any) -> None:
        """Switch a fault on in place of the one before; by name with its parameters, or None."""
        found = leg_fault(fault, parameters) if isinstance(fault, str) else fault
        self._undo()
        self._undo = lambda: None
        if found is not None:
            self._undo = found.apply(self.world)

    def draw_fault(self, name: str, split: str, rng: np.random.Generator) -> LegFault:
        """A fault of this kind from the training or the test set."""
        if split not in ("train", "test"):
            raise ValueError(f"split must be train or test, got {split!r}")
        robot = self.world.robot
        return draw(robot, self.world.model.nu, name, split, rng)  # type: ignore[arg-type]

    def batch(self, count: int, threads: int | None = None, lag_steps: int = 0) -> LeggedBatch:
        """So many worlds of this kind, stepped together."""
        return LeggedBatch(self.world.robot, count, self.world.terrain, threads, lag_steps)

    def reset(
        self, *, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Start an episode; see the class for `options`."""
        super().reset(seed=seed)
        given = dict(options or {})
        if unknown := sorted(set(given) - {"fault"}):
            raise ValueError(f"unknown reset options {unknown}; there is fault")
        if "fault" in given:
            self.set_fault(given["fault"])
        self._steps = 0
        return self.world.reset(self.np_random), {}

    def step(self, action: Array) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Hold `action` for a control step.

        Raises:
            ValueError: another shape, or numbers that are not finite.
        """
        before = self.world.state()
        seen = self.world.step(action)
        gained = reward(self.world.robot, before, action, self.world.state(), self.world.dt_s)
        self._steps += 1
        diverged = not self.world.finite
        return seen, float(gained), diverged, self._steps >= self.max_steps, {"diverged": diverged}

    def render(self) -> NDArray[np.uint8]:  # type: ignore[override]
        """What a camera that follows sees (H, W, 3) uint8."""
        if self._renderer is None:
            self._renderer = mujoco.Renderer(self.world.model, *self.size)
        self._renderer.update_scene(self.world.data, "track")
        picture: NDArray[np.uint8] = self._renderer.render()
        return picture

    def close(self) -> None:
        """Free the renderer."""
        if self._renderer is not None:
            self._renderer.close()
        self._renderer = None
