"""Shapes of single things, composed of boxes, capsules, cylinders and ellipsoids.

A shape is a family and a number: `chair-17`. The number seeds everything that may differ within the
family, so there are as many shapes as numbers. Shapes look along +x, stand on z = 0 and fit into a
cylinder of diameter and height 1. None looks the same from all sides: azimuth means something.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Array = NDArray[np.float64]
Kind = Literal["box", "capsule", "cylinder", "ellipsoid"]
Triple = tuple[float, float, float]
SIDE, ALONG, UP = (np.pi / 2, 0.0, 0.0), (0.0, np.pi / 2, 0.0), (0.0, 0.0, 0.0)
"""Turns that lay a cylinder's axis along y and along x, or leave it upright."""
MAX_PARTS = 14


@dataclass(frozen=True)
class Part:
    """One primitive: half sizes of a box or ellipsoid; radius, half length, 0 of the others."""

    kind: Kind
    size: Triple
    pos: Triple
    turn: Triple = UP
    """About x, then y, then z (fixed axes), rad."""
    tone: int = 0
    """Which of the shape's colours: 0 body, 1 second, 2 dark."""


def shape(name: str) -> tuple[Part, ...]:
    """The parts of a shape such as `chair-17`, scaled to fit.

    Raises:
        ValueError: the family is unknown, or there is no number.
    """
    family, dash, number = name.rpartition("-")
    if not dash or family not in _MAKERS or not number.isdigit():
        raise ValueError(
            f"no shape {name!r}; write FAMILY-NUMBER, as in chair-17, with a family of "
            f"{', '.join(FAMILIES)}"
        )
    rng = np.random.default_rng([zlib.crc32(family.encode()), int(number)])
    return _fitted(_MAKERS[family](rng))


def _fitted(parts: list[Part]) -> tuple[Part, ...]:
    """Stand on the ground, centred, at most 1 across and 1 high."""
    low = np.min([np.array(p.pos) - _reach(p) for p in parts], 0)
    high = np.max([np.array(p.pos) + _reach(p) for p in parts], 0)
    middle = np.array([*(low[:2] + high[:2]) / 2, low[2]])
    across = np.hypot(*(high - low)[:2])
    scale = 1.0 / max(across, high[2] - low[2])
    return tuple(
        replace(p, size=_triple(scale * np.array(p.size)), pos=_triple(scale * (p.pos - middle)))
        for p in parts
    )


def _reach(part: Part) -> Array:
    """Half extents along the axes of the box around a part."""
    a, b, c = part.size
    half = {
        "box": np.array([a, b, c]),
        "ellipsoid": np.array([a, b, c]),
        "cylinder": np.array([a, a, b]),
        "capsule": np.array([a, a, a + b]),
    }[part.kind]
    turned: Array = np.abs(rotation(part.turn)) @ half
    return turned


def rotation(turn: Triple) -> Array:
    """The matrix (3, 3) of turns about x, then y, then z."""
    out = np.eye(3)
    for axis, angle in enumerate(turn):
        i, j = [(1, 2), (2, 0), (0, 1)][axis]
        each = np.eye(3)
        each[i, i] = each[j, j] = np.cos(angle)
        each[i, j], each[j, i] = -np.sin(angle), np.sin(angle)
        out = each @ out
    return out


def _triple(values: Array) -> Triple:
    x, y, z = (float(v) for v in values)
    return x, y, z


def _box(x: float, y: float, z: float, pos: Triple, turn: Triple = UP, tone: int = 0) -> Part:
    return Part("box", (x, y, z), pos, turn, tone)


def _rod(r: float, half: float, pos: Triple, turn: Triple = UP, tone: int = 0) -> Part:
    return Part("cylinder", (r, half, 0.0), pos, turn, tone)


def _capsule(r: float, half: float, pos: Triple, turn: Triple = UP, tone: int = 0) -> Part:
    return Part("capsule", (r, half, 0.0), pos, turn, tone)


def _ball(x: float, y: float, z: float, pos: Triple, tone: int = 0) -> Part:
    return Part("ellipsoid", (x, y, z), pos, UP, tone)


def _legs(x: float, y: float, r: float, height: float, tone: int = 2) -> list[Part]:
    places = [(i * x, j * y) for i in (-1, 1) for j in (-1, 1)]
    return [_rod(r, height / 2, (a, b, height / 2), UP, tone) for a, b in places]


def _table(rng: Generator) -> list[Part]:
    x, y, h = rng.uniform(0.25, 0.4), rng.uniform(0.3, 0.6), rng.uniform(0.4, 0.75)
    drawer = rng.uniform(0.15, 0.9 * h)
    side = rng.choice([-1.0, 1.0])
    top = _box(x, y, 0.03, (0, 0, h), tone=0)
    chest = _box(0.8 * x, 0.3 * y, drawer / 2, (0, side * 0.6 * y, h - drawer / 2), tone=1)
    knob = _ball(0.03, 0.06, 0.03, (0.85 * x, side * 0.6 * y, h - drawer / 2), tone=2)
    return [top, chest, knob, *_legs(0.85 * x, 0.9 * y, rng.uniform(0.015, 0.05), h)]


def _chair(rng: Generator) -> list[Part]:
    x, h, back = rng.uniform(0.2, 0.3), rng.uniform(0.3, 0.5), rng.uniform(0.2, 0.6)
    lean = rng.uniform(0.0, 0.3)
    parts = [
        _box(x, x, 0.035, (0, 0, h)),
        _box(0.03, x * rng.uniform(0.6, 1.0), back / 2, (-x, 0, h + back / 2), (0, -lean, 0), 1),
        *_legs(0.85 * x, 0.85 * x, rng.uniform(0.015, 0.04), h),
    ]
    if rng.random() < 0.5:
        arm = rng.uniform(0.1, 0.2)
        parts += [_box(0.8 * x, 0.03, 0.02, (0, s * x, h + arm), tone=1) for s in (-1, 1)]
    return parts


def _lamp(rng: Generator) -> list[Part]:
    h, arm = rng.uniform(0.5, 0.9), rng.uniform(0.2, 0.45)
    tilt = rng.uniform(0.3, 1.2)
    end = (arm * np.cos(tilt) * 1.2, 0.0, h + arm * np.sin(tilt) * 0.3)
    return [
        _rod(rng.uniform(0.12, 0.22), 0.025, (0, 0, 0.025), UP, 2),
        _capsule(rng.uniform(0.012, 0.03), h / 2, (0, 0, h / 2), UP, 2),
        _capsule(0.018, arm / 2, (end[0] / 2, 0, (h + end[2]) / 2), (0, np.pi / 2 - 0.3, 0), 2),
        _rod(rng.uniform(0.1, 0.2), rng.uniform(0.05, 0.12), end, (0, tilt - 0.3, 0), 0),
    ]


def _mug(rng: Generator) -> list[Part]:
    r, h, grip = rng.uniform(0.22, 0.35), rng.uniform(0.4, 0.9), rng.uniform(0.1, 0.25)
    t, high = rng.uniform(0.025, 0.05), rng.uniform(0.45, 0.7) * h
    reach, drop = r + grip, rng.uniform(0.1, 0.2)
    return [
        _rod(r, h / 2, (0, 0, h / 2)),
        _rod(0.85 * r, 0.01, (0, 0, h + 0.006), UP, 2),
        _capsule(t, grip / 2, (r + grip / 2, 0, high + drop), ALONG, 1),
        _capsule(t, grip / 2, (r + grip / 2, 0, high - drop), ALONG, 1),
        _capsule(t, drop, (reach, 0, high), UP, 1),
        _box(0.02, 0.4 * r, 0.2 * h, (-r, 0, 0.5 * h), UP, 1),
    ]


def _wheels(x: float, y: float, r: float) -> list[Part]:
    return [_rod(r, 0.04, (i * x, j * y, r), SIDE, 2) for i in (-1, 1) for j in (-1, 1)]


def _car(rng: Generator) -> list[Part]:
    x, y, r = rng.uniform(0.45, 0.6), rng.uniform(0.2, 0.28), rng.uniform(0.07, 0.12)
    body, cabin = rng.uniform(0.08, 0.13), rng.uniform(0.07, 0.15)
    length, shift = rng.uniform(0.35, 0.6) * x, -rng.uniform(0.05, 0.3) * x
    top = r + 2 * body
    return [
        _box(x, y, body, (0, 0, r + body)),
        _box(length, 0.85 * y, cabin, (shift, 0, top + cabin), tone=1),
        _box(0.02, 0.7 * y, 0.6 * cabin, (shift + length, 0, top + cabin), tone=2),
        *_wheels(0.62 * x, y, r),
        _ball(0.03, 0.04, 0.03, (x, 0.7 * y, r + body), tone=1),
        _ball(0.03, 0.04, 0.03, (x, -0.7 * y, r + body), tone=1),
    ]


def _truck(rng: Generator) -> list[Part]:
    x, y, r = rng.uniform(0.5, 0.65), rng.uniform(0.18, 0.25), rng.uniform(0.08, 0.12)
    cab, load = rng.uniform(0.13, 0.2), rng.uniform(0.08, 0.26)
    return [
        _box(x, 0.8 * y, 0.03, (0, 0, 1.5 * r), tone=2),
        _box(cab, y, cab, (x - cab, 0, 1.5 * r + cab), tone=1),
        _box(x - 1.1 * cab, y, load, (-1.1 * cab, 0, 1.5 * r + load)),
        *_wheels(0.7 * x, y, r),
    ]


def _tower(rng: Generator) -> list[Part]:
    parts, h, r = [], 0.0, rng.uniform(0.25, 0.35)
    x = 0.0
    for k in range(int(rng.integers(3, 6))):
        tall = rng.uniform(0.06, 0.18)
        if rng.random() < 0.6:
            parts.append(_box(r, r * rng.uniform(0.5, 1), tall, (x, 0, h + tall), tone=k % 2))
        else:
            parts.append(_rod(r, tall, (x, 0, h + tall), UP, k % 2))
        h, x, r = h + 2 * tall, x + rng.uniform(0.02, 0.12), r * rng.uniform(0.6, 0.95)
    parts.append(_box(0.15, 0.04, 0.03, (x + r, 0, h), tone=2))
    return parts


def _plane(rng: Generator) -> list[Part]:
    x, r = rng.uniform(0.45, 0.6), rng.uniform(0.06, 0.11)
    span, at = rng.uniform(0.4, 0.6), rng.uniform(-0.1, 0.15)
    z = 0.2
    return [
        _ball(x, r, r, (0, 0, z)),
        _box(rng.uniform(0.06, 0.13), span, 0.015, (at, 0, z), tone=1),
        _box(0.06, rng.uniform(0.15, 0.25), 0.012, (-0.85 * x, 0, z + 0.02), tone=1),
        _box(0.06, 0.012, rng.uniform(0.08, 0.14), (-0.85 * x, 0, z + 0.12), tone=1),
        _capsule(0.035, 0.07, (at + 0.05, 0.5 * span, z - 0.05), ALONG, 2),
        _capsule(0.035, 0.07, (at + 0.05, -0.5 * span, z - 0.05), ALONG, 2),
        _rod(0.02, z / 2, (0.5 * x, 0, z / 2), UP, 2),
    ]


def _sofa(rng: Generator) -> list[Part]:
    x, y, h = rng.uniform(0.2, 0.3), rng.uniform(0.35, 0.6), rng.uniform(0.1, 0.16)
    back, arm, t = rng.uniform(0.12, 0.25), rng.uniform(0.04, 0.12), rng.uniform(0.05, 0.09)
    seats = int(rng.integers(1, 4))
    width = (y - t) / seats
    return [
        _box(x, y, h, (0, 0, h)),
        _box(t, y, back, (-x, 0, 2 * h + back), (0, -0.15, 0)),
        *(_box(x, t, arm, (0, s * y, 2 * h + arm)) for s in (-1, 1)),
        *(
            _box(0.8 * x, 0.9 * width, 0.03, (0.1 * x, (2 * k + 1 - seats) * width, 2 * h), tone=1)
            for k in range(seats)
        ),
    ]


def _bed(rng: Generator) -> list[Part]:
    x, y, h = rng.uniform(0.5, 0.65), rng.uniform(0.2, 0.45), rng.uniform(0.06, 0.14)
    head, foot = rng.uniform(0.15, 0.35), rng.uniform(0.0, 0.12)
    cover = rng.uniform(0.4, 0.8)
    return [
        _box(x, y, h, (0, 0, h + 0.05), tone=1),
        _box(0.025, y, head, (-x, 0, head), tone=2),
        _box(0.025, y, 0.05 + h + foot / 2, (x, 0, 0.05 + h + foot / 2), tone=2),
        _box(0.12, 0.7 * y, 0.04, (-0.8 * x, 0, 2 * h + 0.07), tone=1),
        _box(cover * x, 1.03 * y, h, ((1 - cover) * x, 0, h + 0.07), tone=0),
    ]


def _monitor(rng: Generator) -> list[Part]:
    y, z, lift = rng.uniform(0.3, 0.5), rng.uniform(0.18, 0.35), rng.uniform(0.1, 0.3)
    lean = rng.uniform(-0.25, 0.1)
    middle = lift + z
    return [
        _box(rng.uniform(0.02, 0.05), y, z, (0, 0, middle), (0, lean, 0), 2),
        _box(0.012, 0.9 * y, 0.85 * z, (0.05, 0, middle), (0, lean, 0), 0),
        _rod(0.03, lift / 2, (-0.03, 0, lift / 2), UP, 1),
        _box(rng.uniform(0.1, 0.2), rng.uniform(0.12, 0.25), 0.015, (0, 0, 0.015), tone=1),
    ]


def _dog(rng: Generator) -> list[Part]:
    x, r, h = rng.uniform(0.28, 0.42), rng.uniform(0.09, 0.16), rng.uniform(0.15, 0.4)
    head, neck = rng.uniform(0.09, 0.15), rng.uniform(0.05, 0.3)
    top = h + r + neck
    return [
        _capsule(r, x - r, (0, 0, h + 0.5 * r), ALONG),
        *_legs(0.75 * x, 0.7 * r, rng.uniform(0.025, 0.05), h, 0),
        _capsule(0.05, neck / 2 + 0.03, (x, 0, h + r + neck / 2), (0, 0.4, 0)),
        _ball(1.3 * head, head, head, (x + 0.08, 0, top)),
        *(_ball(0.02, 0.03, 0.07, (x, s * 0.8 * head, top + head), tone=2) for s in (-1, 1)),
        _capsule(0.02, rng.uniform(0.05, 0.15), (-x - 0.08, 0, h + 1.3 * r), (0, -0.9, 0), 2),
    ]


def _hammer(rng: Generator) -> list[Part]:
    long, r = rng.uniform(0.35, 0.5), rng.uniform(0.02, 0.045)
    head, wide = rng.uniform(0.12, 0.25), rng.uniform(0.05, 0.09)
    return [
        _capsule(r, long, (0, 0, wide), ALONG, 1),
        _box(wide, head, wide, (long, 0.2 * head, wide), tone=0),
        _rod(1.1 * wide, 0.04, (long, 1.2 * head, wide), SIDE, 2),
        _box(1.2 * r, r, 1.2 * r, (-0.8 * long, 0, wide), tone=2),
    ]


def _boat(rng: Generator) -> list[Part]:
    x, y, h = rng.uniform(0.45, 0.6), rng.uniform(0.14, 0.24), rng.uniform(0.07, 0.13)
    cabin, mast = rng.uniform(0.07, 0.14), rng.uniform(0.15, 0.5)
    at = rng.uniform(-0.4, 0.0) * x
    return [
        _box(0.75 * x, y, h, (-0.2 * x, 0, h)),
        _box(0.7 * y, 0.7 * y, h, (0.55 * x, 0, h), (0, 0, np.pi / 4)),
        _box(0.3 * x, 0.7 * y, cabin, (at, 0, 2 * h + cabin), tone=1),
        _rod(rng.uniform(0.04, 0.07), 0.08, (at - 0.1 * x, 0, 2 * h + 2 * cabin), UP, 2),
        _capsule(0.015, mast / 2, (0.3 * x, 0, 2 * h + mast / 2), UP, 2),
    ]


_MAKERS: dict[str, Callable[[Generator], list[Part]]] = {
    "bed": _bed,
    "boat": _boat,
    "car": _car,
    "chair": _chair,
    "dog": _dog,
    "hammer": _hammer,
    "lamp": _lamp,
    "monitor": _monitor,
    "mug": _mug,
    "plane": _plane,
    "sofa": _sofa,
    "table": _table,
    "tower": _tower,
    "truck": _truck,
}
FAMILIES = tuple(_MAKERS)
