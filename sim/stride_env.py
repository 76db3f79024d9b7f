"""A Go1 that walks stride by stride while things break, as a Gymnasium environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from sim.gait import MIRRORED
from sim.legged_envs import LeggedEnv
from sim.stride_batch import StrideBatch, spec
from sim.terrain import Terrain
from sim.walker import mirrored_seen

Array = NDArray[np.float64]


class StrideEnv(LeggedEnv):
    """As `LeggedEnv`, but a step is a stride.

    Observation (13,): `Walker.seen`. Action (4,) in [-1, 1]: how little each leg is to be trusted,
    front right, front left, rear right, rear left; from 0 down: fully. Reward: speed along the
    heading it began with.
    """

    def __init__(
        self,
        terrain: Terrain = "flat",
        max_steps: int = 25,
        render_mode: str | None = None,
        size: tuple[int, int] = (240, 320),
    ) -> None:
        super().__init__("go1", terrain, max_steps, render_mode, size)
        self._one = StrideBatch(1, terrain, threads=1)
        self.world = self._one.worlds[0]
        self.body = spec()
        box = gymnasium.spaces.Box
        self.observation_space = box(-np.inf, np.inf, (self.body["state"],), np.float64)
        self.action_space = box(-1.0, 1.0, (self.body["action"],), np.float64)

    def batch(self, count: int, threads: int | None = None, lag_steps: int = 0) -> StrideBatch:
        """So many robots of this kind, walking together.

        Raises:
            ValueError: a lag, which is nothing beside a stride.
        """
        if lag_steps:
            raise ValueError(f"lag_steps {lag_steps}: strides have none")
        return StrideBatch(count, self.world.terrain, threads)

    def mirrored(self, states: Array, actions: Array) -> tuple[Array, Array]:
        """What a mirror shows of states (..., 13) and actions (..., 4), left for right."""
        return mirrored_seen(states), actions[..., MIRRORED]

    def reset(
        self, *, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Start an episode; see `LeggedEnv` for `options`."""
        super().reset(seed=seed, options=options)
        return self._one.reset([self.np_random])[0], {}

    def step(self, action: Array) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Walk a stride.

        Raises:
            ValueError: another shape, or numbers that are not finite.
        """
        action = np.asarray(action, float)
        if action.shape != (self.body["action"],) or not np.isfinite(action).all():
            raise ValueError(f"need {self.body['action']} finite numbers as action, got {action}")
        seen, gained = self._one.step(action[None])
        self._one.show(0)
        self._steps += 1
        diverged = not self.world.finite
        told = {"diverged": diverged}
        return seen[0], float(gained[0]), diverged, self._steps >= self.max_steps, told

    def close(self) -> None:
        """Free the renderer and the thread."""
        self._one.close()
        super().close()
