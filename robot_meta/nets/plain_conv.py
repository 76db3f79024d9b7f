"""Strided convolutions whose pictures are normalised each by itself.

With batch statistics (`robot_meta.nets.encoder.Conv`) what is said of a picture depends on the
others beside it. Where it is studied what a single picture gives away, or where pictures come one
by one, this is the encoder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import conv2d, layer_norm, relu

from robot_meta.types import Params

if TYPE_CHECKING:
    from robot_meta.nets.encoder import EncoderConfig


class PlainConv:
    """3x3 convolutions of stride 2, layer norm over each picture (Ba et al. 2016), ReLU."""

    def __init__(self, config: EncoderConfig) -> None:
        from robot_meta.nets.encoder import Conv

        self._twin, self._layers = Conv(config), len(config.widths)
        self.size = self._twin.size

    def init(self, rng: torch.Generator) -> Params:
        """Fresh parameters, of the names and shapes of `Conv`."""
        return self._twin.init(rng)

    def __call__(self, params: Params, x: Tensor) -> Tensor:
        """Features (n, D) of pictures (n, C, H, W): each depends on its own picture alone."""
        for i in range(self._layers):
            x = conv2d(x, params[f"encoder.w{i}"], stride=2, padding=1)
            x = layer_norm(x, x.shape[1:])
            gain, b = params[f"encoder.gain{i}"], params[f"encoder.b{i}"]
            x = relu(x * gain[:, None, None] + b[:, None, None])
        return x.flatten(1)
