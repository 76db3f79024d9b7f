"""What things on the table look like, and which looks belong to which split.

Held out means held out: hue bands, (shape, pattern) pairs and texture seeds of one split occur in
no other.
"""

import colorsys
from dataclasses import dataclass
from functools import cache
from typing import Literal

import cv2
import numpy as np
from numpy.random import Generator, SeedSequence
from numpy.typing import NDArray

Array = NDArray[np.float64]
Split = Literal["train", "val", "test", "test_shapes"]
SPLITS: tuple[Split, ...] = ("train", "val", "test", "test_shapes")

SHAPES = ("square", "circle", "triangle", "rectangle", "half_disc")
HELD_OUT_SHAPES = ("pentagon", "ellipse")
"""Shape families of the split `test_shapes` alone."""
PATTERNS = ("plain", "stripes", "checks", "dots", "ring", "cross")
TRAIN_SHAPES = ("trapezoid", "kite", "hexagon")
TRAIN_PATTERNS = ("halves", "bars", "frame", "zigzag", "spot", "wedges")
"""Of the training tasks alone: a learner that has met many looks tells new ones apart better."""
INKS = ("light", "dark")

HUE_BAND_DEG = 30.0
HUE_GUARD_DEG = 4.0
"""Hues keep this far from a band's edge, so that neighbouring bands of two splits stay apart."""
HUE_BANDS: dict[Split, tuple[int, ...]] = {
    "train": (0, 2, 3, 5, 7, 8, 11),
    "val": (4, 10),
    "test": (1, 6, 9),
    "test_shapes": (1, 6, 9),
}
TEXTURE_SEEDS = 1_000_000
"""Each split owns a block of this many texture seeds."""


@dataclass(frozen=True)
class Look:
    """Appearance and size of one thing. `size_m` is the radius of the disc of equal area."""

    shape: str
    pattern: str
    hue_deg: float
    saturation: float
    value: float
    ink: str
    size_m: float
    texture_seed: int


def split_pairs(split: Split) -> list[tuple[str, str]]:
    """The (shape, pattern) pairs that belong to `split`."""
    if split == "test_shapes":
        return [(s, p) for s in HELD_OUT_SHAPES for p in PATTERNS]
    # Diagonals of the table: every shape and every pattern is seen in each split, no pair in two.
    own = {"test": (0,), "val": (1,), "train": (2, 3, 4)}[split]
    pairs = [
        (s, p)
        for i, s in enumerate(SHAPES)
        for j, p in enumerate(PATTERNS)
        if (i + j) % len(SHAPES) in own
    ]
    if split == "train":
        pairs += [(s, p) for s in SHAPES for p in TRAIN_PATTERNS]
        pairs += [(s, p) for s in TRAIN_SHAPES for p in PATTERNS + TRAIN_PATTERNS]
    return pairs


def draw_hue(split: Split, rng: Generator, *, away_from: float | None = None) -> float:
    """A hue in degrees from the split's bands, in another band than `away_from` where given."""
    bands = [
        b for b in HUE_BANDS[split] if away_from is None or b != int(away_from // HUE_BAND_DEG)
    ]
    low = HUE_BAND_DEG * bands[rng.integers(len(bands))] + HUE_GUARD_DEG
    return float(rng.uniform(low, low + HUE_BAND_DEG - 2 * HUE_GUARD_DEG))


def draw_look(
    split: Split,
    rng: Generator,
    size_m: tuple[float, float],
    *,
    shapes: tuple[str, ...] | None = None,
) -> Look:
    """One thing of the split, size uniform in `size_m`, shape one of `shapes` where given."""
    pairs = [p for p in split_pairs(split) if shapes is None or p[0] in shapes]
    shape, pattern = pairs[rng.integers(len(pairs))]
    return Look(
        shape=shape,
        pattern=pattern,
        hue_deg=draw_hue(split, rng),
        saturation=float(rng.uniform(0.55, 1.0)),
        value=float(rng.uniform(0.55, 1.0)),
        ink=INKS[rng.integers(len(INKS))],
        size_m=float(rng.uniform(*size_m)),
        texture_seed=int(SPLITS.index(split) * TEXTURE_SEEDS + rng.integers(TEXTURE_SEEDS)),
    )


def distinct(a: Look, b: Look) -> bool:
    """Whether a person would tell the two apart: by hue, or by both shape and pattern."""
    gap = abs(a.hue_deg - b.hue_deg) % 360.0
    return min(gap, 360.0 - gap) >= HUE_BAND_DEG or (a.shape != b.shape and a.pattern != b.pattern)


def shares(a: Look, b: Look) -> bool:
    """Whether two things share colour, shape or size."""
    gap = abs(a.hue_deg - b.hue_deg) % 360.0
    return min(gap, 360.0 - gap) <= 5.0 or a.shape == b.shape or a.size_m == b.size_m


@cache
def outline(shape: str, size_m: float) -> Array:
    """The outline (n, 2), m: counter-clockwise, convex, centroid at the origin, area pi size_m^2.

    Raises:
        ValueError: for a shape that is not known.
    """
    turn = np.linspace(0.0, 2 * np.pi, 12, endpoint=False)
    half = np.linspace(0.0, np.pi, 8)
    unit = {
        "square": np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]], float),
        "rectangle": np.array([[1.7, 1], [-1.7, 1], [-1.7, -1], [1.7, -1]], float),
        "circle": np.stack([np.cos(turn), np.sin(turn)], 1),
        "ellipse": np.stack([1.7 * np.cos(turn), np.sin(turn)], 1),
        "triangle": np.stack([np.cos(turn[::4]), np.sin(turn[::4])], 1),
        "pentagon": np.stack(
            [np.cos(2 * np.pi * np.arange(5) / 5), np.sin(2 * np.pi * np.arange(5) / 5)], 1
        ),
        "half_disc": np.stack([np.cos(half), np.sin(half)], 1),
        "trapezoid": np.array([[0.9, 0.8], [-0.9, 0.8], [-1.3, -0.8], [1.3, -0.8]], float),
        "kite": np.array([[1.2, 0], [0, 1.0], [-0.9, 0], [0, -1.0]], float),
        "hexagon": np.stack([np.cos(turn[::2]), np.sin(turn[::2])], 1),
    }
    if shape not in unit:
        raise ValueError(f"no shape {shape!r}; there are {sorted(unit)}")
    points = unit[shape]
    x, y = points.T
    cross = x * np.roll(y, -1) - np.roll(x, -1) * y
    area = cross.sum() / 2
    centre = ((points + np.roll(points, -1, 0)) * cross[:, None]).sum(0) / (6 * area)
    scaled: Array = (points - centre) * size_m * np.sqrt(np.pi / area)
    scaled.flags.writeable = False
    return scaled


def inside(polygon: Array, point: Array) -> bool:
    """Whether `point` (2,) lies in the convex counter-clockwise `polygon` (n, 2)."""
    edge = np.roll(polygon, -1, 0) - polygon
    to = point - polygon
    return bool((edge[:, 0] * to[:, 1] - edge[:, 1] * to[:, 0] >= 0).all())


def texture(look: Look, pixels: int = 64) -> NDArray[np.uint8]:
    """The thing's top as an image (pixels, pixels, 3) uint8 RGB; the outline is inscribed in it."""
    rng = np.random.default_rng(SeedSequence([look.texture_seed]))
    grid = (np.arange(pixels) + 0.5) / pixels * 2 - 1
    u, v = np.meshgrid(grid, grid)
    angle, phase = rng.uniform(-0.5, 0.5), rng.uniform(0, 2 * np.pi)
    a, b = np.cos(angle) * u + np.sin(angle) * v, -np.sin(angle) * u + np.cos(angle) * v
    mask = {
        "plain": np.zeros_like(u, bool),
        "stripes": np.sin(2 * np.pi * 1.5 * a + phase) > 0,
        "checks": (np.sin(2 * np.pi * 1.1 * a + phase) > 0)
        ^ (np.sin(2 * np.pi * 1.1 * b + phase) > 0),
        "dots": (np.cos(2 * np.pi * 1.4 * a) + np.cos(2 * np.pi * 1.4 * b)) > 0.8,
        "ring": (np.hypot(u, v) > 0.3) & (np.hypot(u, v) < 0.6),
        "cross": (np.abs(a) < 0.2) | (np.abs(b) < 0.2),
        "halves": a > 0.0,
        "bars": (np.abs(np.abs(a) - 0.4) < 0.12) | (np.abs(np.abs(b) - 0.4) < 0.12),
        "frame": np.maximum(np.abs(a), np.abs(b)) > 0.5,
        "zigzag": np.abs(a + 0.25 - 0.5 * np.abs((2.0 * b) % 2.0 - 1.0)) < 0.2,
        "spot": np.hypot(a - 0.25, b) < 0.4,
        "wedges": np.sin(3 * np.arctan2(b, a) + phase) > 0,
    }[look.pattern]
    colour = np.array(colorsys.hsv_to_rgb(look.hue_deg / 360.0, look.saturation, look.value))
    ink = np.full(3, 0.95 if look.ink == "light" else 0.08)
    image = np.where(mask[..., None], ink, colour)
    grain = cv2.GaussianBlur(rng.normal(0.0, 1.0, (pixels, pixels)), (0, 0), 2.0)
    image = image * (1.0 + 0.25 * grain[..., None])
    top: NDArray[np.uint8] = (np.clip(image, 0, 1) * 255).astype(np.uint8)
    return top
