"""Pictures by class, cut into disjoint splits of classes, and N-way K-shot tasks drawn from one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from robot_meta.data.warps import WarpConfig, warp
from robot_meta.errors import ConfigError, DataError
from robot_meta.few_shot import Episodes, Examples


@dataclass(frozen=True, eq=False)
class ClassSet:
    """M pictures of C classes."""

    images: NDArray[np.uint8]
    """(M, H, W) or (M, H, W, 3)."""
    labels: NDArray[np.int64]
    """(M,) index into `names`."""
    names: tuple[str, ...]
    """(C,)."""

    def __post_init__(self) -> None:
        """Refuse what no task could be drawn from, naming the class."""
        if self.images.dtype != np.uint8 or self.images.ndim not in (3, 4):
            raise DataError(
                f"class set: images of {self.images.dtype} and shape {self.images.shape}, expected "
                "uint8 (M, H, W) or (M, H, W, 3); `as_bytes` makes them of numbers in [0, 1]"
            )
        if self.labels.shape != (len(self.images),):
            raise DataError(
                f"class set: {len(self.images)} images, labels of shape {self.labels.shape}"
            )
        wrong = self.labels[(self.labels < 0) | (self.labels >= len(self.names))]
        if len(wrong):
            raise DataError(
                f"class set: label {wrong[0]} is outside 0 .. {len(self.names) - 1}, "
                "the range of the class names"
            )
        repeated = [name for i, name in enumerate(self.names) if name in self.names[:i]]
        if repeated:
            raise DataError(f"class set: class {repeated[0]!r} is named twice")

    def __len__(self) -> int:
        """Number of classes C."""
        return len(self.names)

    def members(self) -> list[NDArray[np.int64]]:
        """For each class the indices of its pictures."""
        order = np.argsort(self.labels, kind="stable").astype(np.int64)
        counts = np.bincount(self.labels, minlength=len(self.names))
        return np.split(order, np.cumsum(counts)[:-1])

    def only(self, classes: Sequence[int]) -> ClassSet:
        """The set of some of the classes."""
        members = self.members()
        chosen = [members[c] for c in classes]
        index = np.concatenate(chosen) if chosen else np.zeros(0, np.int64)
        labels = np.repeat(np.arange(len(chosen)), [len(c) for c in chosen])
        return ClassSet(self.images[index], labels, tuple(self.names[c] for c in classes))


@dataclass(frozen=True, kw_only=True)
class Splits:
    """Classes to train on, to choose by and to be judged by: no class is in two of them."""

    train: ClassSet
    val: ClassSet
    test: ClassSet

    def __post_init__(self) -> None:
        """Refuse an overlap."""
        seen: dict[str, str] = {}
        for split in ("train", "val", "test"):
            part: ClassSet = getattr(self, split)
            if not len(part):
                raise DataError(f"split {split!r} has no classes")
            for name in part.names:
                if name in seen:
                    raise DataError(f"class {name!r} is in both {seen[name]!r} and {split!r}")
                seen[name] = split

    @classmethod
    def cut(cls, data: ClassSet, order: Sequence[int], val: int, test: int) -> Splits:
        """Cut classes in an order into train, then `val`, then the last `test` of them.

        Raises:
            DataError: fewer classes than that, or one that is in the order twice.
        """
        train = len(order) - val - test
        if train < 1:
            raise DataError(f"{len(order)} classes cannot give {val} and {test}, and some to train")
        return cls(
            train=data.only(order[:train]),
            val=data.only(order[train : train + val]),
            test=data.only(order[train + val :]),
        )


class FewShot:
    """Draws N-way K-shot tasks from a set of classes.

    With `rotate`, each class of a task is turned by a multiple of 90 degrees, drawn anew: a turned
    character counts as another class, but never meets itself in a task or in another split.
    With `skip_small`, classes with too few examples are left out: clusters are of any size.
    With `warps`, each picture is turned, stretched, shifted and bent a little, to train on.
    """

    def __init__(
        self,
        data: ClassSet,
        *,
        way: int,
        shot: int,
        query: int,
        rotate: bool = False,
        skip_small: bool = False,
        warps: WarpConfig | None = None,
    ) -> None:
        if min(way, shot, query) < 1:
            raise ConfigError(f"need way, shot and query >= 1, got {way}, {shot} and {query}")
        self._members = data.members()
        if skip_small:
            self._members = [m for m in self._members if len(m) >= shot + query]
        if way > len(self._members):
            large = f" of {shot + query} examples or more" if skip_small else " in this split"
            raise ConfigError(f"way {way}: there are only {len(self._members)} classes{large}")
        small = [i for i, m in enumerate(self._members) if len(m) < shot + query]
        if small:
            raise DataError(
                f"class {data.names[small[0]]!r} has {len(self._members[small[0]])} examples; "
                f"{shot} shots and {query} queries need {shot + query}"
            )
        self._images = data.images
        self.way, self.shot, self.query, self._rotate = way, shot, query, rotate
        self._warps = warps

    def draw(self, rng: np.random.Generator, tasks: int) -> Episodes:
        """`tasks` tasks: support (B, N K, C, H, W) in any order, query (B, N Q, C, H, W)."""
        drawn = np.stack([self._task(rng) for _ in range(tasks)])  # (B, N, K+Q, H, W[, 3])
        x = pixels(drawn.reshape(-1, *drawn.shape[3:]))
        x = x.view(*drawn.shape[:3], *x.shape[1:])
        y = torch.arange(self.way).view(1, -1, 1).expand(tasks, -1, self.shot + self.query)
        order = torch.from_numpy(rng.random((tasks, self.way * self.shot)).argsort(1))
        each = torch.arange(tasks)[:, None]
        support = Examples(
            x[:, :, : self.shot].flatten(1, 2)[each, order],
            y[:, :, : self.shot].flatten(1)[each, order],
        )
        query = Examples(x[:, :, self.shot :].flatten(1, 2), y[:, :, self.shot :].flatten(1))
        return Episodes(support, query)

    def _task(self, rng: np.random.Generator) -> NDArray[np.uint8]:
        count = self.shot + self.query
        rows = []
        for c in rng.choice(len(self._members), self.way, replace=False):
            chosen = self._images[rng.choice(self._members[c], count, replace=False)]
            rows.append(np.rot90(chosen, int(rng.integers(4)), (1, 2)) if self._rotate else chosen)
        if self._warps is not None:
            rows = [np.stack([warp(x, self._warps, rng) for x in row]) for row in rows]
        return np.stack(rows)


def pixels(images: NDArray[np.uint8]) -> torch.Tensor:
    """Pictures (M, H, W) or (M, H, W, 3) as (M, C, H, W) in [0, 1]."""
    whole = images[..., None] if images.ndim == 3 else images
    return torch.from_numpy(np.moveaxis(whole, -1, 1).copy()).float() / 255


def as_bytes(pictures: Sequence[NDArray[np.floating]], name: str) -> NDArray[np.uint8]:
    """Pictures of numbers in [0, 1] as one uint8 array.

    Args:
        pictures: of one size.
        name: of their class or file, for the error.

    Raises:
        DataError: sizes differ, or a pixel is not a number or outside.
    """
    shapes = {np.shape(p) for p in pictures}
    if len(shapes) != 1:
        raise DataError(f"{name}: pictures of different sizes {sorted(shapes)}, expected one")
    whole = np.asarray(pictures)
    if not np.isfinite(whole).all():
        raise DataError(f"{name}: {int((~np.isfinite(whole)).sum())} pixels are not numbers")
    if whole.min() < 0 or whole.max() > 1:
        raise DataError(f"{name}: pixels from {whole.min()} to {whole.max()}, expected 0 to 1")
    return np.round(255 * whole).astype(np.uint8)


def joined(classes: Mapping[str, NDArray[np.uint8]]) -> ClassSet:
    """One set of pictures (m, H, W[, 3]) by class name.

    Raises:
        DataError: no class, or one whose pictures have another size than those before.
    """
    if not classes:
        raise DataError("class set: no classes")
    first, size = next((name, images.shape[1:]) for name, images in classes.items())
    for name, images in classes.items():
        if images.shape[1:] != size:
            raise DataError(
                f"class {name!r}: pictures of size {images.shape[1:]}, those of {first!r} {size}"
            )
    labels = np.repeat(np.arange(len(classes)), [len(images) for images in classes.values()])
    return ClassSet(np.concatenate(list(classes.values())), labels, tuple(classes))
