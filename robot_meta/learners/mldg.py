"""MLDG: learning to generalise across domains (Li, Yang, Song and Hospedales 2018).

Each step holds some of the training domains out, takes a virtual gradient step on the others, and
asks that it be good for those held out too. With beta 0 it is training on all domains at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from robot_meta import inner
from robot_meta.config import from_dict
from robot_meta.errors import ConfigError
from robot_meta.few_shot import Examples
from robot_meta.nets import encoder
from robot_meta.nets.encoder import EncoderConfig
from robot_meta.types import Params


@dataclass(frozen=True, kw_only=True)
class MldgConfig:
    """Settings."""

    encoder: EncoderConfig = field(default_factory=lambda: EncoderConfig(kind="plain"))
    outputs: int = 5
    """Classes."""
    alpha: float = 0.1
    """The virtual step."""
    beta: float = 1.0
    """Weight of the domain that is held out after it; 0 for training on all at once."""

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        if not (self.alpha > 0 and self.beta >= 0 and self.outputs > 0):
            raise ConfigError(f"mldg: need alpha, outputs > 0 and beta >= 0, got {self}")


class Mldg:
    """The learner. Nothing adapts in tests: what is learned must do for a new domain as it is."""

    name = "mldg"

    def __init__(self, config: MldgConfig) -> None:
        self.config = config
        self._encode = encoder.make(config.encoder)

    def init(self, seed: int) -> Params:
        """Fresh parameters."""
        rng = torch.Generator().manual_seed(seed)
        body = self._encode.init(rng)
        return {**body, **encoder.linear_head(self._encode.size, self.config.outputs, rng)}

    def predict(self, params: Params, x: Tensor) -> Tensor:
        """Logarithms of odds (n, N) of pictures (n, C, H, W)."""
        return encoder.head(params, self._encode(params, x))

    def task_loss(
        self, params: Params, task: Examples, step: int
    ) -> tuple[Tensor, Mapping[str, float | Tensor]]:
        """Algorithm 1: F(theta) + beta G(theta - alpha grad F(theta)).

        F is the loss of all domains but the last, G that of the last.

        Args:
            params: theta.
            task: pictures (D, n, C, H, W) and classes (D, n) of D domains in an order of chance.
            step: no matter.

        Raises:
            ConfigError: one domain alone.
        """
        if len(task.x) < 2:
            raise ConfigError("mldg: one domain; it takes two to hold one out")
        if not self.config.beta:
            return self._loss(params, task), {}
        seen, held = (Examples(task.x[part], task.y[part]) for part in (slice(-1), slice(-1, None)))
        alpha = dict.fromkeys(params, self.config.alpha)
        f, virtual = inner.step(params, lambda p: self._loss(p, seen), alpha)
        g = self._loss(virtual, held)
        return f + self.config.beta * g, {"seen": f.detach(), "held": g.detach()}

    def _loss(self, params: Params, domains: Examples) -> Tensor:
        """The mean over domains, which are of one size, and their pictures."""
        return cross_entropy(self.predict(params, domains.x.flatten(0, 1)), domains.y.flatten())


def make(config: Mapping[str, Any]) -> Mldg:
    """The learner from its config as JSON values."""
    return Mldg(from_dict(MldgConfig, config))
