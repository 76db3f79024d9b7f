"""Many films of many tasks as arrays: evidence without states or actions.

N tasks, D films a task, F frames a film (one drawn from each of F equal stretches), H x W pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robot_meta.data import shards


@dataclass(frozen=True, eq=False)
class VideoSet:
    """Films of N tasks, whoever is in them; entry i is the task that entry i of a DemoSet is."""

    rgb: NDArray[np.uint8]
    """(N, D, F, H, W, 3)"""
    marker: NDArray[np.float32]
    """(N, D, F, 2, 2): xy in `base`, m, of the thing meant and of its destination, as if the
    robot's own camera had filmed them.

    Privileged: for training losses alone.
    """

    def __len__(self) -> int:
        """Number of tasks N."""
        return len(self.rgb)

    def save(self, path: Path) -> None:
        """Write one `.npz`, whole or not at all."""
        shards.save(self, path)

    @classmethod
    def load(cls, folder: Path, limit: int | None = None, side: int | None = None) -> VideoSet:
        """All shards of a folder, at most `limit` tasks; a robot's demos serve as films too.

        Pictures are averaged to `side` pixels, if that is given.

        Raises:
            DataError: if the folder has no shards, or one is of another format.
        """
        return shards.load(cls, folder, limit, side)
