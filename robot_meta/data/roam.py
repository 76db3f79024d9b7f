"""Motion of many robots at once: the loop that collects and evaluates, and who acts in it.

B robots, T control steps, S size of a state, A motors. The batch is the environment's
(`env.unwrapped.batch(B)`): it is stepped together, each robot with a fault of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from robot_meta.data.motion_set import MotionSet
from robot_meta.lag import lagged_array
from robot_meta.planning import PlanConfig, discounted, plan, rest, shifted

Array = NDArray[np.float64]


class Actor(Protocol):
    """Who decides for B robots."""

    def act(self, states: Array, pending: Array) -> Array:
        """Actions (B, A) for the tick after this one, in which `pending` is carried out."""
        ...


@dataclass(frozen=True, eq=False)
class Roamed:
    """What happened."""

    states: Array
    """(B, T + 1, S)."""
    actions: Array
    """(B, T, A); where they arrive late, the mean of what each step was done with."""
    rewards: Array
    """(B, T)."""

    def motion(self) -> MotionSet:
        """As a set of episodes; those that left the numbers are left out."""
        good = np.isfinite(self.states).all((1, 2))
        return MotionSet(
            self.states[good].astype(np.float32), self.actions[good].astype(np.float32)
        )


def roam(
    batch: Any,
    actor: Actor,
    rngs: Sequence[np.random.Generator],
    steps: int,
    at: Callable[[int], None] = lambda t: None,
) -> Roamed:
    """Run all robots of a batch for `steps` control steps.

    Args:
        batch: the worlds; their faults are set. Its `lag` says how late actions arrive.
        actor: who acts.
        rngs: one for each robot's first state.
        steps: T.
        at: called before each step, to change a fault in the middle of an episode, say.
    """
    states = [batch.reset(rngs)]
    actions: list[Array] = []
    rewards: list[Array] = []
    pending = np.zeros((len(rngs), batch.motors))
    for t in range(steps):
        at(t)
        chosen = np.clip(actor.act(states[-1], pending), -1.0, 1.0)
        after, reward = batch.step(pending)
        actions.append(pending)
        states.append(after)
        rewards.append(reward)
        pending = chosen
    done = lagged_array(np.stack(actions, 1), np.zeros_like(pending), batch.lag)
    return Roamed(np.stack(states, 1), done, np.stack(rewards, 1))


class Gaits:
    """Sinusoids of random amplitude, frequency and phase in each motor, and noise upon them."""

    def __init__(self, robots: int, motors: int, dt_s: float, rng: np.random.Generator) -> None:
        self._rng, self._dt, self._t = rng, dt_s, 0
        shape = (robots, motors)
        self._amplitude = rng.uniform(0.0, 1.0, shape) * rng.uniform(0.2, 1.2, (robots, 1))
        self._omega = 2.0 * np.pi * rng.uniform(0.5, 4.0, (robots, 1))
        self._phase = rng.uniform(0.0, 2.0 * np.pi, shape)
        self._noise = rng.uniform(0.1, 0.8, (robots, 1))

    def act(self, states: Array, pending: Array) -> Array:
        """See `Actor`."""
        self._t += 1
        wave = self._amplitude * np.sin(self._omega * self._t * self._dt + self._phase)
        return wave + self._noise * self._rng.standard_normal(wave.shape)


REST_SHARE = 0.3
"""How often `Holds` holds nothing."""


class Holds:
    """Each robot holds an action for some steps: none at all, or one motor's whole."""

    def __init__(self, robots: int, motors: int, rng: np.random.Generator) -> None:
        self._rng, self._left = rng, np.zeros(robots, int)
        self._held: Array = np.zeros((robots, motors))

    def act(self, states: Array, pending: Array) -> Array:
        """See `Actor`."""
        for i in np.flatnonzero(self._left == 0):
            self._held[i], self._left[i] = self._drawn(), self._rng.integers(5, 16)
        self._left -= 1
        held: Array = self._held.copy()
        return held

    def _drawn(self) -> Array:
        motors = self._held.shape[1]
        drawn: Array = np.zeros(motors)
        if self._rng.random() > REST_SHARE:
            drawn[self._rng.integers(motors)] = 1.0
        return drawn


class TrueSimulator:
    """Plans on the true physics: what no robot can do, to collect good motion and as a bound."""

    def __init__(
        self, batch: Any, robots: int, config: PlanConfig, generator: torch.Generator, noise: float
    ) -> None:
        self._batch, self._config, self._generator = batch, config, generator
        self._noise = noise
        self.plan = rest(config, robots, batch.motors)
        """(B, H, A) of the last decision."""

    def act(self, states: Array, pending: Array) -> Array:
        """See `Actor`; noise is added to what is planned."""
        config = self._config

        def score(candidates: torch.Tensor) -> torch.Tensor:
            b, c, _, a = candidates.shape
            first = np.broadcast_to(pending[:, None, None], (b, c, 1, a))
            whole = np.concatenate([first, candidates.double().numpy()], 2)
            _, rewards = self._batch.simulate(whole)
            good = np.nan_to_num(rewards[:, :, 1:], nan=-1e6, posinf=-1e6, neginf=-1e6)
            return discounted(torch.from_numpy(good).float(), config.discount)

        self.plan = plan(score, shifted(self.plan), config, self._generator)
        chosen = self.plan[:, 0]
        noise = self._noise * torch.randn(chosen.shape, generator=self._generator)
        return (chosen + noise).clamp(-1.0, 1.0).double().numpy()
