"""Guided networks: labelled pixels become a guide to look for (Rakelly et al. 2018).

Features of pictures know nothing of the labels (the paper's late fusion), so that a new click costs
one mean, and one set of parameters serves any number of clicks and pictures.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from robot_meta.config import from_dict
from robot_meta.nets import pixels
from robot_meta.nets.pixels import PixelConfig
from robot_meta.segmentation.episodes import Episodes, Shown
from robot_meta.segmentation.losses import mask_loss
from robot_meta.types import Params


@dataclass(frozen=True, kw_only=True)
class GuidedConfig:
    """Settings."""

    net: PixelConfig = field(default_factory=PixelConfig)
    hidden: int = 32
    """Units of the head that scores a cell."""


class Guide(NamedTuple):
    """What labelled pixels say of a thing; (B, n, C) and (B, n)."""

    positive: Tensor
    """z+: the mean feature of the thing's pixels."""
    negative: Tensor
    """z-: that of the pixels which are not of it; 0 where there are none."""
    warned: Tensor
    """1 where there are such pixels, else 0."""


class Guided:
    """The learner."""

    name = "guided"

    def __init__(self, config: GuidedConfig) -> None:
        self.config = config

    def init(self, seed: int) -> Params:
        """Fresh parameters."""
        rng = torch.Generator().manual_seed(seed)
        c, h = self.config.net.features, self.config.hidden
        params = pixels.init(self.config.net, rng)
        for name in ("plain", "like", "unlike"):
            params[f"head.{name}"] = torch.randn(h, c, generator=rng) / math.sqrt(c)
        params["head.guide"] = torch.randn(h, 2 * c + 1, generator=rng) / math.sqrt(2 * c)
        params["head.b"] = torch.zeros(h)
        params["head.score"] = 0.1 * torch.randn(pixels.CELL**2, h, generator=rng)
        params["head.score_b"] = torch.full((pixels.CELL**2,), -3.0)
        return params

    def guide(self, params: Params, shown: Shown) -> Guide:
        """Section 3: z = the mean of the features under each label, over all shots."""
        f = pixels.features(params, shown.rgb.flatten(0, 1), self.config.net)
        f = f.view(*shown.rgb.shape[:2], *f.shape[1:])  # (B, S, C, h, w)
        positive, _ = _masked_mean(f, shown.positive)
        negative, weight = _masked_mean(f, shown.negative)
        return Guide(positive, negative, (weight > 0).to(f.dtype))

    def segment(self, params: Params, guide: Guide, rgb: Tensor) -> Tensor:
        """Log-odds (B, n, H, W) of pictures (B, 3, H, W): f(query, z), the paper's inference.

        What a cell is scored by is its features F, and F * z+ and F * z-, which say how alike the
        two are. As these are linear in F, each thing has a 1x1 convolution of its own.
        """
        f = pixels.features(params, rgb, self.config.net)
        plain, like, unlike = (params[f"head.{name}"] for name in ("plain", "like", "unlike"))
        kernel = plain + like * guide.positive[:, :, None] + unlike * guide.negative[:, :, None]
        told = torch.cat([guide.positive, guide.negative, guide.warned[..., None]], -1)
        b = told @ params["head.guide"].T + params["head.b"]  # (B, n, hidden)
        hidden = torch.einsum("bnkc,bcyx->bnkyx", kernel, f) + b[..., None, None]
        cells = torch.einsum("ok,bnkyx->bnoyx", params["head.score"], hidden.relu())
        return pixels.spread(cells + params["head.score_b"][:, None, None])

    def scores(self, params: Params, shown: Shown, rgb: Tensor) -> Tensor:
        """Log-odds (B, n, H, W) for pictures (B, 3, H, W)."""
        return self.segment(params, self.guide(params, shown), rgb)

    def task_loss(
        self, params: Params, task: Episodes, step: int
    ) -> tuple[Tensor, Mapping[str, float]]:
        """The loss of the queries' masks."""
        return mask_loss(self.scores(params, task.shown, task.rgb), task), {}


def _masked_mean(features: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Means (B, n, C) of features (B, S, C, h, w) where labels (B, n, S, H, W) are 1; weights."""
    share = pixels.pool(labels)
    total = torch.einsum("bscyx,bnsyx->bnc", features, share)
    weight = share.sum((-3, -2, -1))
    return total / weight.clamp(min=1e-6)[..., None], weight


def make(config: Mapping[str, Any]) -> Guided:
    """The learner from its config as JSON values."""
    return Guided(from_dict(GuidedConfig, config))
