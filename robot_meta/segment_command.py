"""`robot-meta segment`: click a thing in one picture, get its mask in others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

NAME = "segmentation-guided.safetensors"


def segment(
    shown: Annotated[Path, tyro.conf.Positional],
    queries: Annotated[tuple[Path, ...], tyro.conf.Positional],
    /,
    clicks: tuple[str, ...] = (),
    avoid: tuple[str, ...] = (),
    out: Path = Path("masks"),
    checkpoint: Path | None = None,
) -> int:
    """Click a thing in one picture and mark it in others.

    Args:
        shown: A picture of the thing.
        queries: Pictures to find it in.
        clicks: Pixels of the thing in the first, as x,y from the upper left.
        avoid: Pixels there that are not of it.
        out: Folder for the masks: NAME.png, 255 where the thing is.
        checkpoint: A trained segmenter; the shipped one if not given.
    """
    import cv2
    import numpy as np

    from robot_meta import checkpoint as files
    from robot_meta.errors import ConfigError
    from robot_meta.segmentation import clicking, table

    if not queries:
        raise ConfigError("no pictures to find the thing in; name at least one after the first")
    yes, no = clicking.parse(clicks), clicking.parse(avoid)
    found = files.load(checkpoint or shipped())
    learner = table.make(found.learner, found.config)
    first = clicking.read(shown)
    masks = {
        path: clicking.mask(learner, found.params, first, yes, no, clicking.read(path))
        for path in queries
    }
    out.mkdir(parents=True, exist_ok=True)
    for path, mask in masks.items():
        target = out / f"{path.stem}.png"
        target.write_bytes(cv2.imencode(".png", 255 * mask.astype(np.uint8))[1].tobytes())
        print(f"{target}: {int(mask.sum())} of {mask.size} pixels")
    return 0


def shipped() -> Path:
    """Where the trained segmenter is."""
    own = Path("checkpoints") / NAME
    return own if own.exists() else Path(__file__).parents[1] / own
