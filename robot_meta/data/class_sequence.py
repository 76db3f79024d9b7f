"""Classes that arrive five at a time: a sequence of N-way tasks from one set of classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from robot_meta.data.classes import ClassSet
from robot_meta.errors import ConfigError
from robot_meta.few_shot import Examples


@dataclass(frozen=True)
class Arrival:
    """One task of the sequence."""

    classes: tuple[int, ...]
    """(N,) of the whole set, in the order of the task's labels."""
    stream: Examples
    """What can be learned from, x (n, C, H, W): every N in a row are one of each class."""
    kept: Examples
    """What the task is judged by: other pictures."""


def sequence(data: ClassSet, way: int, kept: int, rng: np.random.Generator) -> list[Arrival]:
    """All classes in tasks of `way`, in a drawn order; no class is in two.

    Args:
        data: the classes, with equally many pictures.
        way: classes of a task, N.
        kept: pictures of a class to judge by.
        rng: draws the order of classes and of pictures.

    Raises:
        ConfigError: the classes cannot be cut so, or have too few pictures.
    """
    members = data.members()
    counts = {len(m) for m in members}
    if len(data) % way or way < 2:
        raise ConfigError(f"{len(data)} classes cannot be cut into tasks of {way}")
    if len(counts) > 1 or min(counts) <= kept or kept < 1:
        raise ConfigError(
            f"classes of {sorted(counts)} pictures: need equally many, and more than the {kept} "
            "that are kept to judge by"
        )
    order = rng.permutation(len(data)).reshape(-1, way)
    return [_arrival(data, [rng.permutation(members[c]) for c in row], row, kept) for row in order]


def _arrival(
    data: ClassSet, members: list[NDArray[np.int64]], classes: NDArray[np.int64], kept: int
) -> Arrival:
    rows = np.stack(members)  # (N, pictures)
    streamed, judged = rows[:, kept:].T.ravel(), rows[:, :kept].T.ravel()
    way = len(classes)

    def examples(index: NDArray[np.int64]) -> Examples:
        x = torch.from_numpy(np.moveaxis(data.images[index], -1, 1).copy()).float() / 255
        return Examples(x, torch.arange(way).repeat(len(index) // way))

    return Arrival(tuple(int(c) for c in classes), examples(streamed), examples(judged))
