"""Large arrays in a folder of `.npz` shards: written whole or not at all, read together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from robot_meta.data.coarse import averaged
from robot_meta.errors import DataError

FORMAT = 1
T = TypeVar("T")


def save(arrays: Any, path: Path) -> None:
    """Write a dataclass of arrays to one `.npz`."""
    part = path.with_suffix(".part.npz")
    named = {f.name: getattr(arrays, f.name) for f in fields(arrays)}
    np.savez(part, format=FORMAT, **named)
    part.rename(path)


def load(kind: type[T], folder: Path, limit: int | None = None, side: int | None = None) -> T:
    """A dataclass of arrays from all shards of a folder, joined; at most `limit` tasks.

    Pictures are averaged to `side` pixels, if that is given.

    Raises:
        DataError: if the folder has no shards, or one is of another format or kind.
        ConfigError: pictures that cannot be averaged so.
    """
    shards = sorted(folder.glob("shard-*.npz"))
    if not shards:
        raise DataError(f"{folder}: no demonstrations; make them with `robot-meta collect`")
    names = [f.name for f in fields(kind)]  # type: ignore[arg-type]
    lengths = [_length(shard, names, kind.__name__) for shard in shards]
    total = min(sum(lengths), sum(lengths) if limit is None else limit)
    whole: dict[str, Any] = {}
    done = 0
    for shard, length in zip(shards, lengths, strict=True):
        rows = min(length, total - done)
        if not rows:
            break
        with np.load(shard, allow_pickle=False) as arrays:
            for name in names:
                part = arrays[name]
                if name == "rgb" and side is not None:
                    part = averaged(part[:rows], side)
                # Filled shard by shard: pictures of all of them twice would not fit in memory.
                if name not in whole:
                    whole[name] = np.empty((total, *part.shape[1:]), part.dtype)
                if part.shape[1:] != whole[name].shape[1:]:
                    raise DataError(
                        f"{shard}: {name} of shape {part.shape[1:]}, those before it are "
                        f"{whole[name].shape[1:]}; collect them with the same options"
                    )
                whole[name][done : done + rows] = part[:rows]
        done += rows
    return kind(**whole)


def _length(shard: Path, names: Sequence[str], kind: str) -> int:
    """Tasks in a shard, which is refused if it is of another format or kind."""
    with np.load(shard, allow_pickle=False) as arrays:
        if int(arrays["format"]) != FORMAT:
            raise DataError(
                f"{shard}: format {int(arrays['format'])}, this version reads {FORMAT}; "
                "collect it again"
            )
        missing = sorted(set(names) - set(arrays))
        if missing:
            raise DataError(
                f"{shard}: no arrays {missing}, expected those of a {kind}; robot "
                "demonstrations and films of people are collected into folders of their own"
            )
        return len(arrays[names[-1]])  # the last is small: the first are pictures
