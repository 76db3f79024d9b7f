"""UMTRA: any N pictures are N classes, and their warps the queries (Khodadadeh et al. 2019).

No label is used: with many classes, N pictures drawn at random are seldom of the same one.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from robot_meta.data.classes import pixels
from robot_meta.data.warps import WarpConfig, warp
from robot_meta.errors import ConfigError, DataError
from robot_meta.few_shot import Episodes, Examples


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
