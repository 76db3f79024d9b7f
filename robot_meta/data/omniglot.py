"""Omniglot (Lake et al. 2015): 1,623 characters of 50 alphabets, each drawn by 20 people.

Read from `omniglot.npz`, from the original archives `images_background.zip` and
`images_evaluation.zip`, or from the folders that they hold. Nothing is downloaded.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_meta.data.classes import ClassSet, Splits, joined
from robot_meta.data.folders import FOLDER, folders
from robot_meta.errors import DataError

NAME = "omniglot.npz"
PARTS = ("images_background", "images_evaluation")
SIZE, DRAWN = 28, 105
VAL, TEST = 100, 423
"""Of 1,623 characters: 1,200 to train on, of which 100 to choose by; the others are for tests."""
SPLIT_SEED = 17
Cut = Literal["random", "alphabets"]


def load(where: Path | None = None, cut: Cut = "random") -> Splits:
    """All characters as 28x28 pictures, ink 255, cut into splits.

    Args:
        where: a folder or the npz file; found as `FOLDER` says if not given.
        cut: `random` characters, 1,200 against 423, as most papers do; or `alphabets`, the original
            background set against the evaluation set.

    Raises:
        DataError: no data, a missing part, or a picture of another size.
    """
    path = where or _found()
    data, background = _packed(path) if path.suffix == ".npz" else _original(path)
    if cut == "random":
        order = np.random.default_rng(SPLIT_SEED).permutation(len(data))
        return Splits.cut(data, order.tolist(), VAL, TEST)
    order = np.concatenate([np.flatnonzero(background), np.flatnonzero(~background)])
    return Splits.cut(data, order.tolist(), VAL, int((~background).sum()))


def _found() -> Path:
    for folder in folders():
        if (folder / NAME).exists():
            return folder / NAME
        for inside in (folder, folder / "omniglot"):
            if any((inside / f"{part}{end}").exists() for part in PARTS for end in ("", ".zip")):
                return inside
    raise DataError(
        f"omniglot: neither {NAME} nor {PARTS[0]} in {', '.join(map(str, folders()))}; "
        f"set {FOLDER} to the folder that holds one"
    )


def _packed(path: Path) -> tuple[ClassSet, NDArray[np.bool_]]:
    """The npz: one bit a pixel, packed along the row."""
    try:
        with np.load(path) as file:
            held = {key: file[key] for key in file.files}
        ink = np.unpackbits(held["ink"], axis=2)[:, :, :DRAWN]
        names = held["alphabet_names"][held["alphabet"]]
        character, background = held["character"], held["is_background"][held["alphabet"]]
    except (OSError, KeyError, ValueError, IndexError) as error:
        raise DataError(f"{path}: not a packed Omniglot: {error}") from error
    words = [f"{name}/character{c:02d}" for name, c in zip(names, character, strict=True)]
    kinds, first, labels = np.unique(words, return_index=True, return_inverse=True)
    small = np.stack([_small(picture) for picture in ink])
    return ClassSet(small, labels.astype(np.int64), tuple(kinds.tolist())), background[first]


def _original(folder: Path) -> tuple[ClassSet, NDArray[np.bool_]]:
    """The two archives, or the two folders: PART/ALPHABET/CHARACTER/*.png, ink black."""
    found: dict[str, list[NDArray[np.uint8]]] = {}
    parts: dict[str, str] = {}
    for part in PARTS:
        for name, file, data in _pictures(folder, part):
            picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
            if picture is None or picture.shape != (DRAWN, DRAWN):
                size = None if picture is None else picture.shape
                raise DataError(f"{file}: a picture of size {size}, expected {(DRAWN, DRAWN)}")
            if parts.setdefault(name, part) != part:
                raise DataError(f"{file}: {name!r} is in {parts[name]} too; they must not overlap")
            found.setdefault(name, []).append(_small((picture < 128).astype(np.uint8)))
    data_set = joined({name: np.stack(found[name]) for name in sorted(found)})
    return data_set, np.array([parts[name] == PARTS[0] for name in data_set.names])


def _pictures(folder: Path, part: str) -> Iterator[tuple[str, str, bytes]]:
    """(ALPHABET/CHARACTER, file, content) of every picture of a part."""
    inside, archive = folder / part, folder / f"{part}.zip"
    if inside.is_dir():
        for path in sorted(inside.glob("*/*/*.png")):
            yield str(path.relative_to(inside).parent), str(path), path.read_bytes()
    elif archive.exists():
        try:
            with zipfile.ZipFile(archive) as zipped:
                for name in sorted(n for n in zipped.namelist() if n.endswith(".png")):
                    yield "/".join(name.split("/")[-3:-1]), f"{archive}:{name}", zipped.read(name)
        except zipfile.BadZipFile as error:
            raise DataError(f"{archive}: damaged: {error}") from error
    else:
        raise DataError(f"{folder}: no {part} and no {part}.zip; both parts are needed")


def _small(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(105, 105) of 0 and 1 to (28, 28) of 0 to 255, by averaging."""
    small = cv2.resize(255 * ink, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)
