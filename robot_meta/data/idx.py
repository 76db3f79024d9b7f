"""Pictures in the IDX format: MNIST (LeCun et al. 1998) and what copies its files.

EMNIST, Fashion-MNIST, Kuzushiji-MNIST: `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, the
same with `t10k` or `test`, each plain or as .gz. Nothing is downloaded.
"""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from robot_meta.data.classes import ClassSet
from robot_meta.data.folders import FOLDER, folders
from robot_meta.errors import DataError

Name = Literal["mnist", "fashion-mnist"]
INSTALLED = {"fashion-mnist": Path("/usr/share/datasets/fashion-mnist")}
"""Where a system's package puts it: Debian's is `dataset-fashion-mnist`."""
PARTS = ("train", "t10k", "test")
UNSIGNED_BYTE = 0x08
"""The type code of 8-bit unsigned numbers, the only type that pictures and labels come in."""


def load(name: Name = "mnist", where: Path | None = None) -> ClassSet:
    """All pictures of a data set, `train` before `t10k` where both are there; classes by number.

    Args:
        name: of the data set.
        where: its folder; else NAME in the data folders, or those themselves for MNIST, or where
            the system's package puts it.

    Raises:
        DataError: no data, damaged data, or pictures and labels that do not fit each other.
    """
    folder = where or _found(name)
    parts = [part for part in PARTS if _file(folder, part, "images")]
    if not parts:
        raise DataError(f"{folder}: no train-images-idx3-ubyte and no t10k-images-idx3-ubyte")
    read_parts = [_part(folder, part) for part in parts]
    shapes = {images.shape[1:] for images, _ in read_parts}
    if len(shapes) > 1:
        raise DataError(f"{folder}: {parts} have pictures of different sizes {sorted(shapes)}")
    labels = np.concatenate([labels for _, labels in read_parts]).astype(np.int64)
    names = tuple(str(c) for c in range(int(labels.max(initial=0)) + 1))
    return ClassSet(np.concatenate([images for images, _ in read_parts]), labels, names)


def _found(name: Name) -> Path:
    wanted = [folder / name for folder in folders()]
    wanted += folders() if name == "mnist" else []
    wanted += [INSTALLED[name]] if name in INSTALLED else []
    for folder in wanted:
        if any(_file(folder, part, "images") for part in PARTS):
            return folder
    raise DataError(
        f"{name}: no *-images-idx3-ubyte.gz in {', '.join(map(str, wanted))}; "
        f"set {FOLDER} to the folder that holds {name}/"
    )


def _part(folder: Path, part: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    images_file, labels_file = _file(folder, part, "images"), _file(folder, part, "labels")
    if labels_file is None or images_file is None:
        raise DataError(f"{folder}: {part}-images is there, {part}-labels-idx1-ubyte is not")
    images, labels = read(images_file), read(labels_file)
    if images.ndim != 3 or not images.size:
        raise DataError(f"{images_file}: shape {images.shape}, expected pictures (M, H, W)")
    if labels.shape != images.shape[:1]:
        raise DataError(
            f"{labels_file}: labels of shape {labels.shape} for {len(images)} pictures, "
            f"expected ({len(images)},)"
        )
    return images, labels


def _file(folder: Path, part: str, what: Literal["images", "labels"]) -> Path | None:
    """PART-WHAT-idxN-ubyte, also with a dot before idxN and a word before PART as in EMNIST."""
    ending = f"idx{3 if what == 'images' else 1}-ubyte"
    for pattern in (f"{part}-{what}[-.]{ending}", f"*-{part}-{what}[-.]{ending}"):
        found = [path for end in ("", ".gz") for path in sorted(folder.glob(pattern + end))]
        if len({path.name.removesuffix(".gz") for path in found}) > 1:
            raise DataError(f"{folder}: {[path.name for path in found]}; keep one set in a folder")
        if found:
            return found[0]
    return None


def read(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """The array of one file, plain or gzipped.

    Raises:
        DataError: it cannot be read, is not IDX, not of bytes, or is cut off or too long.
    """
    try:
        data = Path(path).read_bytes()
        if str(path).endswith(".gz"):
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    if len(data) < 4 or data[:2] != b"\0\0":
        raise DataError(f"{path}: begins with {data[:4].hex(' ')}, which is not IDX (00 00 08 ..)")
    kind, dimensions = data[2], data[3]
    if kind != UNSIGNED_BYTE:
        raise DataError(f"{path}: type {kind:#04x}, expected unsigned bytes ({UNSIGNED_BYTE:#04x})")
    start = 4 + 4 * dimensions
    if len(data) < start or not dimensions:
        raise DataError(f"{path}: {len(data)} bytes do not hold the sizes of {dimensions} axes")
    shape = struct.unpack(f">{dimensions}I", data[4:start])
    expected = int(np.prod(shape, dtype=np.int64))
    if len(data) - start != expected:
        raise DataError(f"{path}: {len(data) - start} bytes of data, {shape} needs {expected}")
    flat: NDArray[np.uint8] = np.array(np.frombuffer(data, np.uint8, offset=start))
    return flat.reshape(shape)
