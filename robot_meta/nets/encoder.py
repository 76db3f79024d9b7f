"""Encoders: x to D features. Every few-shot learner takes one and knows nothing else of x.

Written for one task; `torch.func.vmap` gives every task parameters of its own. Batch statistics are
those of the set that comes in, always: there are no running figures to leak between tasks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, Protocol

import torch
from torch import Tensor
from torch.nn.functional import conv2d, linear, relu

from robot_meta.errors import ConfigError
from robot_meta.types import Params

NORM_EPS = 1e-5


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """Of an encoder."""

    kind: Literal["conv", "plain", "mlp"] = "conv"
    """`plain`: convolutions without batch statistics (`robot_meta.nets.plain_conv`)."""
    inputs: tuple[int, ...] = (1, 28, 28)
    """Shape of one x: (C, H, W) for convolutions, (D,) for `mlp`."""
    widths: tuple[int, ...] = (64, 64, 64, 64)
    """Filters, or units, of each layer."""

    def __post_init__(self) -> None:
        """Refuse shapes that do not fit the kind."""
        wanted = {"conv": 3, "plain": 3, "mlp": 1}.get(self.kind)
        if wanted != len(self.inputs) or min((*self.inputs, *self.widths), default=0) < 1:
            raise ConfigError(
                f"encoder {self.kind!r}: inputs {self.inputs} and widths {self.widths}; a conv "
                "takes (C, H, W), an mlp (D,), and all sizes are at least 1"
            )


class Encoder(Protocol):
    """What learners need of one."""

    size: int
    """D."""

    def init(self, rng: torch.Generator) -> Params:
        """Fresh parameters, whose names begin with `encoder.`."""
        ...

    def __call__(self, params: Params, x: Tensor) -> Tensor:
        """Features (n, D) of x (n, *inputs)."""
        ...


def make(config: EncoderConfig) -> Encoder:
    """The encoder of a config."""
    if config.kind == "plain":
        from robot_meta.nets.plain_conv import PlainConv

        return PlainConv(config)
    return Conv(config) if config.kind == "conv" else Mlp(config)


class Conv:
    """Strided 3x3 convolutions, batch norm, ReLU (Vinyals et al. 2016; strides as in MAML's code).

    Batch norm is written out: torch 2.13's `grad(vmap(...))` of `batch_norm` with scale and shift
    inside gives wrong meta-gradients, silently; and one product and sum is less work twice derived.
    """

    def __init__(self, config: EncoderConfig) -> None:
        self._channels = (config.inputs[0], *config.widths)
        rows, columns = config.inputs[1:]
        for _ in config.widths:
            rows, columns = -(-rows // 2), -(-columns // 2)
        self.size = config.widths[-1] * rows * columns

    def init(self, rng: torch.Generator) -> Params:
        """He et al. 2015's normal weights."""
        out: Params = {}
        for i, (before, after) in enumerate(pairwise(self._channels)):
            scale = math.sqrt(2 / (9 * before))
            out[f"encoder.w{i}"] = scale * torch.randn(after, before, 3, 3, generator=rng)
            out[f"encoder.gain{i}"] = torch.ones(after)
            out[f"encoder.b{i}"] = torch.zeros(after)
        return out

    def __call__(self, params: Params, x: Tensor) -> Tensor:
        """Features (n, D)."""
        for i in range(len(self._channels) - 1):
            x = conv2d(x, params[f"encoder.w{i}"], stride=2, padding=1)
            x = relu(batch_norm(x, params[f"encoder.gain{i}"], params[f"encoder.b{i}"]))
        return x.flatten(1)


def batch_norm(x: Tensor, gain: Tensor, b: Tensor) -> Tensor:
    """Ioffe and Szegedy 2015, algorithm 1: gain (x - mean) / sqrt(var + eps) + b.

    Args:
        x: (n, C, H, W); mean and var are over all but C.
        gain: (C,).
        b: (C,).
    """
    # Sums go over pixels first, which lie side by side: all at once takes several times as long.
    count = len(x) * x.shape[2] * x.shape[3]
    mean = x.sum((2, 3)).sum(0) / count
    var = (x * x).sum((2, 3)).sum(0) / count - mean * mean
    scale = gain * torch.rsqrt(var.clamp(min=0) + NORM_EPS)
    return torch.addcmul((b - mean * scale)[:, None, None], x, scale[:, None, None])


class Mlp:
    """Linear layers with ReLU after each, as in MAML's regression."""

    def __init__(self, config: EncoderConfig) -> None:
        self._sizes = (*config.inputs, *config.widths)
        self.size = self._sizes[-1]

    def init(self, rng: torch.Generator) -> Params:
        """He et al. 2015's normal weights."""
        out: Params = {}
        for i, (before, after) in enumerate(pairwise(self._sizes)):
            out[f"encoder.w{i}"] = math.sqrt(2 / before) * torch.randn(after, before, generator=rng)
            out[f"encoder.b{i}"] = torch.zeros(after)
        return out

    def __call__(self, params: Params, x: Tensor) -> Tensor:
        """Features (n, D)."""
        for i in range(len(self._sizes) - 1):
            x = relu(linear(x, params[f"encoder.w{i}"], params[f"encoder.b{i}"]))
        return x


def linear_head(size: int, outputs: int, rng: torch.Generator) -> Params:
    """Fresh `head.w` (O, D) and `head.b`: small, as in MAML's code."""
    return {
        "head.w": 0.01 * torch.randn(outputs, size, generator=rng),
        "head.b": torch.zeros(outputs),
    }


def head(params: Params, features: Tensor) -> Tensor:
    """Outputs (n, O) of features (n, D)."""
    return linear(features, params["head.w"], params["head.b"])
