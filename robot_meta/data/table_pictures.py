"""Labelled pictures of the table, rendered once and kept: several pictures of each set of things.

T tasks, V pictures of each, n things in a task, pictures of H rows and W columns. They come from a
Gymnasium environment by its id, as everything of the world does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from robot_meta.data.kept import kept
from robot_meta.errors import ConfigError, DataError
from robot_meta.experiment_table import Watch

ENVIRONMENT = "sim:sim/TablePictures-v0"
FOLDER = Path("data")
THINGS = 3
_ARRAYS = ("rgb", "things", "shapes")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which pictures."""

    family: str = "reach"
    """`reach` for solid things, `place` for open containers."""
    split: str = "train"
    tasks: int = 100
    """T, from the first of the split."""
    views: int = 2
    """V."""
    domain: str | None = None
    """Of the camera and the surroundings; the robot's own if None."""
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what has no pictures."""
        if min(self.tasks, self.views) < 1 or self.seed < 0:
            raise ConfigError(f"need tasks and views >= 1 and a seed >= 0, got {self}")

    @property
    def name(self) -> str:
        """Of the file that keeps them: no two wants share one."""
        kind = self.family if self.domain is None else f"{self.family}-{self.domain}"
        return f"table-{kind}-{self.split}-{self.tasks}x{self.views}-seed{self.seed}.npz"


@dataclass(frozen=True, eq=False)
class TableSet:
    """Pictures with what each pixel shows."""

    rgb: NDArray[np.uint8]
    """(T, V, H, W, 3)."""
    things: NDArray[np.uint8]
    """(T, V, H, W): 0 where there is no thing, else 1 + its number."""
    shapes: NDArray[np.str_]
    """(T, n): the shape of each thing."""

    def __post_init__(self) -> None:
        """Refuse arrays that do not fit each other."""
        fits = (
            self.rgb.ndim == 5
            and self.rgb.shape[-1] == 3
            and self.rgb.dtype == self.things.dtype == np.uint8
            and self.rgb.shape[:4] == self.things.shape
            and self.shapes.shape == (len(self.rgb), THINGS)
        )
        if not fits:
            raise DataError(
                f"table set: rgb {self.rgb.dtype} {self.rgb.shape}, things {self.things.dtype} "
                f"{self.things.shape}, shapes {self.shapes.shape}; expected uint8 (T, V, H, W, 3), "
                f"uint8 (T, V, H, W) and (T, {THINGS})"
            )
        if len(self.things) and self.things.max() > THINGS:
            raise DataError(f"table set: thing {self.things.max()}, expected 0 to {THINGS}")

    def __len__(self) -> int:
        """T."""
        return len(self.rgb)

    @classmethod
    def joined(cls, parts: Sequence[TableSet]) -> TableSet:
        """Tasks of several sets, one after the other."""
        return cls(*(np.concatenate([getattr(part, key) for part in parts]) for key in _ARRAYS))


def rendered(wanted: Wanted, watch: Watch = lambda things, *_: things) -> TableSet:
    """Draw the pictures."""
    env: Any = gymnasium.make(
        ENVIRONMENT,
        disable_env_checker=True,
        family=wanted.family,
        split=wanted.split,
        domain=wanted.domain,
    ).unwrapped
    rgb, things, shapes = [], [], []
    what = f"pictures of {wanted.domain or wanted.family}, {wanted.split}"
    tasks: Iterable[int] = watch(range(wanted.tasks), what, wanted.tasks)
    for task in tasks:
        for trial in range(wanted.views):
            options = {"task": task, "trial": trial}
            shown, info = env.reset(seed=wanted.seed, options=options)
            rgb.append(shown["rgb"])
            things.append(info["things"])
        shapes.append([look.shape for look in info["looks"]])
    env.close()
    size = (wanted.tasks, wanted.views)
    return TableSet(
        np.stack(rgb).reshape(*size, *rgb[0].shape),
        np.stack(things).reshape(*size, *things[0].shape),
        np.array(shapes),
    )


def load(
    wanted: Wanted, folder: Path | None = None, watch: Watch = lambda things, *_: things
) -> TableSet:
    """The pictures from the file that keeps them, which is made if it is not there.

    Args:
        wanted: which.
        folder: of the file; data/ if not given.
        watch: passes tasks through while showing progress (tasks, what, total).

    Raises:
        DataError: the file is damaged or not of such pictures.
    """
    path = (folder or FOLDER) / wanted.name
    held = kept(path, _ARRAYS, lambda: vars(rendered(wanted, watch)))
    return TableSet(**held)
