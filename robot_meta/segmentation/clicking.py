"""From pictures and clicks of a user to what a segmenter takes, and back to a mask of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from robot_meta.errors import ConfigError, DataError
from robot_meta.segmentation.episodes import Segmenter, Shown
from robot_meta.types import Params

SIDE = 80
"""Rows and columns that segmenters are trained on; pictures are brought to it."""
Picture = NDArray[np.uint8]
Click = tuple[int, int]
"""(x, y), from the upper left, in pixels of the picture."""


def read(path: Path) -> Picture:
    """A picture (H, W, 3), RGB.

    Raises:
        DataError: no picture that can be read.
    """
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    found = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    if found is None:
        raise DataError(f"{path}: not a picture that can be read")
    return np.asarray(cv2.cvtColor(found, cv2.COLOR_BGR2RGB), np.uint8)


def parse(words: Sequence[str]) -> tuple[Click, ...]:
    """Clicks written as `x,y`.

    Raises:
        ConfigError: a word that is none.
    """
    out = []
    for word in words:
        x, comma, y = word.partition(",")
        if not (comma and x.isdecimal() and y.isdecimal()):
            raise ConfigError(f"click {word!r}: write it as x,y in pixels, such as 120,86")
        out.append((int(x), int(y)))
    return tuple(out)


def mask(
    learner: Segmenter,
    params: Params,
    shown: Picture,
    clicks: Sequence[Click],
    avoid: Sequence[Click],
    query: Picture,
) -> NDArray[np.bool_]:
    """Which pixels (H, W) of `query` are of the thing clicked in `shown`.

    Args:
        learner: a segmenter.
        params: its parameters.
        shown: a picture of the thing.
        clicks: pixels of the thing in it.
        avoid: pixels that are not of it.
        query: another picture, of any size.

    Raises:
        ConfigError: no click on the thing, or a click outside the picture.
    """
    if not clicks:
        raise ConfigError("no clicks: give at least one on the thing that is meant")
    labels = (_labels(shown, clicks), _labels(shown, avoid))
    told = Shown(_small(shown)[None, None], *(each[None, None, None] for each in labels))
    with torch.no_grad():
        scores = learner.scores(params, told, _small(query)[None])[0, 0]
    rows, columns = query.shape[:2]
    large = cv2.resize(scores.numpy(), (columns, rows), interpolation=cv2.INTER_LINEAR)
    return np.asarray(large > 0)


def _small(picture: Picture) -> Tensor:
    """(3, SIDE, SIDE) in [0, 1]."""
    small = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return torch.from_numpy(small).movedim(-1, 0).float() / 255


def _labels(picture: Picture, clicks: Sequence[Click]) -> Tensor:
    """(SIDE, SIDE): 1 where a click is."""
    rows, columns = picture.shape[:2]
    out = torch.zeros(SIDE, SIDE)
    for x, y in clicks:
        if not (x < columns and y < rows):
            raise ConfigError(
                f"click {x},{y} is outside the picture of {columns}x{rows}; x is below {columns} "
                f"and y below {rows}"
            )
        out[y * SIDE // rows, x * SIDE // columns] = 1.0
    return out
