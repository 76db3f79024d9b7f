"""Matching networks: a label is the attention-weighted sum of labels (Vinyals et al. 2016).

Without full-context embeddings. `l2` (softmax over minus squared distances) reproduces better than
the paper's cosine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import normalize, one_hot

from robot_meta.config import from_dict
from robot_meta.errors import ConfigError
from robot_meta.few_shot import Episodes, Examples, query_loss
from robot_meta.nets import encoder
from robot_meta.nets.encoder import EncoderConfig
from robot_meta.types import Params

SHARP = 10.0
"""Factor of the cosine: without one the softmax over [-1, 1] can hardly prefer anything."""


@dataclass(frozen=True, kw_only=True)
class MatchingConfig:
    """Settings."""

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    outputs: int = 5
    """N classes."""
    distance: Literal["l2", "cosine"] = "l2"

    def __post_init__(self) -> None:
        """Refuse an unknown distance."""
        if self.distance not in ("l2", "cosine"):
            raise ConfigError(f"matching: distance {self.distance!r}, expected l2 or cosine")


class Matching:
    """The learner."""

    name = "matching"
    replayable = True

    def __init__(self, config: MatchingConfig) -> None:
        self.config = config
        self._encode = encoder.make(config.encoder)

    def init(self, seed: int) -> Params:
        """Fresh parameters: those of the encoder."""
        return self._encode.init(torch.Generator().manual_seed(seed))

    def adapt(self, theta: Params, support: Examples) -> Params:
        """Keep g(x_i) and y_i beside theta."""
        y = one_hot(support.y, self.config.outputs)
        return {**theta, "seen.x": self._encode(theta, support.x), "seen.y": y}

    def predict(self, phi: Params, x: Tensor) -> Tensor:
        """Eq. 1: log of y = sum_i a(x, x_i) y_i, with a the softmax over i of c(f(x), g(x_i))."""
        f, g, y = self._encode(phi, x), phi["seen.x"], phi["seen.y"]
        if self.config.distance == "l2":
            c = -(f[:, None] - g).square().sum(-1)
        else:
            c = SHARP * normalize(f, dim=-1) @ normalize(g, dim=-1).T
        log_a = c.log_softmax(-1)  # (n, support)
        return torch.logsumexp(log_a[:, :, None] + y.to(f.dtype).log(), 1)

    def task_loss(
        self, params: Params, task: Episodes, step: int
    ) -> tuple[Tensor, Mapping[str, float | Tensor]]:
        """Eq. 6: the log-probability of the labels of a batch given the support set."""
        return query_loss(self, params, task)


def make(config: Mapping[str, Any]) -> Matching:
    """The learner from its config as JSON values."""
    return Matching(from_dict(MatchingConfig, config))
