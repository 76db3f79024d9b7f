"""An LSTM that learns to learn (Hochreiter et al. 2001; the rival in Santoro et al. 2016's MANN).

Black box: the network reads (x_i, y_i) in turn; its state after the support set is what is kept.
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
class LstmConfig:
    """Settings."""

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    outputs: int = 5
    """N classes, or the size of y."""
    units: int = 128
    """Of the cell; the paper's are 200."""


class Lstm:
    """The learner."""

    name = "lstm"

    def __init__(self, config: LstmConfig) -> None:
        self.config = config
        self._encode = encoder.make(config.encoder)

    def init(self, seed: int) -> Params:
        """Fresh parameters."""
        rng = torch.Generator().manual_seed(seed)
        units, size = self.config.units, self._encode.size + self.config.outputs
        return {
            **self._encode.init(rng),
            **sequence.init_linear("cell", size + units, 4 * units, rng),
            **sequence.init_linear("out", units + self._encode.size, self.config.outputs, rng),
        }

    def adapt(self, theta: Params, support: Examples) -> Params:
        """(h, c) after reading (f(x_i), y_i) for i = 1 .. n, beside theta."""
        f, y = self._encode(theta, support.x), support.y
        y = y if y.is_floating_point() else one_hot(y, self.config.outputs).to(f.dtype)
        zero = f.new_zeros(self.config.units)
        h, c = zero, zero
        for each in torch.cat([f, y], -1):
            h, c = sequence.lstm_step(theta, "cell", each, (h, c))
        return {**theta, "h": h, "c": c}

    def predict(self, phi: Params, x: Tensor) -> Tensor:
        """The output after one more step with (f(x), -), each query by itself."""
        f = self._encode(phi, x)
        h, c = (phi[name].expand(len(x), -1) for name in ("h", "c"))
        blank = pad(f, (0, self.config.outputs))
        h, _ = sequence.lstm_step(phi, "cell", blank, (h, c))
        return sequence.apply_linear(phi, "out", torch.cat([h, f], -1))

    def task_loss(
        self, params: Params, task: Episodes, step: int
    ) -> tuple[Tensor, Mapping[str, float | Tensor]]:
        """The loss of the queries after the support set was read."""
        return query_loss(self, params, task)


def make(config: Mapping[str, Any]) -> Lstm:
    """The learner from its config as JSON values."""
    return Lstm(from_dict(LstmConfig, config))
