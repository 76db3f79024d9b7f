"""Who demonstrates and in which way: looks, pace, path and grasp of a person, by named presets."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from sim.hand import HandLook
from sim.tasks import Task

Array = NDArray[np.float64]
FilmPreset = Literal[
    "train", "background", "azimuth", "half_speed", "double_speed", "small_hand", "large_hand"
]

SIDES = ("left", "right", "far")
"""Where the arm comes from, as the camera of the robot sees it."""
GRASPS = ("pinch", "whole", "side")
PATHS = ("straight", "arched", "curved")
HICCUPS = ("none", "none", "pause", "tremor")


@dataclass(frozen=True)
class FilmRange:
    """What a preset draws from. The camera's azimuth is on either side."""

    azimuth_deg: tuple[float, float] = (0.0, 10.0)
    surfaces: tuple[str, ...] = ("plain", "grain", "speckle")
    pace: float = 1.0
    """Speed relative to what training saw."""
    size: tuple[float, float] = (0.88, 1.12)


FILM_PRESETS: dict[FilmPreset, FilmRange] = {
    "train": FilmRange(),
    "background": FilmRange(surfaces=("checks", "stripes", "tiles")),
    "azimuth": FilmRange(azimuth_deg=(10.0, 20.0)),
    "half_speed": FilmRange(pace=0.5),
    "double_speed": FilmRange(pace=2.0),
    "small_hand": FilmRange(size=(0.68, 0.80)),
    "large_hand": FilmRange(size=(1.22, 1.36)),
}
"""`train` is what training sees; each of the others leaves it in one respect."""


def film_range(preset: str) -> FilmRange:
    """The range of a named preset.

    Raises:
        ValueError: naming the presets that exist.
    """
    if preset not in FILM_PRESETS:
        raise ValueError(f"no film preset {preset!r}; there are {', '.join(FILM_PRESETS)}")
    return FILM_PRESETS[preset]  # type: ignore[index]


@dataclass(frozen=True)
class Manner:
    """How a person does it."""

    grasp: str
    path: str
    hiccup: str
    side: str
    speed_m_s: float
    """Mean speed of the hand where it travels."""
    lift_m: float
    """Height of the grip when it travels."""
    bow_m: float
    """How far an arched or curved path leaves the straight one; its sign is to which side."""
    twist_rad: float
    """How far the hand turns on its way from the thing to the destination."""
    bend_rad: float
    """How far the hand is turned from the forearm."""
    pace: float
    """Speed of the fingers, relative."""
    elbow_m: tuple[float, float, float]
    """Where the arm comes from."""

    def gesture(self, task: Task) -> str:
        """What the hand looks like when it does `task` in this way."""
        if task.family == "reach":
            return {"pinch": "tap", "whole": "tap", "side": "point"}[self.grasp]
        if task.family == "push":
            side = "fist" if self.side == "far" else "blade"
            return {"pinch": "two", "whole": "paddle", "side": side}[self.grasp]
        return self.grasp


_ELBOWS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "left": ((0.40, -0.95, 0.26), (0.78, -0.75, 0.46)),
    "right": ((0.40, 0.75, 0.26), (0.78, 0.95, 0.46)),
    "far": ((-0.35, -0.25, 0.30), (-0.15, 0.25, 0.50)),
}
_SKIN_RGB = np.array(
    [
        (0.96, 0.83, 0.73),
        (0.90, 0.72, 0.58),
        (0.80, 0.60, 0.44),
        (0.63, 0.44, 0.30),
        (0.45, 0.30, 0.20),
        (0.29, 0.20, 0.15),
    ]
)


def draw_look(given: FilmRange, rng: Generator) -> HandLook:
    """A person's hand and sleeve."""
    tone = rng.uniform(0, len(_SKIN_RGB) - 1)
    low = min(int(tone), len(_SKIN_RGB) - 2)
    skin = _SKIN_RGB[low] + (tone - low) * (_SKIN_RGB[low + 1] - _SKIN_RGB[low])
    skin = np.clip(skin * rng.uniform(0.94, 1.06, 3), 0, 1)
    # Any cloth, most of it not bright: grey and a share of a colour.
    cloth = rng.uniform(0.06, 0.9) * (1.0 - rng.uniform(0, 0.8) * rng.uniform(0, 1, 3))
    return HandLook(
        skin_rgb=_rgb(skin),
        sleeve_rgb=_rgb(cloth),
        size=float(rng.uniform(*given.size)),
        left=bool(rng.random() < 0.5),
        sleeve_m=float(rng.uniform(0.02, 0.09) if rng.random() < 0.75 else rng.uniform(0.15, 0.28)),
        breadth=float(rng.uniform(0.92, 1.12)),
    )


def draw_manner(given: FilmRange, rng: Generator) -> Manner:
    """A way of doing things."""
    side = str(rng.choice(SIDES))
    return Manner(
        grasp=str(rng.choice(GRASPS)),
        path=str(rng.choice(PATHS)),
        hiccup=str(rng.choice(HICCUPS)),
        side=side,
        speed_m_s=float(given.pace * rng.uniform(0.26, 0.48)),
        lift_m=float(rng.uniform(0.125, 0.19)),
        bow_m=float(rng.uniform(0.03, 0.07) * rng.choice((-1, 1))),
        twist_rad=float(rng.uniform(-0.35, 0.35)),
        bend_rad=float(rng.uniform(-0.3, 0.3)),
        pace=given.pace,
        elbow_m=tuple(float(x) for x in rng.uniform(*_ELBOWS[side])),  # type: ignore[arg-type]
    )


def for_blade(look: HandLook, manner: Manner) -> HandLook:
    """The look with the hand whose palm faces the camera: the one to push things there with."""
    return replace(look, left=manner.side == "left")


def _rgb(values: Array) -> tuple[float, float, float]:
    r, g, b = (round(float(x), 4) for x in values)
    return r, g, b
