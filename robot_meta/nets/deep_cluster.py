"""DeepCluster: an encoder learns to tell the clusters of its own codes apart (Caron et al. 2018).

A round clusters the codes of all pictures, and trains encoder and a fresh head to say of a picture,
warped anew each time, which cluster it is in: codes forget how a picture was bent. The next round
clusters what came of it. No label is used.

The encoder is ACAI's, which has no batch norm: a code depends on its own picture alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, linear

from robot_meta.config import from_dict
from robot_meta.errors import ConfigError
from robot_meta.nets.acai import Acai, AcaiConfig, CodeConfig
from robot_meta.types import Params


@dataclass(frozen=True, kw_only=True)
class DeepClusterConfig(CodeConfig):
    """Settings."""

    clusters: int = 500
    """k."""

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        super().__post_init__()
        if self.clusters < 2:
            raise ConfigError(f"deepcluster: need clusters >= 2, got {self.clusters}")


class Assigned(NamedTuple):
    """A batch to learn from."""

    x: Tensor
    """(n, C, H, W) in [0, 1]."""
    y: Tensor
    """(n,) cluster of each, 0 .. k-1."""


class DeepCluster:
    """The network and its loss."""

    name = "deepcluster"

    def __init__(self, config: DeepClusterConfig) -> None:
        self.config = config
        told = AcaiConfig(inputs=config.inputs, widths=config.widths, latent=config.latent)
        self._net = Acai(told)
        self.size = self._net.size
        """D of the code."""

    def init(self, seed: int) -> Params:
        """A fresh encoder and a fresh head."""
        rng = torch.Generator().manual_seed(seed)
        encoder = {n: p for n, p in self._net.init(seed).items() if n.startswith("f")}
        w = torch.randn(self.config.clusters, self.size, generator=rng) / math.sqrt(self.size)
        return {**encoder, "head.w": w, "head.b": torch.zeros(self.config.clusters)}

    def encode(self, params: Params, x: Tensor) -> Tensor:
        """The codes (n, D) of pictures (n, C, H, W)."""
        return self._net.encode(params, x)

    def task_loss(
        self, params: Params, task: Assigned, step: int
    ) -> tuple[Tensor, Mapping[str, float]]:
        """Cross-entropy of the clusters (eq. 2 of the paper, whose eq. 1 is k-means)."""
        logits = linear(self.encode(params, task.x), params["head.w"], params["head.b"])
        right = (logits.argmax(-1) == task.y).float().mean()
        return cross_entropy(logits, task.y), {"accuracy": right.item()}


def make(config: Mapping[str, Any]) -> DeepCluster:
    """The network from its config as JSON values."""
    return DeepCluster(from_dict(DeepClusterConfig, config))
