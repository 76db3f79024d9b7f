"""One-shot learning for semantic segmentation: weights inferred from a labelled picture.

Shaban et al. 2017: a support branch g reads a picture and its label and gives the weights of a
logistic regression over the features of the query's pixels. Theirs reads a picture masked by a
whole mask; as ours may be a few pixels, the labels are channels of the input beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from robot_meta.config import from_dict
from robot_meta.nets import pixels
from robot_meta.nets.pixels import PixelConfig, init_layer, layer
from robot_meta.segmentation.episodes import Episodes, Shown
from robot_meta.segmentation.losses import mask_loss
from robot_meta.types import Params

NEAR = 4
"""The picture is also shown masked by what is so many cells around the labels."""


@dataclass(frozen=True, kw_only=True)
class OslsmConfig:
    """Settings."""

    net: PixelConfig = field(default_factory=PixelConfig)
    """Of the branch that reads queries."""
    widths: tuple[int, int, int] = (16, 32, 48)
    """Filters of the support branch."""


class Oslsm:
    """The learner."""

    name = "oslsm"

    def __init__(self, config: OslsmConfig) -> None:
        self.config = config

    def init(self, seed: int) -> Params:
        """Fresh parameters."""
        rng = torch.Generator().manual_seed(seed)
        params = pixels.init(self.config.net, rng)
        before = 8
        for i, after in enumerate(self.config.widths):
            params |= init_layer(f"support.{i}", before, after, 3, rng)
            before = after
        outputs = pixels.CELL**2
        size = outputs * (self.config.net.features + 1)
        params["weights.w"] = 0.02 * torch.randn(size, 2 * before, generator=rng)
        params["weights.b"] = torch.zeros(size)
        params["weights.b"][-outputs:] = -3.0
        return params

    def weights(self, params: Params, shown: Shown) -> Tensor:
        """Eq. 1: w, b = g(picture, label), (B, n, S, 4, C + 1): one for each pixel of a cell."""
        b, n, s = shown.positive.shape[:3]
        picture = pixels.pool(2 * shown.rgb - 1)[:, None].expand(b, n, s, -1, -1, -1)
        labels = torch.stack([shown.positive, shown.negative], 3)
        labels = max_pool2d(labels.flatten(0, 2), pixels.CELL)
        labels = labels.view(b, n, s, *labels.shape[1:])
        around = max_pool2d(labels[:, :, :, 0].flatten(0, 1), 2 * NEAR + 1, 1, NEAR)
        around = around.view(b, n, *around.shape[1:])[:, :, :, None]
        x = torch.cat([picture, picture * around, labels], 3).flatten(0, 2)
        for i in range(len(self.config.widths)):
            x = layer(params, f"support.{i}", x, self.config.net.groups, stride=2)
        read = torch.cat([x.mean((-2, -1)), x.amax((-2, -1))], 1)
        out = read @ params["weights.w"].T + params["weights.b"]
        c, outputs = self.config.net.features, pixels.CELL**2
        w, bias = out[:, : outputs * c], out[:, outputs * c :]
        both = torch.cat([w.reshape(-1, outputs, c), bias[..., None]], -1)
        return both.view(b, n, s, *both.shape[1:])

    def scores(self, params: Params, shown: Shown, rgb: Tensor) -> Tensor:
        """Eq. 2: log-odds w F + b; of several shots the largest, the paper's union of masks."""
        f = pixels.features(params, rgb, self.config.net)
        both = self.weights(params, shown)
        w, b = both[..., :-1], both[..., -1]
        cells = torch.einsum("bnsoc,bcyx->bnsoyx", w, f) + b[..., None, None]
        return pixels.spread(cells).amax(2)

    def task_loss(
        self, params: Params, task: Episodes, step: int
    ) -> tuple[Tensor, Mapping[str, float]]:
        """The loss of the queries' masks."""
        return mask_loss(self.scores(params, task.shown, task.rgb), task), {}


def make(config: Mapping[str, Any]) -> Oslsm:
    """The learner from its config as JSON values."""
    return Oslsm(from_dict(OslsmConfig, config))
