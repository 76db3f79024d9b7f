"""Courses on the ground, and where to head to stay on one: pure pursuit (Coulter 1992).

P points, B robots. A course begins at the origin and along x.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
SPACING_M = 0.05
AHEAD_M = 2.0
"""How much further along a robot can come in one control step."""


@dataclass(frozen=True, eq=False)
class Course:
    """Points (P, 2), m, `SPACING_M` apart."""

    points: Array

    def __len__(self) -> int:
        """P."""
        return len(self.points)

    def reached(self, positions: Array, before: NDArray[np.int_]) -> NDArray[np.int_]:
        """The nearest point (B,) to each position (B, 2), from the one reached `before` onwards.

        Only the next `AHEAD_M` are looked at, so that where a course crosses itself none is left
        out; nobody goes back.
        """
        window = before[:, None] + np.arange(round(AHEAD_M / SPACING_M) + 1)
        window = np.minimum(window, len(self) - 1)
        gap = np.linalg.norm(self.points[window] - positions[:, None], axis=-1)
        out: NDArray[np.int_] = window[np.arange(len(before)), gap.argmin(1)]
        return out

    def heading(self, positions: Array, reached: NDArray[np.int_], look_m: float) -> Array:
        """Unit vectors (B, 2) from the positions to the point `look_m` after the one reached."""
        ahead = np.minimum(reached + round(look_m / SPACING_M), len(self) - 1)
        way = self.points[ahead] - positions
        out: Array = way / np.maximum(np.linalg.norm(way, axis=-1, keepdims=True), 1e-9)
        return out

    def off(self, positions: Array, reached: NDArray[np.int_]) -> Array:
        """Distances (B,) of the positions from the points reached, m."""
        out: Array = np.linalg.norm(self.points[reached] - positions, axis=-1)
        return out


def straight(length_m: float) -> Course:
    """A line."""
    x = np.arange(0.0, length_m, SPACING_M)
    return Course(np.stack([x, np.zeros_like(x)], -1))


def turn(radius_m: float, after_m: float) -> Course:
    """A line of `after_m`, a quarter of a circle to the left, and a line again."""
    angle = np.arange(0.0, np.pi / 2.0, SPACING_M / radius_m)
    bend = np.stack([after_m + radius_m * np.sin(angle), radius_m * (1.0 - np.cos(angle))], -1)
    last = np.arange(0.0, after_m, SPACING_M)
    end = np.stack([np.full_like(last, after_m + radius_m), radius_m + last], -1)
    return Course(np.concatenate([straight(after_m).points, bend, end]))


def figure_eight(radius_m: float) -> Course:
    """Two circles that touch at the origin: the left one first, then the right one."""
    angle = np.arange(0.0, 2.0 * np.pi, SPACING_M / radius_m)
    left = radius_m * np.stack([np.sin(angle), 1.0 - np.cos(angle)], -1)
    return Course(np.concatenate([left, left * [1.0, -1.0]]))


COURSES = {"straight": straight(12.0), "turn": turn(2.0, 4.0), "figure_eight": figure_eight(2.0)}
"""What robots are asked to follow."""
