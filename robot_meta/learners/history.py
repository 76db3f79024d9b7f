"""The modern row: a model of motion conditioned on a small latent that a GRU reads from the past.

After RMA (Kumar et al. 2021): what the robot has just done and what came of it says what it is
dealing with, in a few numbers. There the latent conditions a policy and is regressed on privileged
figures; here it conditions a model and is trained through its predictions.
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

CONTEXT = "context"
"""Name under which phi carries the latent; theta's is the latent of no past."""


@dataclass(frozen=True, kw_only=True)
class HistoryConfig(MotionConfig):
    """Settings."""

    net: DynamicsConfig = field(default_factory=lambda: DynamicsConfig(context=8))
    units: int = 64
    """Of the GRU."""

    def __post_init__(self) -> None:
        """Refuse a network without a latent."""
        super().__post_init__()
        if self.net.context < 1 or self.units < 1:
            raise ConfigError(f"history: need net.context and units >= 1, got {self}")


class History:
    """The learner."""

    name = "history"

    def __init__(self, config: HistoryConfig) -> None:
        self.config = config
        self.net = Dynamics(config.net, config.body, config.normal)

    def init(self, seed: int) -> Params:
        """Fresh parameters."""
        generator = torch.Generator().manual_seed(seed)
        body, units, size = self.config.body, self.config.units, self.config.net.context
        inputs = self.net.width + body.state
        out = torch.randn((size, units), generator=generator) / units**0.5
        return {
            **self.net.init(generator),
            **history.init_cell("gru", inputs, units, generator),
            "out.w": out,
            CONTEXT: torch.zeros(size),
        }

    def adapt(self, theta: Params, past: Steps) -> Params:
        """Read the past (M, ...) into the latent."""
        seen = torch.cat(
            [self.net.inputs(past.state, past.action), self.net.target(past.state, past.after)], -1
        )
        h = torch.zeros_like(theta["cell.wh"][0])
        for x in seen.unbind(0):
            h = history.gru(theta, x, h)
        return {**theta, CONTEXT: theta["out.w"] @ h}

    def predict(self, phi: Params, state: Tensor, action: Tensor) -> Tensor:
        """Changes (N, S) of states (N, S) under actions (N, A)."""
        inputs = self.net.inputs(state, action)
        latent = phi[CONTEXT].expand(*inputs.shape[:-1], -1)
        return self.net.delta(phi, torch.cat([inputs, latent], -1))

    def plain(self, phi: Params) -> Params:
        """The network with the latent, which candidates do not change, in the first bias."""
        layers, size = self.net.folded(phi), self.net.width
        weight = layers["w0"]
        bias = layers["b0"] + weight[:, size:] @ phi[CONTEXT]
        return {**layers, "w0": weight[:, :size], "b0": bias}

    def task_loss(
        self, params: Params, task: Chunk, step: int
    ) -> tuple[Tensor, Mapping[str, float]]:
        """The loss of the next K steps after reading the last M."""
        return future_error(self, params, task).mean(), {}


def make(config: Mapping[str, Any]) -> History:
    """The learner from its config as JSON values."""
    return History(from_dict(HistoryConfig, config))
