"""Pictures of your own, or of a set that only you may have: FOLDER/train|val|test/CLASS/*.png|jpg.

miniImageNet and others are passed on in this form. Nothing is resized, since how changes figures.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_meta.data.classes import ClassSet, Splits, joined
from robot_meta.errors import DataError

ENDS = (".png", ".jpg", ".jpeg")
SPLITS = ("train", "val", "test")


def load(folder: Path) -> Splits:
    """The three splits, pictures (H, W, 3) RGB.

    Raises:
        DataError: a missing split, a class without pictures, a file that cannot be read, sizes
            that differ, or a class in two splits.
    """
    missing = [split for split in SPLITS if not (folder / split).is_dir()]
    if missing:
        raise DataError(
            f"{folder}: no folder {missing[0]!r}; needed are {', '.join(SPLITS)}, each with a "
            "folder of pictures for every class"
        )
    train, val, test = (_split(folder / split) for split in SPLITS)
    return Splits(train=train, val=val, test=test)


def _split(folder: Path) -> ClassSet:
    classes = sorted(each for each in folder.iterdir() if each.is_dir())
    return joined({each.name: _class(each) for each in classes})


def _class(folder: Path) -> NDArray[np.uint8]:
    """(m, H, W, 3)."""
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in ENDS)
    if not files:
        raise DataError(f"{folder}: no pictures ({', '.join(ENDS)})")
    pictures = [_picture(file) for file in files]
    for file, picture in zip(files, pictures, strict=True):
        if picture.shape != pictures[0].shape:
            raise DataError(
                f"{file}: {picture.shape[1]}x{picture.shape[0]}, {files[0].name} "
                f"{pictures[0].shape[1]}x{pictures[0].shape[0]}; bring all to one size first"
            )
    return np.stack(pictures)


def _picture(file: Path) -> NDArray[np.uint8]:
    found = cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_COLOR)
    if found is None:
        raise DataError(f"{file}: not a picture that can be read")
    return np.asarray(cv2.cvtColor(found, cv2.COLOR_BGR2RGB), np.uint8)
