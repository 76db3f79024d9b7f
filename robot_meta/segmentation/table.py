"""Segmenters by name: what a checkpoint's `learner` field and the results files refer to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from robot_meta.errors import ConfigError
from robot_meta.segmentation import colour, foreground, guided, oslsm
from robot_meta.segmentation.episodes import Segmenter

MAKERS: dict[str, Callable[[Mapping[str, Any]], Segmenter]] = {
    "colour": colour.make,
    "foreground": foreground.make,
    "guided": guided.make,
    "oslsm": oslsm.make,
}


def make(name: str, config: Mapping[str, Any]) -> Segmenter:
    """The segmenter `name`.

    Raises:
        ConfigError: the name is unknown, or its config is refused.
    """
    if name not in MAKERS:
        raise ConfigError(f"segmenter {name!r} is unknown; known are {', '.join(MAKERS)}")
    return MAKERS[name](config)
