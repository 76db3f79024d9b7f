"""A robot that adapts its model to the last steps of motion and plans with it, at control rate.

B robots are run together; a robot behind topics is B = 1. A decision is made while the one before
is carried out: from the state seen and the action *pending*, the next state is predicted and the
plan begins there. What is returned is for the tick after.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import vmap

from robot_meta.adaptation import Adaptation
from robot_meta.body import Reward
from robot_meta.errors import ConfigError, ObservationError
from robot_meta.frame import back, facing, framed, turned
from robot_meta.imagination import Folding, Imagine, imagine
from robot_meta.lag import lagged
from robot_meta.motion import MotionLearner, Steps, squared_error
from robot_meta.planning import PlanConfig, discounted, plan, rest, shifted
from robot_meta.types import Params

Array = NDArray[np.float64]
Online = Literal["off", "step", "episode"]
ONLINES: tuple[Online, ...] = ("off", "step", "episode")

MEMORY = 0.9
"""Of the running errors that adapted model and prior are compared by."""
TOLERANCE = 1.05
"""The adapted model is given up for the prior when its error is so many times the prior's."""


@dataclass(frozen=True, kw_only=True)
class OnlineConfig:
    """How a robot acts online."""

    planner: PlanConfig = field(default_factory=PlanConfig)
    online: Online = "step"
    """`step`: adapt from theta at every tick; `episode`: once, on the first full window; `off`."""
    half: bool = False
    """Plan in bfloat16: the state stays in full precision."""
    guarded: bool = True
    """Whether to fall back to the prior where it predicts better."""
    lag: float = 0.0
    """Share of a control step that passes until an action arrives; so long the one before holds."""

    def __post_init__(self) -> None:
        """Refuse unknown modes."""
        if self.online not in ONLINES:
            raise ConfigError(f"online {self.online!r}, need one of {ONLINES}")
        if not 0.0 <= self.lag < 1.0:
            raise ConfigError(f"need lag in [0, 1), got {self.lag}")


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a decision was made of, for each robot."""

    error: Array
    """(B,) running squared error of the model in use, in spreads of changes."""
    prior_error: Array
    """(B,) the same of theta."""
    adapted: NDArray[np.bool_]
    """(B,) whether the adapted model is in use."""


class OnlineAgent:
    """Decides for B robots. Create and use it in one thread."""

    def __init__(
        self,
        learner: MotionLearner,
        theta: Params,
        config: OnlineConfig,
        robots: int,
        generator: torch.Generator,
    ) -> None:
        self.learner, self.theta, self.config = learner, theta, config
        self.robots, self._generator = robots, generator
        self._body, self._past = learner.config.body, learner.config.past
        self._adaptation = Adaptation(learner, theta)
        self._dtype = torch.bfloat16 if config.half else torch.float32
        self._folding = Folding(learner.net, self._dtype)
        self.reset()

    def reset(self) -> None:
        """Forget what happened: phi is theta again."""
        b = self.robots
        self._steps: list[Steps] = []
        self._before: tuple[Tensor, Tensor] | None = None
        self._asked = torch.zeros(b, self._body.action)
        """Of the last tick, as it was asked for."""
        self.phi: Params = {n: p.expand(b, *p.shape) for n, p in self.theta.items()}
        self._fixed = False
        self.plan = rest(self.config.planner, b, self._body.action)
        """(B, H, A) of the last decision."""
        self._error, self._prior = torch.zeros(b), torch.zeros(b)
        self._use = torch.zeros(b, dtype=torch.bool)

    @property
    def _chosen(self) -> Array:
        """The plan's first actions (B, A)."""
        chosen: Array = self.plan[:, 0].double().numpy()
        return chosen

    @property
    def told(self) -> Told:
        """What the last decision was made of."""
        return Told(
            error=self._error.double().numpy(),
            prior_error=self._prior.double().numpy(),
            adapted=self._use.numpy().copy(),
        )

    def act(
        self,
        states: Array,
        pending: Array,
        late: Callable[[], bool] = lambda: False,
        reward: Reward | None = None,
        behind: bool = False,
    ) -> Array:
        """Actions (B, A) for the tick after this one.

        Args:
            states: (B, S) as seen now.
            pending: (B, A) what is being carried out from now to the next tick.
            late: asked between rounds of planning: whether time is up.
            reward: what is planned for; None: the body's own, speed along x.
            behind: no time is left: the step is noted, the plan before goes on.

        Raises:
            ObservationError: wrong shapes, or numbers that are not finite.
        """
        state, action = self._checked(states, pending)
        with torch.no_grad():
            self._notice(state, adapt=not behind)
            done = lagged(action[:, None], self._asked, self.config.lag)[:, 0]
            self._before, self._asked = (state, done), action
            if behind:
                self.plan = shifted(self.plan)
                return self._chosen
            return self._decide(state, done, late, reward or self._body.reward)

    def _checked(self, states: Array, pending: Array) -> tuple[Tensor, Tensor]:
        wanted = ((self.robots, self._body.state), (self.robots, self._body.action))
        if (states.shape, pending.shape) != wanted:
            raise ObservationError(
                f"states {states.shape} and actions {pending.shape} came, need {wanted}"
            )
        if not (np.isfinite(states).all() and np.isfinite(pending).all()):
            raise ObservationError("states or actions that are not finite came")
        return (
            torch.as_tensor(states, dtype=torch.float32),
            torch.as_tensor(pending, dtype=torch.float32).clamp(-1.0, 1.0),
        )

    def _notice(self, state: Tensor, adapt: bool) -> None:
        """Take in what came of the last tick, and adapt to it."""
        if self._before is None:
            return
        newest = framed(self._body, Steps(*self._before, state))
        self._compare(newest)
        self._steps = [*self._steps, newest][-self._past :]
        full = len(self._steps) == self._past
        if not adapt or not full or self._fixed or self.config.online == "off":
            return
        past = Steps(*(torch.stack(each, 1) for each in zip(*self._steps, strict=True)))
        # From theta each time: steps are never chained.
        self.phi = self._adaptation(past)
        self._fixed = self.config.online == "episode"
        worse = self._error > TOLERANCE * self._prior
        self._use = ~worse if self.config.guarded else torch.ones_like(worse)

    def _compare(self, newest: Steps) -> None:
        """Running errors of phi and theta on a step that neither has seen."""
        prior = vmap(self.learner.predict, in_dims=(None, 0, 0))(
            self.theta, newest.state[:, None], newest.action[:, None]
        )[:, 0]
        adapted = vmap(self.learner.predict)(
            self.phi, newest.state[:, None], newest.action[:, None]
        )[:, 0]
        for name, delta in (("_error", adapted), ("_prior", prior)):
            now = squared_error(self.learner.net, delta, newest)
            setattr(self, name, MEMORY * getattr(self, name) + (1.0 - MEMORY) * now)

    def _predict(self, phi: Params, state: Tensor, action: Tensor) -> Tensor:
        """Changes (B, N, S), each robot by its own parameters."""
        if not self._body.trunk:
            change: Tensor = vmap(self.learner.predict)(phi, state, action)
            return change
        half = facing(self._body, state)
        seen = turned(self._body, state, back(half))
        return turned(self._body, vmap(self.learner.predict)(phi, seen, action), half)

    def _decide(
        self, state: Tensor, action: Tensor, late: Callable[[], bool], reward: Reward
    ) -> Array:
        use = self._use
        phi = {
            n: torch.where(use.view(-1, *[1] * (p.dim() - 1)), p, self.theta[n])
            for n, p in self.phi.items()
        }
        start = state + self._predict(phi, state[:, None], action[:, None])[:, 0]
        config = self.config.planner
        imagine = self._imagine(phi, self._body.ending(reward, config.lean_steps))

        def score(candidates: Tensor) -> Tensor:
            before = self._asked[:, None].expand(-1, candidates.shape[1], -1)
            done = lagged(candidates, before, self.config.lag)
            return discounted(imagine(start, done), config.discount)

        self.plan = plan(score, shifted(self.plan), config, self._generator, late)
        return self._chosen

    def _imagine(self, phi: Params, reward: Reward) -> Imagine:
        """What judges candidates under phi (B, ...)."""
        layers = vmap(self.learner.plain)(phi)
        if layers:
            return self._folding(layers, reward)
        phi = {n: p.to(self._dtype) for n, p in phi.items()}
        return partial(imagine, reward, partial(self._predict, phi))
