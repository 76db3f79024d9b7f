"""Large arrays in a folder of `.npz` shards: written whole or not at all, read together."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from robot_meta.errors import DataError

FORMAT = 1
T = TypeVar("T")


def save(arrays: Any, path: Path) -> None:
    """Write a dataclass of arrays to one `.npz`."""
    part = path.with_suffix(".part.npz")
    named = {f.name: getattr(arrays, f.name) for f in fields(arrays)}
    np.savez(part, format=FORMAT, **named)
    part.rename(path)


def load(kind: type[T], folder: Path, limit: int | None = None) -> T:
    """A dataclass of arrays from all shards of a folder, joined; at most `limit` tasks.

    Raises:
        DataError: if the folder has no shards, or one is of another format or kind.
    """
    shards = sorted(folder.glob("shard-*.npz"))
    if not shards:
        raise DataError(f"{folder}: no demonstrations; make them with `robot-meta collect`")
    parts: dict[str, list[Any]] = {f.name: [] for f in fields(kind)}  # type: ignore[arg-type]
    count = 0
    for shard in shards:
        with np.load(shard, allow_pickle=False) as arrays:
            if int(arrays["format"]) != FORMAT:
                raise DataError(
                    f"{shard}: format {int(arrays['format'])}, this version reads {FORMAT}; "
                    "collect it again"
                )
            missing = sorted(set(parts) - set(arrays))
            if missing:
                raise DataError(
                    f"{shard}: no arrays {missing}, expected those of a {kind.__name__}; robot "
                    "demonstrations and films of people are collected into folders of their own"
                )
            for name, part in parts.items():
                part.append(arrays[name])
        count += len(next(iter(parts.values()))[-1])
        if limit is not None and count >= limit:
            break
    return kind(**{name: np.concatenate(part)[:limit] for name, part in parts.items()})
