"""UMTRA: any N pictures are N classes, and their warps the queries (Khodadadeh et al. 2019).

No label is used: with many classes, N pictures drawn at random are seldom of the same one.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from robot_meta.data.classes import pixels
from robot_meta.errors import ConfigError, DataError
from robot_meta.few_shot import Episodes, Examples

GRID = 4
"""Points along each side that are moved at random; between them the bend is smooth."""


@dataclass(frozen=True, kw_only=True)
class WarpConfig:
    """Sizes of a random warp: standard deviations, of pictures 28 pixels wide."""

    turn_rad: float = 0.15
    stretch: float = 0.12
    """Of each element of the linear map, besides the turn."""
    shift_px: float = 1.5
    bend_px: float = 1.0
    """Of each point of a coarse grid."""

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        if not min(self.turn_rad, self.stretch, self.shift_px, self.bend_px) >= 0:
            raise ConfigError(f"warp: sizes must be >= 0, got {self}")


def warp(
    picture: NDArray[np.uint8], config: WarpConfig, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """A picture (H, W[, 3]) turned, stretched, shifted and bent at random; what enters is black."""
    height, width = picture.shape[:2]
    unit = width / 28
    turn = rng.normal(0, config.turn_rad)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    linear = (rotation + rng.normal(0, config.stretch, (2, 2))).astype(np.float32)
    shift = rng.normal(0, unit * config.shift_px, 2).astype(np.float32)
    coarse = rng.normal(0, unit * config.bend_px, (GRID, GRID, 2)).astype(np.float32)
    bend = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    middle = np.array([(width - 1) / 2, (height - 1) / 2], np.float32)
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    around = np.stack([columns, rows], -1).astype(np.float32) - middle
    source = around @ linear.T + middle + shift + bend
    moved = cv2.remap(picture, source[..., 0], source[..., 1], cv2.INTER_LINEAR)
    return np.asarray(moved, np.uint8)


class AugmentedTasks:
    """Draws N-way K-shot tasks: a class is a picture, its examples are warps of it.

    The first of the support set is the picture itself. With `rotate`, each class is turned by a
    multiple of 90 degrees first, as characters are.
    """

    def __init__(
        self,
        images: NDArray[np.uint8],
        *,
        way: int,
        shot: int,
        query: int,
        rotate: bool = False,
        warps: WarpConfig | None = None,
    ) -> None:
        if min(way, shot, query) < 1:
            raise ConfigError(f"need way, shot and query >= 1, got {way}, {shot} and {query}")
        if len(images) < way:
            raise DataError(f"way {way}: there are only {len(images)} pictures")
        self._images, self._rotate, self._warps = images, rotate, warps or WarpConfig()
        self.way, self.shot, self.query = way, shot, query

    def draw(self, rng: np.random.Generator, tasks: int) -> Episodes:
        """`tasks` tasks: support (B, N K, C, H, W), query (B, N Q, C, H, W)."""
        count = self.shot + self.query
        drawn = np.stack([self._class(rng, i) for _ in range(tasks) for i in self._chosen(rng)])
        x = pixels(drawn.reshape(-1, *drawn.shape[2:]))
        x = x.view(tasks, self.way, count, *x.shape[1:])
        y = torch.arange(self.way).view(1, -1, 1).expand(tasks, -1, count)
        support, query = (
            Examples(x[:, :, part].flatten(1, 2), y[:, :, part].flatten(1))
            for part in (slice(0, self.shot), slice(self.shot, count))
        )
        return Episodes(support, query)

    def _chosen(self, rng: np.random.Generator) -> NDArray[np.int64]:
        return rng.choice(len(self._images), self.way, replace=False)

    def _class(self, rng: np.random.Generator, index: int) -> NDArray[np.uint8]:
        picture = self._images[index]
        if self._rotate:
            picture = np.ascontiguousarray(np.rot90(picture, int(rng.integers(4))))
        others = self.shot + self.query - 1
        return np.stack([picture, *(warp(picture, self._warps, rng) for _ in range(others))])
