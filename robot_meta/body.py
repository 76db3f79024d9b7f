"""What a learner knows of a legged robot: sizes, what it may see, and what it is to maximise.

S size of a state (`qpos`, `qvel`), A motors. Actions are shares of effort in [-1, 1].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from robot_meta.errors import ConfigError

Reward = Callable[[Tensor, Tensor], Tensor]
"""Rewards (...) of changes of the state (..., S) in a control step under actions (..., A)."""


@dataclass(frozen=True, kw_only=True)
class Body:
    """One kind of robot, as its environment describes it (`env.unwrapped.body`)."""

    state: int
    """S."""
    action: int
    """A."""
    hidden: tuple[int, ...]
    """Entries of the state that say where in the world the robot is: no model's input."""
    forward: int
    """The entry whose growth is progress, m."""
    dt_s: float
    """Seconds of a control step."""
    action_cost: float
    """Taken from the reward for each unit of squared action."""
    turning: tuple[int, ...] = ()
    """Entries that are angles without bounds, rad: models see their sines and cosines."""
    plane: tuple[int, ...] = ()
    """The entries that are x and y, m, of a robot that can go either way on the ground."""

    def __post_init__(self) -> None:
        """Refuse sizes and entries that cannot be."""
        entries = {*self.hidden, *self.turning, *self.plane, self.forward}
        if self.state < 1 or self.action < 1 or not self.dt_s > 0.0:
            raise ConfigError(f"body: need sizes >= 1 and dt_s > 0, got {self}")
        if not all(0 <= i < self.state for i in entries):
            raise ConfigError(f"body: entries {sorted(entries)} of a state of size {self.state}")

    @property
    def seen(self) -> list[int]:
        """Entries of the state that are inputs as they are."""
        return [i for i in range(self.state) if i not in (*self.hidden, *self.turning)]

    def reward(self, delta: Tensor, action: Tensor) -> Tensor:
        """Speed along x over a step less the action's cost: (..., S), (..., A) to (...)."""
        return delta[..., self.forward] / self.dt_s - self._cost(action)

    def towards(self, goal: Tensor) -> Reward:
        """Minus how far the velocity on the ground is from `goal` (B, 2), m/s, less the cost.

        Raises:
            ConfigError: the robot can only run along a line.
        """
        if len(self.plane) != 2:
            raise ConfigError("body: this robot runs along a line, it cannot be told where to go")

        def reward(delta: Tensor, action: Tensor) -> Tensor:
            velocity = delta[..., self.plane] / self.dt_s
            wanted = goal.view(len(goal), *[1] * (velocity.dim() - 2), 2)
            off: Tensor = torch.linalg.vector_norm(velocity - wanted, dim=-1)
            return -off - self._cost(action)

        return reward

    def _cost(self, action: Tensor) -> Tensor:
        return self.action_cost * torch.square(action).sum(-1)
