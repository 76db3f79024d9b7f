"""Pictures of single things on a table by domain, for telling shapes apart: rendered once and kept.

M pictures of SIDE x SIDE pixels, cut out of what the camera sees around each thing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import gymnasium
import numpy as np
from numpy.typing import NDArray

from robot_meta.data.kept import Arrays, kept
from robot_meta.errors import ConfigError, DataError

ENVIRONMENT, FOLDER = "sim:sim/TablePictures-v0", Path("data")
DOMAINS = ("angle", "surface", "light", "cast")
SHAPES = ("circle", "half_disc", "rectangle", "square", "triangle")
"""Those of all splits: the classes."""
SIDE, CUT = 32, 60
"""Of a picture, and of what is cut out for it, in pixels."""
VISIBLE = 60
"""A thing of which fewer pixels show is left out."""
_ARRAYS = ("rgb", "shape", "task")
Show = Callable[[Iterable[int], str, int], Iterable[int]]


@dataclass(frozen=True, eq=False)
class Crops:
    """Of one domain and split."""

    rgb: NDArray[np.uint8]
    """(M, SIDE, SIDE, 3)."""
    shape: NDArray[np.int64]
    """(M,) index into `SHAPES`."""
    task: NDArray[np.int64]
    """(M,): pictures of one task are of the same things."""

    def __post_init__(self) -> None:
        """Refuse arrays that do not fit each other."""
        m = len(self.rgb)
        if self.rgb.shape != (m, SIDE, SIDE, 3) or self.rgb.dtype != np.uint8:
            raise DataError(f"crops: rgb {self.rgb.dtype} {self.rgb.shape}")
        if self.shape.shape != (m,) or self.task.shape != (m,):
            raise DataError(
                f"crops: {m} pictures, {self.shape.shape} shapes, {self.task.shape} tasks"
            )
        if m and not 0 <= self.shape.min() <= self.shape.max() < len(SHAPES):
            raise DataError(f"crops: a shape outside 0 .. {len(SHAPES) - 1}")

    def __len__(self) -> int:
        """M."""
        return len(self.rgb)


def load(
    domain: str, split: str, tasks: int, views: int, show: Show = lambda things, *_: things
) -> Crops:
    """The pictures from the file that keeps them, which is made if it is not there.

    Args:
        domain: of `DOMAINS`.
        split: of the things' looks.
        tasks: scenes of three things.
        views: pictures of each.
        show: passes tasks through while showing progress (tasks, what, total).

    Raises:
        ConfigError: an unknown domain, or no pictures are wanted.
        DataError: the file is damaged.
    """
    if domain not in DOMAINS or min(tasks, views) < 1:
        raise ConfigError(
            f"domain {domain!r}, {tasks} tasks, {views} views; of {DOMAINS}, each > 0"
        )
    path = FOLDER / f"domain-{domain}-{split}-{tasks}x{views}.npz"
    return Crops(**kept(path, _ARRAYS, lambda: _rendered(domain, split, tasks, views, show)))


def _rendered(domain: str, split: str, tasks: int, views: int, show: Show) -> Arrays:
    """The arrays of `Crops`."""
    env: Any = gymnasium.make(
        ENVIRONMENT, disable_env_checker=True, split=split, domain=domain, whole=True
    ).unwrapped
    rows: list[tuple[NDArray[np.uint8], int, int]] = []
    for task in show(range(tasks), f"pictures of {domain}, {split}", tasks):
        for trial in range(views):
            seen, info = env.reset(seed=0, options={"task": task, "trial": trial})
            for n, look in enumerate(info["looks"]):
                mask = info["things"] == n + 1
                if look.shape in SHAPES and mask.sum() >= VISIBLE:
                    rows.append((cut(seen["rgb"], mask), SHAPES.index(look.shape), task))
    env.close()
    pictures, shapes, numbers = zip(*rows, strict=True)
    return {
        "rgb": np.stack(pictures),
        "shape": np.array(shapes, np.int64),
        "task": np.array(numbers, np.int64),
    }


def cut(rgb: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """(SIDE, SIDE, 3) around the middle of the mask; the picture's edge goes on beyond it."""
    y, x = (round(float(where.mean())) for where in np.nonzero(mask))
    half = CUT // 2
    wide = cv2.copyMakeBorder(rgb, half, half, half, half, cv2.BORDER_REPLICATE)
    return np.asarray(
        cv2.resize(wide[y : y + CUT, x : x + CUT], (SIDE, SIDE), interpolation=cv2.INTER_AREA),
        np.uint8,
    )
