"""SNAIL: a simple neural attentive meta-learner (Mishra et al. 2018).

Black box: the support set and then one query are a sequence, and the network that reads it learns
to learn. What a task leaves behind is the sequence itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot, pad

from robot_meta.config import from_dict
from robot_meta.few_shot import Episodes, Examples, query_loss
from robot_meta.nets import encoder, sequence
from robot_meta.nets.encoder import EncoderConfig
from robot_meta.types import Params


@dataclass(frozen=True, kw_only=True)
class SnailConfig:
    """Settings."""

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    outputs: int = 5
    """N classes."""
    seen: int = 5
    """Examples in the support set: dilations reach over them."""
    filters: int = 64
    """Of a temporal convolution; the paper's are 128."""
    heads: tuple[tuple[int, int], ...] = ((32, 32), (64, 64), (128, 128))
    """(key, value) sizes of the three attention blocks; the paper's are twice as wide."""


class Snail:
    """The learner."""

    name = "snail"

    def __init__(self, config: SnailConfig) -> None:
        self.config = config
        self._encode = encoder.make(config.encoder)

    def init(self, seed: int) -> Params:
        """Fresh parameters."""
        rng = torch.Generator().manual_seed(seed)
        length, filters = self.config.seen + 1, self.config.filters
        params, size = self._encode.init(rng), self._encode.size + self.config.outputs
        for i, (key, value) in enumerate(self.config.heads):
            params |= sequence.init_attention(f"attend{i}", size, key, value, rng)
            size += value
            if i + 1 < len(self.config.heads):
                params |= sequence.init_tc(f"tc{i}", size, length, filters, rng)
                size += filters * len(sequence.dilations(length))
        return params | sequence.init_linear("out", size, self.config.outputs, rng)

    def adapt(self, theta: Params, support: Examples) -> Params:
        """Keep (f(x_i), y_i), in order, beside theta."""
        f = self._encode(theta, support.x)
        y = one_hot(support.y, self.config.outputs).to(f.dtype)
        return {**theta, "seen": torch.cat([f, y], -1)}

    def predict(self, phi: Params, x: Tensor) -> Tensor:
        """The output at the last step of (x_1, y_1), ..., (x_t-1, y_t-1), (x_t, -)."""
        last = pad(self._encode(phi, x), (0, self.config.outputs))[:, None]  # (n, 1, D + N)
        s = torch.cat([phi["seen"].expand(len(x), -1, -1), last], 1)
        length = self.config.seen + 1
        for i in range(len(self.config.heads)):
            s = sequence.attention(phi, f"attend{i}", s)
            if i + 1 < len(self.config.heads):
                s = sequence.tc(phi, f"tc{i}", s, length)
        return sequence.apply_linear(phi, "out", s[:, -1])

    def task_loss(
        self, params: Params, task: Episodes, step: int
    ) -> tuple[Tensor, Mapping[str, float | Tensor]]:
        """The loss at the last step, over tasks and queries."""
        return query_loss(self, params, task)


def make(config: Mapping[str, Any]) -> Snail:
    """The learner from its config as JSON values."""
    return Snail(from_dict(SnailConfig, config))
