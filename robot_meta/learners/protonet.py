"""Prototypical networks: the nearest class mean in feature space (Snell et al. 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from robot_meta.config import from_dict
from robot_meta.few_shot import Episodes, Examples, query_loss
from robot_meta.nets import encoder
from robot_meta.nets.encoder import EncoderConfig
from robot_meta.types import Params


@dataclass(frozen=True, kw_only=True)
class ProtoNetConfig:
    """Settings."""

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    outputs: int = 5
    """N classes."""


class ProtoNet:
    """The learner."""

    name = "protonet"
    replayable = True

    def __init__(self, config: ProtoNetConfig) -> None:
        self.config = config
        self._encode = encoder.make(config.encoder)

    def init(self, seed: int) -> Params:
        """Fresh parameters: those of the encoder."""
        return self._encode.init(torch.Generator().manual_seed(seed))

    def adapt(self, theta: Params, support: Examples) -> Params:
        """Eq. 1: c_k = the mean of f(x) over the examples of class k; kept beside theta."""
        f = self._encode(theta, support.x)
        s = one_hot(support.y, self.config.outputs).to(f.dtype)  # (n, N)
        return {**theta, "prototypes": s.T @ f / s.sum(0)[:, None]}

    def predict(self, phi: Params, x: Tensor) -> Tensor:
        """Eq. 2: log p(y = k | x) = -d(f(x), c_k) up to a constant, d the squared distance."""
        f, c = self._encode(phi, x), phi["prototypes"]
        return -(f[:, None] - c).square().sum(-1)

    def task_loss(
        self, params: Params, task: Episodes, step: int
    ) -> tuple[Tensor, Mapping[str, float | Tensor]]:
        """Algorithm 1: the negative log-probability of the true class of the queries."""
        return query_loss(self, params, task)


def make(config: Mapping[str, Any]) -> ProtoNet:
    """The learner from its config as JSON values."""
    return ProtoNet(from_dict(ProtoNetConfig, config))
