"""What a learner knows of a legged robot: sizes, what it may see, and what it is to maximise.

S size of a state (`qpos`, `qvel`), A motors. Actions are shares of effort in [-1, 1].
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from robot_meta.errors import ConfigError


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

    def __post_init__(self) -> None:
        """Refuse sizes and entries that cannot be."""
        entries = {*self.hidden, *self.turning, self.forward}
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
        speed = delta[..., self.forward] / self.dt_s
        return speed - self.action_cost * torch.square(action).sum(-1)
