"""What is common to learners of motion: steps, losses, and what a learner offers.

M steps to adapt on, K steps to be judged by; S size of a state, A motors. A learner's functions are
written for one robot and batched over robots by `torch.func.vmap`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

import torch
from torch import Tensor
from torch.func import vmap

from robot_meta.body import Body
from robot_meta.errors import ConfigError
from robot_meta.nets.dynamics import GAIN, OFFSET, Dynamics, DynamicsConfig, Normal
from robot_meta.types import Params

Adapts = Literal["motors", "inputs", "biases", "all"]
"""What gradient steps change: the motors' gains; these and the offsets of what is seen of the
state; gains and biases; or gains, biases and weights."""


class Steps(NamedTuple):
    """Steps of motion in order."""

    state: Tensor
    """(..., T, S)."""
    action: Tensor
    """(..., T, A): as commanded."""
    after: Tensor
    """(..., T, S): the state a control step later."""


class Chunk(NamedTuple):
    """What meta-learning draws: motion to adapt on, and what came next, of B robots."""

    past: Steps
    """(B, M, ...)."""
    future: Steps
    """(B, K, ...)."""


@dataclass(frozen=True, kw_only=True)
class MotionConfig:
    """Settings that all learners of motion share."""

    body: Body
    normal: Normal = field(default_factory=Normal)
    net: DynamicsConfig = field(default_factory=DynamicsConfig)
    past: int = 10
    """M: 0.5 s at 20 Hz."""
    future: int = 10
    """K."""
    members: int = 1
    """E: more than one are an ensemble."""

    def __post_init__(self) -> None:
        """Refuse windows without steps, and nobody."""
        if min(self.past, self.future, self.members) < 1:
            raise ConfigError(
                f"need past, future and members >= 1, got {self.past}, {self.future} and "
                f"{self.members}"
            )


class MotionLearner(Protocol):
    """A model of motion that takes in what has just happened."""

    name: str
    config: Any

    @property
    def net(self) -> Dynamics:
        """The network."""
        ...

    def init(self, seed: int) -> Params:
        """Fresh parameters."""
        ...

    def adapt(self, theta: Params, past: Steps) -> Params:
        """What is predicted with after M steps (M, ...) of one robot; theta is not changed."""
        ...

    def predict(self, phi: Params, state: Tensor, action: Tensor) -> Tensor:
        """Changes (N, S) of states (N, S) under actions (N, A)."""
        ...

    def plain(self, phi: Params) -> Params:
        """The layers of the plain network that `predict` is under phi; none if it is not one.

        Of an ensemble, those of all its members, E in front.
        """
        ...

    def task_loss(
        self, params: Params, task: Chunk, step: int
    ) -> tuple[Tensor, Mapping[str, float]]:
        """Mean loss on the future after adaptation on the past, and figures to log."""
        ...


def adaptable(theta: Params, which: Adapts) -> list[str]:
    """Names of the network's parameters that gradient steps change."""
    biases = [n for n in theta if n[0] == "b" and n[1:].isdigit()]
    weights = [n for n in theta if n[0] == "w" and n[1:].isdigit()]
    more = {"motors": [], "inputs": [OFFSET], "biases": biases, "all": [*biases, *weights]}
    return [GAIN, *more[which]]


def squared_error(net: Dynamics, delta: Tensor, steps: Steps) -> Tensor:
    """Squared errors (...) of predicted changes (..., S), in the spread of changes, mean over S."""
    error = (delta - (steps.after - steps.state)) / net.delta_std
    return error.square().mean(-1)


def step_loss(
    net: Dynamics, params: Mapping[str, Tensor], steps: Steps, context: Any = None
) -> Tensor:
    """Mean squared error of one-step predictions, normalised."""
    inputs = net.inputs(steps.state, steps.action)
    if context is not None:
        inputs = torch.cat([inputs, context.expand(*inputs.shape[:-1], -1)], -1)
    wrong = net.normalised(params, inputs) - net.target(steps.state, steps.after)
    return wrong.square().mean()


def future_error(learner: MotionLearner, theta: Params, chunk: Chunk) -> Tensor:
    """Squared errors (B, K) on the future of each robot after adapting on its past."""

    def one(past: Steps, future: Steps) -> Tensor:
        phi = learner.adapt(theta, past)
        return squared_error(learner.net, learner.predict(phi, future.state, future.action), future)

    errors: Tensor = vmap(one)(chunk.past, chunk.future)
    return errors
