"""Random warps of pictures: turned, stretched, shifted and bent a little."""

from __future__ import annotations

from dataclasses import dataclass, fields

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_meta.errors import ConfigError

GRID = 4
"""Points along each side that are moved at random; between them the bend is smooth."""


@dataclass(frozen=True, kw_only=True)
class WarpConfig:
    """Sizes of a random warp: standard deviations, of pictures 28 pixels wide."""

    turn_rad: float = 0.15
    stretch: float = 0.12
    """Of each element of the linear map, besides the turn."""
    shift_px: float = 1.5
    bend_px: float = 1.0
    """Of each point of a coarse grid."""

    @classmethod
    def of(cls, size: float) -> WarpConfig:
        """`size` times the warps that stand for a class of their own."""
        full = cls()
        return cls(**{f.name: size * getattr(full, f.name) for f in fields(cls)})

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        if not min(self.turn_rad, self.stretch, self.shift_px, self.bend_px) >= 0:
            raise ConfigError(f"warp: sizes must be >= 0, got {self}")


def warp(
    picture: NDArray[np.uint8], config: WarpConfig, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """A picture (H, W[, 3]) turned, stretched, shifted and bent at random; what enters is black."""
    picture = np.ascontiguousarray(picture)  # a turned one is a view, which OpenCV does not take
    height, width = picture.shape[:2]
    unit = width / 28
    turn = rng.normal(0, config.turn_rad)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    linear = (rotation + rng.normal(0, config.stretch, (2, 2))).astype(np.float32)
    shift = rng.normal(0, unit * config.shift_px, 2).astype(np.float32)
    coarse = rng.normal(0, unit * config.bend_px, (GRID, GRID, 2)).astype(np.float32)
    bend = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    middle = np.array([(width - 1) / 2, (height - 1) / 2], np.float32)
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    around = np.stack([columns, rows], -1).astype(np.float32) - middle
    source = around @ linear.T + middle + shift + bend
    moved = cv2.remap(picture, source[..., 0], source[..., 1], cv2.INTER_LINEAR)
    return np.asarray(moved, np.uint8)
