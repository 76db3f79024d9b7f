"""Four ways in which pictures of the same table differ: angle, surface, light and colour cast."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.random import Generator

from sim.onlooker import View
from sim.scene import CAMERA_FOVY_DEG, CAMERA_POS_M, CAMERA_TARGET_M, Appearance

Domain = Literal["angle", "surface", "light", "cast"]
DOMAINS: tuple[Domain, ...] = get_args(Domain)

_BACK_M = np.array(CAMERA_POS_M) - CAMERA_TARGET_M
_DISTANCE_M = float(np.linalg.norm(_BACK_M))
_ELEVATION_DEG = float(np.rad2deg(np.arcsin(_BACK_M[2] / _DISTANCE_M)))
_HALF_WIDTH_M = float(_DISTANCE_M * np.tan(np.deg2rad(CAMERA_FOVY_DEG) / 2))
"""Place and lens of the robot's own camera."""
_OWN = Appearance()
Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class DomainRange:
    """What a domain draws from. The defaults are the robot's own camera and its plain table."""

    azimuth_deg: Range = (0.0, 2.0)
    """On either side."""
    elevation_deg: Range = (_ELEVATION_DEG - 1, _ELEVATION_DEG + 1)
    distance_m: Range = (_DISTANCE_M - 0.01, _DISTANCE_M + 0.01)
    roll_deg: float = 1.0
    surfaces: tuple[str, ...] = ("plain",)
    exposure: Range = (0.95, 1.05)
    gamma: Range = (0.97, 1.03)
    noise: Range = (0.0, 1.0)
    blur_px: Range = (0.0, 0.2)
    vignette: Range = (0.0, 0.05)
    light: Range = (0.45, 0.55)
    tilt: Range = (0.0, 0.15)
    """How far the light leans over, m sideways for each m down."""
    casts: tuple[tuple[float, float, float], ...] = ((1.0, 1.0, 1.0),)
    """Gains of red, green and blue."""
    table: Range = (0.53, 0.63)
    """Brightness of the table."""


RANGES: dict[Domain, DomainRange] = {
    "angle": DomainRange(
        azimuth_deg=(35.0, 60.0), elevation_deg=(28.0, 36.0), distance_m=(0.75, 0.9), roll_deg=8.0
    ),
    "surface": DomainRange(surfaces=("checks", "stripes", "tiles"), table=(0.4, 0.9)),
    "light": DomainRange(
        exposure=(0.55, 1.6), gamma=(0.7, 1.5), noise=(6.0, 14.0), blur_px=(0.2, 1.0),
        vignette=(0.2, 0.6), light=(0.25, 0.5), tilt=(0.6, 1.4),
    ),
    "cast": DomainRange(casts=((1.3, 0.95, 0.45), (0.5, 0.95, 1.35), (0.6, 1.3, 0.6))),
}  # fmt: skip
"""Each leaves the robot's own camera in one respect."""


def domain_range(name: str) -> DomainRange:
    """The range of a named domain.

    Raises:
        ValueError: naming the domains that exist.
    """
    if name not in RANGES:
        raise ValueError(f"no picture domain {name!r}; there are {', '.join(DOMAINS)}")
    return RANGES[name]  # type: ignore[index]


def draw_domain_view(name: str, rng: Generator) -> View:
    """A camera and surroundings of a domain (ValueError if there is none of that name)."""
    given = domain_range(name)
    base = rng.uniform(*given.table)
    table = np.array(_OWN.table_rgb) * base / np.mean(_OWN.table_rgb)
    cast = np.array(given.casts[rng.integers(len(given.casts))]) * rng.uniform(0.95, 1.05, 3)
    way, lean = rng.uniform(0, 2 * np.pi), rng.uniform(*given.tilt)
    return View(
        azimuth_deg=float(rng.choice((-1, 1)) * rng.uniform(*given.azimuth_deg)),
        elevation_deg=float(rng.uniform(*given.elevation_deg)),
        distance_m=float(rng.uniform(*given.distance_m)),
        half_width_m=_HALF_WIDTH_M,
        aim_m=(float(CAMERA_TARGET_M[0] - 0.60), 0.0),
        roll_deg=float(rng.uniform(-1, 1) * given.roll_deg),
        exposure=float(rng.uniform(*given.exposure)),
        balance=tuple(cast.tolist()),
        gamma=float(rng.uniform(*given.gamma)),
        noise=float(rng.uniform(*given.noise)),
        blur_px=float(rng.uniform(*given.blur_px)),
        vignette=float(rng.uniform(*given.vignette)),
        light=float(rng.uniform(*given.light)),
        light_dir=(float(lean * np.cos(way)), float(lean * np.sin(way)), -1.0),
        table_rgb=tuple(np.clip(table, 0.0, 1.0).tolist()),
        table_surface=str(rng.choice(given.surfaces)),
        table_repeat=float(rng.uniform(1.0, 2.5)),
        floor_rgb=_OWN.floor_rgb,
        texture_seed=int(rng.integers(2**31)),
    )
