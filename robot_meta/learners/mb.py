"""A model of motion as it is (MB), and the same with a gradient step online (MB+DE).

MB is what adaptation is held against. MB+DE, dynamic evaluation (Krause et al. 2018), takes the
same gradient step as GrBAL while it acts, but its parameters were never trained to be adapted.
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
from robot_meta.motion import Adapts, Chunk, MotionConfig, Steps, adaptable, step_loss
from robot_meta.nets.dynamics import OFFSET, Dynamics
from robot_meta.types import Params


@dataclass(frozen=True, kw_only=True)
class MBConfig(MotionConfig):
    """Settings."""

    steps: int = 0
    """Gradient steps on the past while acting: 0 is MB, more is MB+DE."""
    adapts: Adapts = "motors"
    rate: float = 3.0
    """Of those steps."""
    rate_offset: float = 0.05
    """Of those steps, for offsets."""
    clip: float = 10.0

    def __post_init__(self) -> None:
        """Refuse steps without size."""
        super().__post_init__()
        if self.steps < 0 or not min(self.rate, self.rate_offset, self.clip) > 0:
            raise ConfigError(f"mb: need steps >= 0, rates and clip > 0, got {self}")


class MB:
    """The learner."""

    name = "mb"
    replayable = True

    def __init__(self, config: MBConfig) -> None:
        self.config = config
        self.net = Dynamics(config.net, config.body, config.normal)

    def init(self, seed: int) -> Params:
        """Fresh parameters."""
        return self.net.init(torch.Generator().manual_seed(seed))

    def adapt(self, theta: Params, past: Steps) -> Params:
        """As it is, or after gradient steps of plain SGD on the past."""
        config = self.config
        rates = dict.fromkeys(adaptable(theta, config.adapts), config.rate)
        if OFFSET in rates:
            rates[OFFSET] = config.rate_offset
        return inner.adapt(
            theta,
            lambda params: step_loss(self.net, params, past),
            rates,
            config.steps,
            clip=config.clip,
        )

    def predict(self, phi: Params, state: Tensor, action: Tensor) -> Tensor:
        """Changes (N, S) of states (N, S) under actions (N, A)."""
        return self.net.delta(phi, self.net.inputs(state, action))

    def plain(self, phi: Params) -> Params:
        """The network as it is."""
        return self.net.folded(phi)

    def task_loss(
        self, params: Params, task: Chunk, step: int
    ) -> tuple[Tensor, Mapping[str, float]]:
        """The loss of all steps, past and future alike, without adaptation."""
        whole = Steps(*(torch.cat(pair, 1) for pair in zip(task.past, task.future, strict=True)))
        return vmap(lambda s: step_loss(self.net, params, s))(whole).mean(), {}


def make(config: Mapping[str, Any]) -> MB:
    """The learner from its config as JSON values."""
    return MB(from_dict(MBConfig, config))
