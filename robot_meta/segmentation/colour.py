"""What needs no learning: pixels of nearly the colour that was clicked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from robot_meta.config import from_dict
from robot_meta.errors import ConfigError
from robot_meta.segmentation.episodes import Episodes, Shown
from robot_meta.types import Params

FAR = 10.0
"""A distance beyond all colours."""


@dataclass(frozen=True, kw_only=True)
class ColourConfig:
    """Settings."""

    tolerance: float = 0.15
    """Distance in RGB, of 0..1 each, up to which a colour is that of the click."""

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        if not self.tolerance > 0:
            raise ConfigError(f"colour: need a tolerance > 0, got {self.tolerance}")


class Colour:
    """The rule, in the form of a learner without parameters."""

    name = "colour"

    def __init__(self, config: ColourConfig) -> None:
        self.config = config

    def init(self, seed: int) -> Params:
        """There are none."""
        return {}

    def scores(self, params: Params, shown: Shown, rgb: Tensor) -> Tensor:
        """How much nearer (B, n, H, W) a pixel is than the tolerance and than what is not meant."""
        like = _distance(shown.rgb, shown.positive, rgb)
        unlike = _distance(shown.rgb, shown.negative, rgb)
        return torch.minimum(unlike, torch.full_like(unlike, self.config.tolerance)) - like

    def task_loss(
        self, params: Params, task: Episodes, step: int
    ) -> tuple[Tensor, Mapping[str, float]]:
        """Nothing to learn."""
        raise ConfigError("colour: there is nothing to train; choose its tolerance instead")


def _distance(shown: Tensor, labels: Tensor, rgb: Tensor) -> Tensor:
    """From pixels of (B, 3, H, W) to the nearest labelled colour, (B, n, H, W); `FAR` if none."""
    out = torch.full((*labels.shape[:2], *rgb.shape[-2:]), FAR)
    for b in range(len(rgb)):
        pixels = rgb[b].flatten(1).T  # (H W, 3)
        for i in range(labels.shape[1]):
            clicked = shown[b].movedim(1, -1)[labels[b, i] > 0]
            if len(clicked):
                nearest = torch.cdist(pixels, clicked).amin(1)
                out[b, i] = nearest.view(rgb.shape[-2:])
    return out


def make(config: Mapping[str, Any]) -> Colour:
    """The rule from its config as JSON values."""
    return Colour(from_dict(ColourConfig, config))
