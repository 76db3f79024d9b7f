"""A stem for pictures of twice the side that begins as one for the pictures averaged.

Things that differ in shape or pattern alone may be too small to be told apart in a coarse picture.
Training need not begin anew for a finer one: each first filter is spread over twice the side, so
that it sees what it saw, and beside it stand copies that also take notice of what averaging
2 x 2 pixels removes, to which nothing listens yet (function-preserving, as Chen et al. 2016,
"Net2Net").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from robot_meta.nets.vision import VisionConfig
from robot_meta.types import Params

COPIES = 1
"""New filters beside each old one."""
DETAIL = 1.0
"""Size of the new weights beside the old ones (standard deviations)."""


def config(coarse: VisionConfig) -> VisionConfig:
    """The sizes of the finer stem: as many cells, more filters at first."""
    return replace(
        coarse,
        image=(2 * coarse.image[0], 2 * coarse.image[1]),
        skip_rows=2 * coarse.skip_rows,
        channels=((1 + COPIES) * coarse.channels[0], *coarse.channels[1:]),
        kernels=(2 * coarse.kernels[0] + 1, *coarse.kernels[1:]),
        strides=(2 * coarse.strides[0], *coarse.strides[1:]),
    )


def shape(coarse: Params) -> torch.Size:
    """Of the finer stem's first filters."""
    count, colours, rows, columns = coarse["conv0.weight"].shape
    return torch.Size([(1 + COPIES) * count, colours, 2 * rows + 1, 2 * columns + 1])


def params(coarse: Params, sizes: VisionConfig, seed: int) -> Params:
    """Parameters of the finer stem beside all others of `coarse`, whose `sizes` are given.

    On pictures without detail (all 2 x 2 blocks of one colour) features are what they were.
    """
    rng = torch.Generator().manual_seed(seed)
    wide = spread(coarse["conv0.weight"])
    copies = [wide + _detail(wide.shape, rng) * wide.std() for _ in range(COPIES)]
    gain, bias = coarse["norm0.weight"], coarse["norm0.bias"]
    heard = coarse["conv1.weight"].transpose(0, 1)
    silent = [torch.zeros_like(heard)] * COPIES
    return {
        **coarse,
        "conv0.weight": _beside([wide, *copies], sizes.groups),
        "norm0.weight": _beside([gain] * (1 + COPIES), sizes.groups),
        "norm0.bias": _beside([bias] * (1 + COPIES), sizes.groups),
        "conv1.weight": _beside([heard, *silent], sizes.groups).transpose(0, 1).contiguous(),
    }


def _detail(shape: torch.Size, rng: torch.Generator) -> Tensor:
    """Random filters (c, 3, 2 k + 1, 2 k + 1) that see nothing in 2 x 2 blocks of one colour."""
    inner = DETAIL * torch.randn(*shape[:2], shape[2] - 1, shape[3] - 1, generator=rng)
    return torch.nn.functional.pad(inner - spread_blocks(mean_of_blocks(inner)), (1, 0, 1, 0))


def spread(weight: Tensor) -> Tensor:
    """Filters (c, 3, k, k) for 2 x 2 means as filters (c, 3, 2 k + 1, 2 k + 1) for the pixels.

    The first row and column are zero, so that padding by half the size keeps middles in place.
    """
    return torch.nn.functional.pad(spread_blocks(weight) / 4.0, (1, 0, 1, 0))


def spread_blocks(x: Tensor) -> Tensor:
    """(..., h, w) as (..., 2 h, 2 w), each number over 2 x 2."""
    return x.repeat_interleave(2, -2).repeat_interleave(2, -1)


def mean_of_blocks(x: Tensor) -> Tensor:
    """(..., 2 h, 2 w) as (..., h, w), each the mean of 2 x 2."""
    h, w = x.shape[-2:]
    return x.reshape(*x.shape[:-2], h // 2, 2, w // 2, 2).mean((-3, -1))


def _beside(parts: Sequence[Tensor], groups: int) -> Tensor:
    """Channels (c, ...) of several as one (n c, ...): in each group those of all, in turn."""
    cut = [x.reshape(groups, -1, *x.shape[1:]) for x in parts]
    return torch.cat(cut, 1).reshape(-1, *parts[0].shape[1:])
