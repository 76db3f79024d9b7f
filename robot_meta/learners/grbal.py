"""GrBAL: a model of motion meta-trained so that one gradient step on the last M steps helps.

Nagabandi, Clavera et al. 2019, "Learning to Adapt in Dynamic, Real-World Environments through
Meta-Reinforcement Learning". Step sizes are learned, one for each parameter (Meta-SGD, Li et al.
2017), or with `learned=False` one number, as the paper's. `adapts="all"` with one step is the
paper's. By default a few steps move the motors' gains alone, as CAVIA (Zintgraf et al. 2019) moves
a few context parameters: half a second of motion says which motor does not do what it is told, but
not what 50,000 weights should be, and what is found out for one motor holds for one that never
failed in training.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.func import vmap

from robot_meta import inner
from robot_meta.config import from_dict
from robot_meta.errors import ConfigError
from robot_meta.motion import (
    Adapts,
    Chunk,
    MotionConfig,
    Steps,
    adaptable,
    future_error,
    step_loss,
)
from robot_meta.nets.dynamics import GAIN, OFFSET, Dynamics
from robot_meta.types import Params


@dataclass(frozen=True, kw_only=True)
class GrBALConfig(MotionConfig):
    """Settings."""

    steps: int = 3
    """Gradient steps on the past."""
    adapts: Adapts = "motors"
    alpha: float = 0.05
    """First size of the learned steps of weights and biases."""
    alpha_gain: float = 3.0
    """First size of those of gains."""
    alpha_offset: float = 0.05
    """First size of those of offsets."""
    learned: bool = True
    """Whether these sizes are learned. Where theta has taken in all that training breaks, training
    says little of how far to go for what it never broke."""
    clip: float = 10.0
    """Bound on each element of the inner gradient."""

    def __post_init__(self) -> None:
        """Refuse steps that do not adapt."""
        super().__post_init__()
        sizes = (self.alpha, self.alpha_gain, self.alpha_offset, self.clip)
        if self.steps < 0 or not min(sizes) > 0:
            raise ConfigError(f"grbal: need steps >= 0, alphas and clip > 0, got {self}")


class GrBAL:
    """The learner."""

    name = "grbal"
    replayable = True

    def __init__(self, config: GrBALConfig) -> None:
        self.config = config
        self.net = Dynamics(config.net, config.body, config.normal)

    def init(self, seed: int) -> Params:
        """Fresh parameters and step sizes."""
        theta = self.net.init(torch.Generator().manual_seed(seed))
        if not self.config.learned:
            return theta
        return {**theta, **inner.initial_sizes(self._sizes(theta), max(self.config.steps, 1))}

    def _sizes(self, theta: Params) -> dict[str, float]:
        names = adaptable(theta, self.config.adapts)
        own = {GAIN: self.config.alpha_gain, OFFSET: self.config.alpha_offset}
        return {name: own.get(name, self.config.alpha) for name in names}

    def adapt(self, theta: Params, past: Steps) -> Params:
        """Eq. 2 of the paper: phi = theta - alpha * grad L(theta, the last M steps)."""
        phi = theta
        for k in range(self.config.steps):
            _, phi = inner.step(
                phi,
                lambda params: step_loss(self.net, params, past),
                inner.step_sizes(phi, k) if self.config.learned else self._sizes(phi),
                clip=self.config.clip,
            )
        return phi

    def predict(self, phi: Params, state: Tensor, action: Tensor) -> Tensor:
        """Changes (N, S) of states (N, S) under actions (N, A)."""
        return self.net.delta(phi, self.net.inputs(state, action))

    def plain(self, phi: Params) -> Params:
        """The network as it is."""
        return self.net.folded(phi)

    def task_loss(
        self, params: Params, task: Chunk, step: int
    ) -> tuple[Tensor, Mapping[str, float]]:
        """Eq. 3: the loss of the next K steps after adapting on the last M."""
        loss = future_error(self, params, task).mean()
        with torch.no_grad():
            before = vmap(lambda f: step_loss(self.net, params, f))(task.future).mean()
        return loss, {"before": before.item()}


def make(config: Mapping[str, Any]) -> GrBAL:
    """The learner from its config as JSON values."""
    return GrBAL(from_dict(GrBALConfig, config))
