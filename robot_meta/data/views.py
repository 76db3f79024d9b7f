"""Views of shapes all around, to be imagined from one of them (Gordon et al. 2019, section 6.3)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from robot_meta.data.kept import kept
from robot_meta.data.objects import BLOCKS, Split, file_of, grey, names, render
from robot_meta.errors import ConfigError, DataError
from robot_meta.few_shot import Episodes, Examples

FAMILIES = (
    *("bed", "boat", "car", "chair", "lamp", "monitor"),
    *("mug", "plane", "sofa", "table", "tower", "truck"),
)
"""Twelve, as in the published experiment."""
SHAPES: dict[Split, int] = {"train": 300, "val": 36, "test": 84}
VIEWS, SIZE = 36, 32
"""Azimuths, one each 10 degrees, and pixels: as published."""
TURNS = 3
"""An azimuth is told as sines and cosines of so many multiples of it."""


@dataclass(frozen=True, eq=False)
class ViewSet:
    """T shapes from V azimuths."""

    images: NDArray[np.uint8]
    """(T, V, S, S), grey; view v is from azimuth 2 pi v / V."""
    shapes: tuple[str, ...]
    """(T,)."""

    def __post_init__(self) -> None:
        """Refuse what does not fit together."""
        if self.images.ndim != 4 or len(self.images) != len(self.shapes):
            raise DataError(
                f"views: images {self.images.shape} of {len(self.shapes)} shapes, need (T, V, S, S)"
            )

    def __len__(self) -> int:
        """Shapes T."""
        return len(self.shapes)

    def pixels(self) -> torch.Tensor:
        """(T, V, S S) in [0, 1]."""
        return torch.from_numpy(self.images).flatten(2).float() / 255


def load(split: Split, folder: Path | None = None) -> ViewSet:
    """The shapes of a split, rendered once."""
    return rendered(split, SHAPES[split], VIEWS, SIZE, folder)


def rendered(
    split: Split, count: int, views: int, size: int, folder: Path | None = None
) -> ViewSet:
    """`count` shapes from `views` azimuths at `size` pixels, with nothing around them."""
    shown = names(split, count, FAMILIES)

    def make() -> dict[str, NDArray[Any]]:
        turns = 2 * np.pi * np.arange(views) / views
        wanted = [{"shape": name, "bearing_rad": t, **_STILL} for name in shown for t in turns]
        images, _ = render(wanted, size, BLOCKS[split])
        return {"images": grey(images).reshape(count, views, size, size)}

    request = {"split": split, "count": count, "views": views, "size": size}
    held = kept(file_of("views", request, folder), ("images",), make)
    return ViewSet(held["images"], tuple(shown))


_STILL: dict[str, Any] = {
    "position_m": (0.0, 0.0),
    "azimuth_rad": 0.0,
    "elevation_rad": 0.5,
    "distance_m": 1.3,
    "light": 0.8,
    "light_dir": (0.4, 0.3, -1.0),
    "ground": -1,
    "hue": 0.0,
    "bright": 1.0,
    "pattern": 0,
}


def directions(views: int, turns: int = TURNS) -> torch.Tensor:
    """Each azimuth as numbers, (V, 2 turns): sin k a and cos k a for k = 1 .. turns."""
    angle = 2 * torch.pi * torch.arange(views) / views
    multiples = angle[:, None] * torch.arange(1, turns + 1)
    return torch.cat([multiples.sin(), multiples.cos()], 1)


class ViewTasks:
    """Draws tasks: a shape, 1 to K of its views to see and Q others to imagine.

    x is an azimuth as `directions` tells it, y the pixels: a task is to learn a function from
    azimuths to pictures from some of its values.
    """

    def __init__(self, data: ViewSet, *, shot: int, query: int) -> None:
        views = data.images.shape[1]
        if min(shot, query) < 1 or shot + query > views:
            raise ConfigError(f"{shot} views to see and {query} to imagine, of {views}")
        self.shot, self.query, self._count = shot, query, views
        self._pixels, self._x = data.pixels(), directions(views)

    def draw(self, rng: np.random.Generator, tasks: int) -> Episodes:
        """`tasks` tasks, all with equally many views to see, from 1 to K."""
        which = rng.choice(len(self._pixels), tasks, replace=tasks > len(self._pixels))
        return self.of(which, int(rng.integers(1, self.shot + 1)), rng)

    def of(self, which: NDArray[np.int64], shot: int, rng: np.random.Generator) -> Episodes:
        """These shapes (B,): support x (B, shot, F), y (B, shot, S S) and query likewise."""
        index = rng.random((len(which), self._count)).argsort(1)[:, : shot + self.query]
        at = torch.from_numpy(index)
        x, y = self._x[at], self._pixels[torch.from_numpy(np.asarray(which))[:, None], at]
        return Episodes(Examples(x[:, :shot], y[:, :shot]), Examples(x[:, shot:], y[:, shot:]))
