"""How a thing is seen: where it stands, camera, light, ground and colours, each drawn or given."""

from __future__ import annotations

import colorsys
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Array = NDArray[np.float64]
REACH_M = 0.25
"""The thing stands within so much of the middle of the ground, along x and along y."""
THING_M = 0.5
"""Diameter and height that every shape is drawn at."""
GROUNDS, PATTERNS = 6, 5
"""Textures of the ground, and of things (0 is plain)."""
HUE_SPREAD = 0.06
"""Standard deviation of a picture's hue about the shape's own, in turns of the colour wheel."""


@dataclass(frozen=True, kw_only=True)
class View:
    """One picture's circumstances."""

    position_m: tuple[float, float] = (0.0, 0.0)
    azimuth_rad: float = 0.0
    """Of the thing, about z, in the room's frame."""
    bearing_rad: float = 0.0
    """Where the camera stands, about z, in the room's frame."""
    elevation_rad: float = 0.6
    distance_m: float = 2.2
    light: float = 0.7
    light_dir: tuple[float, float, float] = (0.3, 0.3, -1.0)
    ground: int = 0
    """Texture of the ground; -1 shows nothing but the thing, on black."""
    ground_rgb: tuple[float, float, float] = (0.6, 0.6, 0.6)
    ground_turn_rad: float = 0.0
    """Of the ground, about z: where it is drawn, the ground does not tell the camera's bearing."""
    hue: float = 0.0
    """Added to the shape's own hue, in turns."""
    bright: float = 0.8
    pattern: int = 0
    """Texture of the thing."""

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        if not -1 <= self.ground < GROUNDS or not 0 <= self.pattern < PATTERNS:
            raise ValueError(
                f"ground {self.ground} and pattern {self.pattern}: there are grounds -1 to "
                f"{GROUNDS - 1} and patterns 0 to {PATTERNS - 1}"
            )
        if not 0 < self.elevation_rad < np.pi / 2 or not self.distance_m > 1:
            raise ValueError(
                f"camera at elevation {self.elevation_rad} rad and {self.distance_m} m: need one "
                "above the ground and more than 1 m away"
            )


def draw_view(rng: Generator) -> View:
    """Everything drawn at random."""
    x, y = rng.uniform(-REACH_M, REACH_M, 2)
    tilt = rng.uniform(-0.6, 0.6, 2)
    r, g, b = rng.uniform(0.2, 0.95) * rng.uniform(0.75, 1.0, 3)
    return View(
        position_m=(float(x), float(y)),
        azimuth_rad=float(rng.uniform(-np.pi, np.pi)),
        bearing_rad=float(rng.uniform(-np.pi, np.pi)),
        elevation_rad=float(rng.uniform(0.4, 0.9)),
        distance_m=float(rng.uniform(1.9, 2.5)),
        light=float(rng.uniform(0.35, 0.9)),
        light_dir=(float(tilt[0]), float(tilt[1]), -1.0),
        ground=int(rng.integers(GROUNDS)),
        ground_rgb=(float(r), float(g), float(b)),
        ground_turn_rad=float(rng.uniform(-np.pi, np.pi)),
        hue=float(HUE_SPREAD * rng.standard_normal()),
        bright=float(rng.uniform(0.55, 1.0)),
        pattern=int(rng.integers(PATTERNS)),
    )


def colours(name: str, view: View) -> Array:
    """The three tones (3, 4) of a shape in a view, RGBA: hues are the shape's own."""
    rng = np.random.default_rng([zlib.crc32(name.encode()), 1])
    first, second = rng.uniform(0, 1, 2)
    deep, pale = rng.uniform(0.4, 0.95, 2)
    rows = [
        colorsys.hsv_to_rgb((first + view.hue) % 1, deep, view.bright),
        colorsys.hsv_to_rgb((second + view.hue) % 1, pale, 0.8 * view.bright),
        colorsys.hsv_to_rgb((first + view.hue) % 1, 0.3, 0.3 * view.bright),
    ]
    tones: Array = np.c_[np.array(rows), np.ones(3)]
    return tones
