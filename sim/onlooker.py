"""The camera that films a person: its place, its lens, what stands before it, how it develops."""

import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import mujoco
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from sim.manner import FilmRange
from sim.scene import CAMERA, worldbody

Array = NDArray[np.float64]
Rgb = NDArray[np.uint8]

CENTRE_M = np.array([0.60, 0.0, 0.02])
"""What the camera looks at, and goes round."""
_PIXELS = 128


@dataclass(frozen=True)
class View:
    """One take's camera and surroundings."""

    azimuth_deg: float
    elevation_deg: float
    distance_m: float
    half_width_m: float
    """Half the height of what is in the picture at the table's centre: what the lens is set to."""
    aim_m: tuple[float, float]
    """Where it really looks, from `CENTRE_M`."""
    roll_deg: float
    exposure: float
    balance: tuple[float, float, float]
    """Gain of red, green and blue."""
    gamma: float
    noise: float
    """Standard deviation of a pixel, of 255."""
    blur_px: float
    vignette: float
    """How much darker the corners are, 0..1."""
    light: float
    light_dir: tuple[float, float, float]
    table_rgb: tuple[float, float, float]
    table_surface: str
    table_repeat: float
    floor_rgb: tuple[float, float, float]
    texture_seed: int

    @property
    def fovy_deg(self) -> float:
        """The lens's field of view over the picture's height."""
        return float(2 * np.rad2deg(np.arctan(self.half_width_m / self.distance_m)))


def draw_view(given: FilmRange, rng: Generator) -> View:
    """A camera and surroundings within a preset."""
    table, tint = rng.uniform(0.25, 0.85), rng.uniform(-0.12, 0.12, 3)
    return View(
        azimuth_deg=float(rng.choice((-1, 1)) * rng.uniform(*given.azimuth_deg)),
        elevation_deg=float(rng.uniform(40, 58)),
        distance_m=float(rng.uniform(1.0, 1.35)),
        half_width_m=float(rng.uniform(0.34, 0.40)),
        aim_m=tuple(rng.uniform(-0.015, 0.015, 2).tolist()),
        roll_deg=float(rng.uniform(-2.5, 2.5)),
        exposure=float(rng.uniform(0.75, 1.25)),
        balance=tuple(rng.uniform(0.9, 1.1, 3).tolist()),
        gamma=float(rng.uniform(0.85, 1.2)),
        noise=float(rng.uniform(2, 9)),
        blur_px=float(rng.uniform(0.0, 0.9)),
        vignette=float(rng.uniform(0.0, 0.25)),
        light=float(rng.uniform(0.3, 0.65)),
        light_dir=tuple([*rng.uniform(-0.6, 0.6, 2).tolist(), -1.0]),  # type: ignore[arg-type]
        table_rgb=tuple(np.clip(table + tint, 0.1, 0.95).tolist()),
        table_surface=str(rng.choice(given.surfaces)),
        table_repeat=float(rng.uniform(1.0, 2.5)),
        floor_rgb=tuple(rng.uniform(0.1, 0.7, 3).tolist()),
        texture_seed=int(rng.integers(2**31)),
    )


def cover(root: ET.Element, view: View) -> dict[str, bytes]:
    """Cover the table of a model with its surface; returns the texture's file."""
    asset = ET.SubElement(root, "asset")
    ET.SubElement(asset, "texture", name="table", type="2d", file="table.png")
    repeat = f"{view.table_repeat:.4g} {view.table_repeat * 1.4:.4g}"
    ET.SubElement(asset, "material", name="table", texture="table", texrepeat=repeat,
                  specular="0", reflectance="0")  # fmt: skip
    table = next(geom for geom in worldbody(root).iter("geom") if geom.get("name") == "table")
    table.set("material", "table")
    png = cv2.imencode(".png", cv2.cvtColor(surface(view), cv2.COLOR_RGB2BGR))[1]
    return {"table.png": png.tobytes()}


def surface(view: View) -> Rgb:
    """The table's surface as a grey image (pixels, pixels, 3) uint8 that its colour multiplies.

    Raises:
        ValueError: for a surface that is not known.
    """
    rng = np.random.default_rng(view.texture_seed)
    u, v = np.meshgrid(np.arange(_PIXELS) / _PIXELS, np.arange(_PIXELS) / _PIXELS)
    coarse = _smooth(rng, 10.0)
    makers: dict[str, Callable[[], Array]] = {
        "plain": lambda: 1.0 + 0 * u,
        "grain": lambda: 0.93 + 0.07 * np.sin(2 * np.pi * (7 * v + 0.25 * coarse)),
        "speckle": lambda: 0.92 + 0.05 * _smooth(rng, 1.0),
        "checks": lambda: 0.78 + 0.22 * np.sign(np.sin(8 * np.pi * u) * np.sin(8 * np.pi * v)),
        "stripes": lambda: np.where(np.sin(8 * np.pi * (u + v)) > 0, 1.0, 0.5),
        "tiles": lambda: np.where((u * 4 % 1 < 0.08) | (v * 4 % 1 < 0.08), 0.4, 0.9 + 0.1 * coarse),
    }
    if view.table_surface not in makers:
        raise ValueError(f"no surface {view.table_surface!r}; there are {', '.join(makers)}")
    grey = np.clip(makers[view.table_surface](), 0, 1) * 255
    return np.repeat(grey.astype(np.uint8)[..., None], 3, 2)


def _smooth(rng: Generator, sigma: float) -> Array:
    """Noise of unit size that varies over `sigma` pixels."""
    noise = cv2.GaussianBlur(rng.standard_normal((_PIXELS, _PIXELS)), (0, 0), sigma)
    out: Array = noise / noise.std()
    return out


def set_up(model: mujoco.MjModel, view: View) -> None:
    """Camera, lens, light and colours of a model."""
    model.geom("table").rgba[:3] = view.table_rgb
    model.geom("floor").rgba[:3] = view.floor_rgb
    model.light_diffuse[0] = view.light
    model.light_dir[0] = np.array(view.light_dir) / np.linalg.norm(view.light_dir)
    azimuth, elevation = np.deg2rad(view.azimuth_deg), np.deg2rad(view.elevation_deg)
    ahead = np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
    back = np.cos(elevation) * ahead + [0.0, 0.0, np.sin(elevation)]
    right = np.array([-np.sin(azimuth), np.cos(azimuth), 0.0])
    up = np.cross(back, right)
    roll = np.deg2rad(view.roll_deg)
    x, y = np.cos(roll) * right + np.sin(roll) * up, np.cos(roll) * up - np.sin(roll) * right
    camera = model.camera(CAMERA)
    camera.pos = CENTRE_M + [*view.aim_m, 0.0] + view.distance_m * back
    mujoco.mju_mat2Quat(camera.quat, np.stack([x, y, back], 1).ravel())
    model.cam_fovy[camera.id] = view.fovy_deg


def develop(rgb: Rgb, view: View, rng: Generator) -> Rgb:
    """What the camera makes of a picture (h, w, 3): blur, exposure, colour, corners, noise."""
    h, w = rgb.shape[:2]
    light = np.asarray(rgb, np.float32) / np.float32(255)
    if view.blur_px > 0.2:
        light = cv2.GaussianBlur(light, (0, 0), view.blur_px)
    y, x = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j].astype(np.float32)
    fall = 1.0 - view.vignette * 0.5 * (x * x + y * y)
    gain = view.exposure * np.array(view.balance, np.float32)
    shaded = np.clip(light * gain * fall[..., None], 0.0, 1.0) ** view.gamma
    grainy = 255.0 * shaded + view.noise * rng.standard_normal(rgb.shape, np.float32)
    developed: Rgb = np.clip(grainy + 0.5, 0, 255).astype(np.uint8)
    return developed
