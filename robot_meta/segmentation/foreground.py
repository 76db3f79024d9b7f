"""The usual way: a network that tells things from the table, fine-tuned on the labelled pixels.

Trained to mark everything that lies there; then only its last layer is moved, by gradient steps on
what the clicks say and, as one class alone teaches nothing, on what it takes for table itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softplus

from robot_meta.config import from_dict
from robot_meta.errors import ConfigError
from robot_meta.nets import pixels
from robot_meta.nets.pixels import PixelConfig
from robot_meta.segmentation.episodes import Episodes, Shown
from robot_meta.segmentation.losses import mask_loss
from robot_meta.types import Params


@dataclass(frozen=True, kw_only=True)
class ForegroundConfig:
    """Settings."""

    net: PixelConfig = field(default_factory=PixelConfig)
    alpha: float = 1.0
    """Step size of fine-tuning."""
    steps: int = 20
    """Steps of fine-tuning; with 0 everything that lies there is marked, whatever is clicked."""

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        if not self.alpha > 0 or self.steps < 0:
            raise ConfigError(f"foreground: need alpha > 0 and steps >= 0, got {self}")


class Foreground:
    """The learner."""

    name = "foreground"

    def __init__(self, config: ForegroundConfig) -> None:
        self.config = config

    def init(self, seed: int) -> Params:
        """Fresh parameters."""
        rng = torch.Generator().manual_seed(seed)
        c, outputs = self.config.net.features, pixels.CELL**2
        params = pixels.init(self.config.net, rng)
        params["head.w"] = torch.randn(outputs, c, generator=rng) / math.sqrt(c)
        params["head.b"] = torch.full((outputs,), -3.0)
        return params

    def scores(self, params: Params, shown: Shown, rgb: Tensor) -> Tensor:
        """Log-odds (B, n, H, W) after fine-tuning the last layer for each thing."""
        with torch.no_grad():
            w, b = self.tuned(params, shown)
            f = pixels.features(params, rgb, self.config.net)
            return pixels.spread(torch.einsum("bnoc,bcyx->bnoyx", w, f) + b[..., None, None])

    def tuned(self, params: Params, shown: Shown) -> tuple[Tensor, Tensor]:
        """W (B, n, 4, C) and b (B, n, 4) after gradient steps on the labelled pixels."""
        things, shots = shown.positive.shape[1:3]
        f = pixels.features(params, shown.rgb.flatten(0, 1), self.config.net)
        own = pixels.spread(_cells(f, params["head.w"], params["head.b"]))
        table = (own < 0).float().view(-1, 1, shots, *own.shape[1:]) * (1 - shown.positive)
        f = f.reshape(-1, shots, *f.shape[1:])
        w = params["head.w"].expand(len(f), things, -1, -1).clone()
        b = params["head.b"].expand(len(f), things, -1).clone()
        for _ in range(self.config.steps):
            with torch.enable_grad():
                w.requires_grad_()
                b.requires_grad_()
                cells = torch.einsum("bnoc,bscyx->bnsoyx", w, f) + b[:, :, None, :, None, None]
                loss = labelled_loss(pixels.spread(cells), shown, table).sum()
                on_w, on_b = torch.autograd.grad(loss, (w, b))
            w, b = w.detach() - self.config.alpha * on_w, b.detach() - self.config.alpha * on_b
        return w, b

    def task_loss(
        self, params: Params, task: Episodes, step: int
    ) -> tuple[Tensor, Mapping[str, float]]:
        """The loss of one mask of everything that lies there."""
        f = pixels.features(params, task.rgb, self.config.net)
        scores = pixels.spread(_cells(f, params["head.w"], params["head.b"]))[:, None]
        everything = task.mask.amax(1, keepdim=True)
        whole = task._replace(mask=everything, asked=torch.ones(len(scores), 1))
        return mask_loss(scores, whole), {}


def labelled_loss(scores: Tensor, shown: Shown, table: Tensor) -> Tensor:
    """Cross entropy (B, n) of labelled pixels (B, n, S, H, W).

    The thing's pixels, those that are said not to be of it, and the `table` weigh as much as each
    other, however many they are.
    """
    like, unlike = softplus(-scores), softplus(scores)
    parts = ((like, shown.positive), (unlike, shown.negative), (unlike, table))
    total = torch.zeros(scores.shape[:2])
    for loss, where in parts:
        total = total + (loss * where).sum((2, 3, 4)) / where.sum((2, 3, 4)).clamp(min=1)
    return total


def _cells(features: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return torch.einsum("oc,bcyx->boyx", w, features) + b[:, None, None]


def make(config: Mapping[str, Any]) -> Foreground:
    """The learner from its config as JSON values."""
    return Foreground(from_dict(ForegroundConfig, config))
