"""Rainbow MNIST (Finn et al. 2019, section 6): digits on 7 colours, in 2 scales and 4 rotations.

The 56 combinations are 56 tasks of the same ten classes. Each picture of the digits' set is in one
task only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from robot_meta.data.classes import ClassSet
from robot_meta.errors import DataError
from robot_meta.few_shot import Examples

COLOURS = {
    "red": (255, 0, 0),
    "orange": (255, 127, 0),
    "yellow": (255, 255, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "indigo": (75, 0, 130),
    "violet": (148, 0, 211),
}
"""Of the background; the digit is white."""
SCALES = (1.0, 0.5)
TURNS = (0, 1, 2, 3)
"""Quarter turns."""
SIZE = 28
INPUTS = (3, SIZE, SIZE)
"""Shape of one x."""
FULL = 900
"""Pictures of a task in the paper."""


class Kind(NamedTuple):
    """What a task is; no learner is told."""

    colour: str
    scale: float
    turns: int


KINDS = tuple(Kind(*each) for each in product(COLOURS, SCALES, TURNS))


@dataclass(frozen=True, eq=False)
class RainbowTask:
    """The pictures of one kind."""

    kind: Kind
    examples: Examples
    """x (n, 3, 28, 28) in [0, 1], y (n,)."""


def deal(
    digits: ClassSet,
    rng: np.random.Generator,
    each: int | None = None,
    kinds: Sequence[Kind] = KINDS,
) -> list[RainbowTask]:
    """One task of every kind, in that order: every picture is in one task at most.

    Args:
        digits: grey pictures (M, 28, 28).
        rng: shuffles them.
        each: pictures a task; all that can be shared out, up to 900, if not given.
        kinds: of tasks.

    Raises:
        DataError: pictures of another size, or too few.
    """
    if digits.images.shape[1:] != (SIZE, SIZE):
        raise DataError(f"rainbow: pictures of {digits.images.shape[1:]}, expected {(SIZE, SIZE)}")
    share = len(digits.images) // len(kinds)
    count = min(share, FULL) if each is None else each
    if not 1 <= count <= share:
        raise DataError(
            f"rainbow: {count} pictures for each of {len(kinds)} tasks, {len(digits.images)} are "
            f"there: at most {share} a task, as none is used twice"
        )
    order = rng.permutation(len(digits.images))[: count * len(kinds)].reshape(len(kinds), count)
    return [
        RainbowTask(kind, Examples(inputs(paint(digits.images[rows], kind)), _y(digits, rows)))
        for kind, rows in zip(kinds, order, strict=True)
    ]


def paint(grey: NDArray[np.uint8], kind: Kind) -> NDArray[np.uint8]:
    """Grey pictures (n, 28, 28), ink 255, as (n, 28, 28, 3): scaled, turned and coloured."""
    ink = grey if kind.scale == 1 else np.stack([_shrunk(picture, kind.scale) for picture in grey])
    ink = np.rot90(ink, kind.turns, (1, 2))
    share = ink[..., None].astype(np.float32) / 255
    background = np.array(COLOURS[kind.colour], np.float32)
    return np.round(share * 255 + (1 - share) * background).astype(np.uint8)


def inputs(pictures: NDArray[np.uint8]) -> torch.Tensor:
    """(n, 28, 28, 3) as x (n, 3, 28, 28) in [0, 1]."""
    return torch.from_numpy(np.moveaxis(pictures, -1, 1).copy()).float() / 255


def _shrunk(picture: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    """In the middle of an empty picture of the same size."""
    size = round(SIZE * scale)
    begin = (SIZE - size) // 2
    out = np.zeros_like(picture)
    small = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
    out[begin : begin + size, begin : begin + size] = small
    return out


def _y(digits: ClassSet, rows: NDArray[np.intp]) -> torch.Tensor:
    return torch.from_numpy(digits.labels[rows])
