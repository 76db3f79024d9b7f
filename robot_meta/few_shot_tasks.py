"""Task distributions by the names of the command line, with what a learner must know of each."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from robot_meta.data import class_folders, objects, omniglot
from robot_meta.data.classes import ClassSet, FewShot, Splits
from robot_meta.data.sinusoid import Sinusoid
from robot_meta.data.warps import WarpConfig
from robot_meta.errors import ConfigError, DataError
from robot_meta.few_shot import Episodes

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")
Draw = Callable[[np.random.Generator, int], Episodes]
"""Draws so many tasks; all its randomness comes from the generator."""
TEST_QUERIES = 15
"""Of each class, in validation and tests."""
POINTS = 100
"""Of a sinusoid, likewise."""
OBJECTS: Mapping[Split, int] = {"train": 200, "val": 50, "test": 100}
OBJECT_PICTURES = 25
"""Rendered shapes of each split, and pictures of each."""
TURNED = ("omniglot",)
"""Where a class may be turned by a multiple of 90 degrees to be another."""
_omniglot = cache(omniglot.load)


@dataclass(frozen=True)
class Tasks:
    """A distribution of tasks."""

    name: str
    settings: Mapping[str, Any]
    """What every learner of it is configured with, JSON values: `encoder` and `outputs`."""
    draws: Mapping[Split, Draw]


def make(
    name: str,
    *,
    way: int,
    shot: int,
    query: int = 1,
    data: Path | None = None,
    warp: float = 0.0,
) -> Tasks:
    """The distribution `name`.

    Args:
        name: `sinusoid`, `omniglot`, `objects`, which are rendered, or `pictures` in a folder of
            yours.
        way: classes of a task; no matter for the sinusoid.
        shot: examples of a class, or points, to adapt on.
        query: likewise to be judged by in training; `TEST_QUERIES` or `POINTS` otherwise.
        data: where the pictures are; found by themselves if not given.
        warp: size of the warps of each picture to train on, in units of `WarpConfig`; 0: as it is.

    Raises:
        DataError: no data, or bad data.
        ConfigError: a warp of what is no picture, or numbers that the data cannot give.
    """
    if name == "sinusoid":
        if warp:
            raise ConfigError(f"sinusoid: no pictures that warp={warp} could bend; leave it at 0")
        return sinusoid(shot, query)
    found, rotate = _splits(name, data), name in TURNED
    warps = WarpConfig.of(warp) if warp else None
    return pictures(name, found, way=way, shot=shot, query=query, rotate=rotate, warps=warps)


def _splits(name: str, data: Path | None) -> Splits:
    if name == "pictures":
        if data is None:
            raise DataError("pictures: say with --data in which folder the splits are")
        return class_folders.load(data)
    if name == "objects":
        return objects.classes(OBJECTS, OBJECT_PICTURES, folder=data)
    return _omniglot(data)


def unlabelled(
    name: str, split: Literal["train", "val"], data: Path | None = None
) -> NDArray[np.uint8]:
    """The pictures of a split, and nothing of their classes.

    Raises:
        ConfigError: what is learned has no pictures.
    """
    if name == "sinusoid":
        raise ConfigError("sinusoid: no pictures, of which alone tasks are made without labels")
    part: ClassSet = getattr(_splits(name, data), split)
    return part.images


def sinusoid(shot: int, query: int, *, told: bool = False) -> Tasks:
    """Sinusoids; `told`, amplitude and phase are part of x."""
    train = Sinusoid(shot=shot, query=query, told=told)
    judged = Sinusoid(shot=shot, query=POINTS, told=told)
    net = {"kind": "mlp", "inputs": [3 if told else 1], "widths": [40, 40]}
    settings = {"encoder": net, "outputs": 1}
    return Tasks(
        "sinusoid", settings, {"train": train.draw, "val": judged.draw, "test": judged.draw}
    )


def pictures(
    name: str,
    splits: Splits,
    *,
    way: int,
    shot: int,
    query: int,
    rotate: bool = False,
    warps: WarpConfig | None = None,
) -> Tasks:
    """N-way K-shot tasks from splits of classes; only those to train on are warped."""
    sizes: dict[Split, int] = {"train": query, "val": TEST_QUERIES, "test": TEST_QUERIES}
    draws: dict[Split, Draw] = {}
    for split in SPLITS:
        part = getattr(splits, split)
        bent = warps if split == "train" else None
        sampler = FewShot(part, way=way, shot=shot, query=sizes[split], rotate=rotate, warps=bent)
        draws[split] = sampler.draw
    shape = splits.train.images.shape[1:]
    inputs = [shape[2] if len(shape) == 3 else 1, *shape[:2]]
    return Tasks(name, {"encoder": {"inputs": inputs}, "outputs": way}, draws)


def stream(split: Split, name: str, seed: int) -> np.random.Generator:
    """The random stream of an evaluation.

    It meets no stream of training, whose seeds are three words and not four, nor another split's.
    """
    return np.random.default_rng([SPLITS.index(split), zlib.crc32(name.encode()), seed, 0])
