"""ReBAL: adaptation learned by a recurrent model instead of a gradient step.

Nagabandi, Clavera et al. 2019, section 4.3: the update rule is that of an LSTM, which reads the
last M steps and then predicts. While a plan is imagined the memory stays as the last real step left
it: candidates do not teach.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from robot_meta.config import from_dict
from robot_meta.errors import ConfigError
from robot_meta.motion import Chunk, MotionConfig, Steps, future_error
from robot_meta.nets import history
from robot_meta.nets.dynamics import Dynamics, DynamicsConfig
from robot_meta.types import Params

HIDDEN, CELL = "memory.h", "memory.c"
"""Names under which phi carries the memory; theta's are those of no past."""


@dataclass(frozen=True, kw_only=True)
class ReBALConfig(MotionConfig):
    """Settings."""

    net: DynamicsConfig = field(default_factory=lambda: DynamicsConfig(hidden=(256,), context=128))
    """What follows the LSTM; `context` is its units."""

    def __post_init__(self) -> None:
        """Refuse a network without a memory."""
        super().__post_init__()
        if self.net.context < 1:
            raise ConfigError(f"rebal: need net.context >= 1, got {self.net.context}")


class ReBAL:
    """The learner."""

    name = "rebal"

    def __init__(self, config: ReBALConfig) -> None:
        self.config = config
        self.net = Dynamics(config.net, config.body, config.normal)

    def init(self, seed: int) -> Params:
        """Fresh parameters."""
        generator = torch.Generator().manual_seed(seed)
        body, units = self.config.body, self.config.net.context
        inputs = self.net.width + body.state
        return {
            **self.net.init(generator),
            **history.init_cell("lstm", inputs, units, generator),
            HIDDEN: torch.zeros(units),
            CELL: torch.zeros(units),
        }

    def adapt(self, theta: Params, past: Steps) -> Params:
        """Let the LSTM read the past (M, ...)."""
        seen = torch.cat(
            [self.net.inputs(past.state, past.action), self.net.target(past.state, past.after)], -1
        )
        h, c = theta[HIDDEN], theta[CELL]
        for x in seen.unbind(0):
            h, c = history.lstm(theta, x, h, c)
        return {**theta, HIDDEN: h, CELL: c}

    def predict(self, phi: Params, state: Tensor, action: Tensor) -> Tensor:
        """Changes (N, S) of states (N, S) under actions (N, A).

        The LSTM steps once more, on what it is asked about: the change is not known yet.
        """
        asked = self.net.inputs(state, action)
        unknown = torch.zeros_like(state)
        shape = (*asked.shape[:-1], -1)
        h, _ = history.lstm(
            phi,
            torch.cat([asked, unknown], -1).to(phi[HIDDEN].dtype),
            phi[HIDDEN].expand(shape),
            phi[CELL].expand(shape),
        )
        return self.net.delta(phi, torch.cat([asked, h], -1))

    def plain(self, phi: Params) -> Params:
        """No layers: an LSTM is no plain network."""
        return {}

    def task_loss(
        self, params: Params, task: Chunk, step: int
    ) -> tuple[Tensor, Mapping[str, float]]:
        """The loss of the next K steps after reading the last M."""
        return future_error(self, params, task).mean(), {}


def make(config: Mapping[str, Any]) -> ReBAL:
    """The learner from its config as JSON values."""
    return ReBAL(from_dict(ReBALConfig, config))
