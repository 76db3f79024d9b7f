"""Pictures of composed things, rendered by the environment `sim/Objects-v0`, with their labels.

A shape is named FAMILY-NUMBER; each split owns a block of numbers, so no shape is in two splits.
What is rendered is kept in one `.npz` a request, and rendered again if the request changes.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import gymnasium
import numpy as np
from numpy.typing import NDArray

from robot_meta.data.classes import ClassSet, Splits
from robot_meta.data.kept import kept
from robot_meta.errors import ConfigError, DataError

Split = Literal["train", "val", "test"]
ENVIRONMENT = "sim:sim/Objects-v0"
FOLDER = Path("data")
FORMAT = 1
BLOCKS = {"train": 0, "val": 100_000, "test": 200_000}
"""First number of the shapes of a split."""
FAMILIES = (
    *("bed", "boat", "car", "chair", "dog", "hammer", "lamp"),
    *("monitor", "mug", "plane", "sofa", "table", "tower", "truck"),
)
HUE_SPREAD = 0.12
"""Of the pictures of a class, in turns of the colour wheel."""
Options = Mapping[str, Any]
"""What one picture shows: `reset(options=...)` of the environment."""
"""Makes arrays by name."""


def names(split: Split, count: int, families: Sequence[str] = FAMILIES) -> list[str]:
    """So many shapes of a split, the families in turn.

    Raises:
        ConfigError: none, or more than a split's block holds.
    """
    if not 0 < count <= 1000 * len(families):
        raise ConfigError(f"{count} shapes; 1 to {1000 * len(families)} can be had of a split")
    n = len(families)
    return [f"{families[i % n]}-{BLOCKS[split] + i // n}" for i in range(count)]


def render(wanted: Iterable[Options], size: int, seed: int) -> tuple[NDArray[np.uint8], list[Any]]:
    """Pictures (M, size, size, 3) and what the environment says of each.

    Args:
        wanted: what each shows; what is left out is drawn.
        size: pixels.
        seed: of all that is drawn.

    Raises:
        DataError: nothing is wanted.
    """
    env = gymnasium.make(ENVIRONMENT, size=size).unwrapped
    try:
        shown = [env.reset(seed=_word(seed, i), options=dict(o)) for i, o in enumerate(wanted)]
    finally:
        env.close()
    if not shown:
        raise DataError("render: no pictures are wanted")
    return np.stack([picture for picture, _ in shown]), [info for _, info in shown]


def _word(seed: int, i: int) -> int:
    return int(np.random.SeedSequence([seed, i]).generate_state(1)[0])


def grey(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(..., 3) to (...): luma of ITU-R BT.601."""
    luma = rgb.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    return np.round(luma).astype(np.uint8)


def file_of(name: str, request: Mapping[str, Any], folder: Path | None = None) -> Path:
    """Where a rendered set is kept.

    Args:
        name: of the set.
        request: JSON values on which its arrays depend; another request is another file.
        folder: of the file; `FOLDER` if not given.
    """
    text = json.dumps({"format": FORMAT, **request}, sort_keys=True)
    return (folder or FOLDER) / f"objects-{name}-{zlib.crc32(text.encode()):08x}.npz"


def classes(
    counts: Mapping[Split, int], each: int, size: int = 32, folder: Path | None = None
) -> Splits:
    """Shapes as classes: a stand-in for sets of photographs that may not be handed on.

    Args:
        counts: classes of each split.
        each: pictures of a class.
        size: pixels.
        folder: see `file_of`.
    """
    return Splits(
        train=class_set("train", counts["train"], each, size, folder),
        val=class_set("val", counts["val"], each, size, folder),
        test=class_set("test", counts["test"], each, size, folder),
    )


def class_set(
    split: Split, count: int, each: int, size: int = 32, folder: Path | None = None
) -> ClassSet:
    """`count` shapes of a split with `each` pictures.

    Pose, camera, light, ground and texture are drawn for every picture; hues wander about the
    shape's own, so that colour is a hint and no more.
    """
    shapes = names(split, count)

    def make() -> dict[str, NDArray[Any]]:
        rng = np.random.default_rng([BLOCKS[split], count])
        wanted = [
            {
                "shape": shape,
                "position_m": tuple(rng.uniform(-0.06, 0.06, 2)),
                "distance_m": rng.uniform(1.3, 1.6),
                "hue": HUE_SPREAD * rng.standard_normal(),
            }
            for shape in np.repeat(shapes, each).tolist()
        ]
        return {"images": render(wanted, size, BLOCKS[split])[0]}

    request = {"split": split, "count": count, "each": each, "size": size}
    images = kept(file_of("classes", request, folder), ("images",), make)["images"]
    return ClassSet(images, np.repeat(np.arange(count), each), tuple(shapes))
