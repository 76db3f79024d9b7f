"""Tasks of segmentation: pictures with a few labelled pixels, and another to find the thing in.

B scenes, n things of each that are asked for in turn, S labelled pictures ("shots") of a scene,
H rows and W columns. The things of a scene share its pictures, so that features are found once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from robot_meta.data.table_pictures import THINGS, TableSet
from robot_meta.errors import ConfigError
from robot_meta.types import Params

ALL = 0
"""As a number of clicks: every pixel of the thing is labelled."""
VISIBLE = 12
"""A thing of which fewer pixels show is not asked for."""


class Shown(NamedTuple):
    """Pictures of which some pixels are labelled."""

    rgb: Tensor
    """(B, S, 3, H, W) in [0, 1]."""
    positive: Tensor
    """(B, n, S, H, W): 1 where a pixel is said to be of the thing, else 0."""
    negative: Tensor
    """(B, n, S, H, W): 1 where a pixel is said not to be of it, else 0."""


class Episodes(NamedTuple):
    """B scenes with what is asked for in each."""

    shown: Shown
    rgb: Tensor
    """(B, 3, H, W): the query."""
    mask: Tensor
    """(B, n, H, W): 1 where the thing is."""
    asked: Tensor
    """(B, n): 1, or 0 where too little of the thing is to be seen."""


class Segmenter(Protocol):
    """What learns to find things from labelled pixels."""

    name: str
    config: Any

    def init(self, seed: int) -> Params:
        """Fresh parameters."""
        ...

    def scores(self, params: Params, shown: Shown, rgb: Tensor) -> Tensor:
        """Log-odds (B, n, H, W) that a pixel of pictures (B, 3, H, W) is of the thing."""
        ...

    def task_loss(
        self, params: Params, task: Episodes, step: int
    ) -> tuple[Tensor, Mapping[str, float]]:
        """What is minimised, and figures to log."""
        ...


@dataclass(frozen=True, kw_only=True)
class Clicking:
    """How many pixels are labelled, in each shot of each thing."""

    shots: int = 1
    """S."""
    positive: int = 3
    """Pixels of the thing; `ALL` is its whole mask."""
    negative: int = 0
    """Pixels of anything else; every second of them on another thing."""

    def __post_init__(self) -> None:
        """Refuse numbers below what can be done."""
        if self.shots < 1 or min(self.positive, self.negative) < 0:
            raise ConfigError(f"need shots >= 1 and clicks >= 0, got {self}")


def draw(
    data: TableSet, tasks: NDArray[np.int64], how: Clicking, rng: np.random.Generator
) -> Episodes:
    """Episodes of some tasks of a set: all their things, in pictures drawn anew.

    Raises:
        ConfigError: fewer pictures a task than shots and a query.
    """
    views = data.rgb.shape[1]
    if how.shots + 1 > views:
        raise ConfigError(f"{how.shots} shots and a query: there are {views} pictures a task")
    order = rng.random((len(tasks), views)).argsort(1)[:, : how.shots + 1]
    rgb, things = data.rgb[tasks[:, None], order], data.things[tasks[:, None], order]
    masks = things[:, None] == np.arange(1, THINGS + 1)[:, None, None, None]  # (B, n, S + 1, H, W)
    seen = masks.sum((-2, -1)) >= VISIBLE
    shown, query = masks[:, :, :-1], masks[:, :, -1]
    others = (things > 0)[:, None, :-1] & ~shown
    on_things = how.negative // 2
    positive = shown if how.positive == ALL else picked(shown, how.positive, rng)
    negative = picked(others, on_things, rng) | picked(~shown, how.negative - on_things, rng)
    pictures = torch.from_numpy(np.moveaxis(rgb, -1, 2).copy()).float() / 255
    return Episodes(
        Shown(pictures[:, :-1], _numbers(positive), _numbers(negative)),
        pictures[:, -1],
        _numbers(query),
        _numbers(seen.all(2)),
    )


def picked(allowed: NDArray[np.bool_], count: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """`count` of the allowed pixels (..., H, W) of each picture; all where there are fewer."""
    if count == 0:
        return np.zeros_like(allowed)
    height = np.where(allowed, rng.random(allowed.shape, np.float32), -1.0)
    flat = height.reshape(*allowed.shape[:-2], -1)
    least = np.partition(flat, -count, axis=-1)[..., -count]
    return allowed & (height >= least[..., None, None])


def _numbers(values: NDArray[np.bool_]) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))
