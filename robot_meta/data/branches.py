"""Other futures of robots in motion: what a planner would have considered, on the true physics.

A planner asks a model about actions near its plan that nobody carries out, and acts on the answer
that is too good. Motion that was carried out says little of those. So at every step a few of such
futures are tried on the true physics, which a simulator can and a robot can not, and kept with the
steps that led to them: pieces of motion like any others, to adapt on and to be judged by.

B robots, M steps of past, H of future, N futures, S size of a state, A motors.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from robot_meta.data.motion_set import MotionSet
from robot_meta.data.roam import Actor
from robot_meta.errors import ConfigError
from robot_meta.lag import lagged_array
from robot_meta.planning import coloured

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class BranchConfig:
    """How many futures are tried, and of which kind."""

    count: int = 8
    """N, of each robot at each step."""
    past: int = 10
    """M."""
    future: int = 12
    """H; the first step is the one that is carried out."""
    spread: tuple[float, float] = (0.05, 0.7)
    """Standard deviations of their actions about the actor's plan: drawn between these."""
    beta: float = 2.0
    """Colour of that noise, as a planner's."""

    def __post_init__(self) -> None:
        """Refuse futures of no length."""
        if min(self.count, self.past) < 1 or self.future < 2:
            raise ConfigError(f"branches: need count, past >= 1 and future >= 2, got {self}")

    @property
    def length(self) -> int:
        """Steps of a piece."""
        return self.past + self.future


class Branching:
    """Who acts, and the futures that are tried beside what it does.

    Args:
        actor: who acts; if it has a `plan` (B, ., A), futures are near it, else near rest, and
            if it says which motors are `moving` (B, A), the others rest in them.
        batch: the worlds that it acts in.
        config: which futures.
        generator: of their actions.
    """

    def __init__(
        self, actor: Actor, batch: Any, config: BranchConfig, generator: torch.Generator
    ) -> None:
        self._actor, self._batch = actor, batch
        self._config, self._generator = config, generator
        self._lag: float = batch.lag
        self._before: Array | None = None
        """(B, A) of the step before."""
        self._past: deque[tuple[Array, Array]] = deque(maxlen=config.past)
        self._states: list[NDArray[np.float32]] = []
        self._actions: list[NDArray[np.float32]] = []

    def act(self, states: Array, pending: Array) -> Array:
        """See `Actor`."""
        chosen = self._actor.act(states, pending)
        before = np.zeros_like(pending) if self._before is None else self._before
        if len(self._past) == self._config.past:
            self._try(states, pending, before)
        done = lagged_array(pending[:, None], before, self._lag)[:, 0]
        self._past.append((states.copy(), done.copy()))
        self._before = pending.copy()
        return chosen

    def motion(self) -> MotionSet:
        """All pieces, those of one robot after those of another; not those that left the numbers.

        Raises:
            ConfigError: there are none, as nothing went on for longer than the past.
        """
        if not self._states:
            raise ConfigError(f"branches: no robot went on for {self._config.past + 1} steps")
        states, actions = np.stack(self._states, 1), np.stack(self._actions, 1)
        states = states.reshape(-1, *states.shape[3:])
        actions = actions.reshape(-1, *actions.shape[3:])
        good = np.isfinite(states).all((1, 2))
        return MotionSet(states[good], actions[good])

    def _try(self, states: Array, pending: Array, held: Array) -> None:
        """Keep pieces (B, N, M + H + 1, S) and (B, N, M + H, A)."""
        n = self._config.count
        candidates = self._drawn(pending)
        after, _ = self._batch.simulate(candidates)
        seen, done = (np.stack(each, 1) for each in zip(*self._past, strict=True))
        before = np.concatenate([seen, states[:, None]], 1)
        self._states.append(np.concatenate([_each(before, n), after], 2).astype(np.float32))
        futures = lagged_array(candidates, _each(held, n), self._lag)
        self._actions.append(np.concatenate([_each(done, n), futures], 2).astype(np.float32))

    def _drawn(self, pending: Array) -> Array:
        """Actions (B, N, H, A), the first of which is what is being carried out."""
        config, (b, a) = self._config, pending.shape
        low, high = config.spread
        shape = (b, config.count, config.future - 1, a)
        std = low + (high - low) * torch.rand((b, config.count, 1, 1), generator=self._generator)
        drawn = self._plan(b, a)[:, None] + std * coloured(shape, config.beta, self._generator)
        moving = getattr(self._actor, "moving", np.ones((1, 1)))
        drawn = drawn * torch.from_numpy(moving[:, None, None]).to(drawn)
        first = _each(pending[:, None], config.count)
        return np.concatenate([first, drawn.clamp(-1.0, 1.0).double().numpy()], 2)

    def _plan(self, robots: int, motors: int) -> Tensor:
        """The actor's plan (B, H - 1, A), its last action repeated; rest where it has none."""
        steps = self._config.future - 1
        plan: Tensor | None = getattr(self._actor, "plan", None)
        if plan is None:
            return torch.zeros(robots, steps, motors)
        return plan[:, torch.arange(steps).clamp(max=plan.shape[1] - 1)]


def _each(x: Array, count: int) -> Array:
    """The same (B, N, ...) for each of `count` futures of x (B, ...)."""
    return np.repeat(x[:, None], count, axis=1)
