"""What a learner knows of a legged robot: sizes, what it may see, and what it is to maximise.

S size of a state (`qpos`, `qvel`), A motors. Actions are shares of effort in [-1, 1].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from robot_meta.errors import ConfigError

Reward = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Rewards (...) of states (..., S) after a control step, of its changes (..., S) of them, and of
its actions (..., A)."""


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
    velocity: tuple[int, ...] = ()
    """The entries that are its speeds along x and y, m/s."""
    trunk: tuple[int, ...] = ()
    """The entries that are its trunk's unit quaternion, w x y z."""
    top_mps: float | None = None
    """A speed beyond which nothing is gained."""
    tip_cost: float = 0.0
    """Taken from the reward of a trunk that lies on its side, and twice that on its back."""

    def __post_init__(self) -> None:
        """Refuse sizes and entries that cannot be."""
        entries = {*self.hidden, *self.turning, *self.plane, self.forward}
        entries |= {*self.velocity, *self.trunk}
        if self.state < 1 or self.action < 1 or not self.dt_s > 0.0:
            raise ConfigError(f"body: need sizes >= 1 and dt_s > 0, got {self}")
        if not all(0 <= i < self.state for i in entries):
            raise ConfigError(f"body: entries {sorted(entries)} of a state of size {self.state}")
        if self.trunk and (len(self.trunk), len(self.plane), len(self.velocity)) != (4, 2, 2):
            raise ConfigError(
                "body: a trunk has four entries, and needs plane and velocity, two each"
            )

    @property
    def seen(self) -> list[int]:
        """Entries of the state that are inputs as they are."""
        return [i for i in range(self.state) if i not in (*self.hidden, *self.turning)]

    def reward(self, after: Tensor, delta: Tensor, action: Tensor) -> Tensor:
        """Speed along x over a step less costs: (..., S), (..., S), (..., A) to (...)."""
        speed = delta[..., self.forward] / self.dt_s
        if self.top_mps is not None:
            speed = speed.clamp(max=self.top_mps)
        return speed - self._cost(after, action)

    def towards(self, goal: Tensor) -> Reward:
        """Minus how far the velocity on the ground is from `goal` (B, 2), m/s, less the cost.

        Raises:
            ConfigError: the robot can only run along a line.
        """
        if len(self.plane) != 2:
            raise ConfigError("body: this robot runs along a line, it cannot be told where to go")

        def reward(after: Tensor, delta: Tensor, action: Tensor) -> Tensor:
            velocity = delta[..., self.plane] / self.dt_s
            wanted = goal.view(len(goal), *[1] * (velocity.dim() - 2), 2)
            off: Tensor = torch.linalg.vector_norm(velocity - wanted, dim=-1)
            return -off - self._cost(after, action)

        return reward

    def ending(self, reward: Reward, steps: float) -> Reward:
        """`reward` of whole plans (..., H, S), whose last lean counts so many steps longer.

        Who leans at the end of a plan is about to fall, and the plan is too short to see it.
        """

        def whole(after: Tensor, delta: Tensor, action: Tensor) -> Tensor:
            found = reward(after, delta, action)
            last = found[..., -1] - steps * self._tip(after[..., -1, :])
            return torch.cat([found[..., :-1], last[..., None]], -1)

        return whole if steps and self.trunk else reward

    def _cost(self, after: Tensor, action: Tensor) -> Tensor:
        effort = self.action_cost * torch.square(action).sum(-1)
        return effort + self._tip(after) if self.trunk else effort

    def _tip(self, after: Tensor) -> Tensor:
        # The vertical of a trunk with the quaternion (w, x, y, z) has the height 1 - 2 (x^2 + y^2).
        return 2.0 * self.tip_cost * torch.square(after[..., self.trunk[1:3]]).sum(-1)
