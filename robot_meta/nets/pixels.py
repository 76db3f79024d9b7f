"""Features of every pixel of a picture, small enough to train on one core.

B pictures of H rows and W columns (both multiples of 4), C features for each cell of 2x2 pixels.
Group norm is over one picture alone, so that no picture is seen through another.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import conv2d, group_norm, interpolate, layer_norm, relu

from robot_meta.errors import ConfigError
from robot_meta.types import Params

CELL = 2
"""Pixels of a cell in each direction."""


@dataclass(frozen=True, kw_only=True)
class PixelConfig:
    """Sizes."""

    widths: tuple[int, int, int] = (16, 24, 48)
    """Filters at once, in cells, and in blocks of 2x2 cells."""
    features: int = 32
    """C."""
    groups: int = 4

    def __post_init__(self) -> None:
        """Refuse filters that do not fall into groups."""
        wrong = [n for n in (*self.widths, self.features) if n < 1 or n % max(self.groups, 1)]
        if wrong or self.groups < 1:
            raise ConfigError(
                f"pixels: filters {self.widths} and {self.features} must be multiples of "
                f"groups >= 1, got {self.groups}"
            )


def init_layer(name: str, before: int, after: int, kernel: int, rng: torch.Generator) -> Params:
    """He et al. 2015's normal weights of one `layer`."""
    scale = math.sqrt(2 / (kernel * kernel * before))
    return {
        f"{name}.w": scale * torch.randn(after, before, kernel, kernel, generator=rng),
        f"{name}.gain": torch.ones(after),
        f"{name}.b": torch.zeros(after),
    }


def layer(
    params: Params, name: str, x: Tensor, groups: int, *, stride: int = 1, dilation: int = 1
) -> Tensor:
    """Convolution, group norm, ReLU: (B, before, h, w) to (B, after, h / stride, w / stride)."""
    w = params[f"{name}.w"]
    padding = dilation * (w.shape[-1] // 2)
    x = conv2d(x, w, stride=stride, padding=padding, dilation=dilation)
    return relu(group_norm(x, groups, params[f"{name}.gain"], params[f"{name}.b"]))


def init(config: PixelConfig, rng: torch.Generator) -> Params:
    """Fresh parameters, whose names begin with `pixels.`."""
    a, b, c = config.widths
    out = config.features
    sizes = {
        "near": (3, a, 5),
        "cell": (a, b, 3),
        "block": (b, c, 3),
        "wide": (c, c, 3),
        "wider": (c, c, 3),
        "join": (b + c, out, 1),
        "last": (out, out, 3),
    }
    params: Params = {}
    for name, (before, after, kernel) in sizes.items():
        params |= init_layer(f"pixels.{name}", before, after, kernel, rng)
    return params


def features(params: Params, rgb: Tensor, config: PixelConfig) -> Tensor:
    """(B, C, H/2, W/2) of pictures (B, 3, H, W) in [0, 1]; each cell's are of mean 0 and size 1."""

    def on(name: str, x: Tensor, stride: int = 1, dilation: int = 1) -> Tensor:
        return layer(params, f"pixels.{name}", x, config.groups, stride=stride, dilation=dilation)

    x = (2 * rgb - 1).contiguous(memory_format=torch.channels_last)
    cell = on("cell", on("near", x, stride=CELL))
    wide = on("wider", on("wide", on("block", cell, stride=2), dilation=2), dilation=4)
    back = interpolate(wide, scale_factor=2.0, mode="bilinear", align_corners=False)
    found = on("last", on("join", torch.cat([cell, back], 1)))
    return layer_norm(found.movedim(1, -1), (config.features,)).movedim(-1, 1)


def pool(values: Tensor) -> Tensor:
    """Means over cells (..., H/2, W/2) of values of pixels (..., H, W)."""
    h, w = values.shape[-2] // CELL, values.shape[-1] // CELL
    out: Tensor = values.reshape(*values.shape[:-2], h, CELL, w, CELL).mean((-3, -1))
    return out


def spread(cells: Tensor) -> Tensor:
    """(..., H, W) of cells' values (..., 4, H/2, W/2), one for each pixel of a cell, row by row."""
    h, w = cells.shape[-2:]
    x = cells.reshape(*cells.shape[:-3], CELL, CELL, h, w)  # (..., y, x, h, w)
    return x.movedim((-4, -3), (-3, -1)).reshape(*cells.shape[:-3], h * CELL, w * CELL)
