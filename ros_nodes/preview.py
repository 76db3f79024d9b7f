"""A strip of pictures that shows at a glance what an episode holds. Imports no ROS."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]

PICTURES = 10
SIDE = 120
"""Rows and columns of a picture."""
CURVE_ROWS = 48
INK, KEPT, LEFT_OUT, PAPER = (235, 235, 235), (80, 200, 110), (110, 110, 115), (24, 26, 30)


def strip(pictures: Sequence[Rgb], times_s: Sequence[float]) -> Rgb:
    """Up to `PICTURES` of the pictures (H, W, 3), evenly spread, each with its time."""
    count = min(PICTURES, len(pictures))
    chosen = np.linspace(0, len(pictures) - 1, count).round().astype(int)
    tiles = []
    for i in chosen:
        tile = np.asarray(cv2.resize(pictures[i], (SIDE, SIDE)), np.uint8)
        for ink, thick in (((0, 0, 0), 3), (INK, 1)):
            where, font = (5, SIDE - 7), cv2.FONT_HERSHEY_SIMPLEX
            cv2.putText(tile, f"{times_s[i]:.1f} s", where, font, 0.4, ink, thick, cv2.LINE_AA)
        tiles.append(tile)
    return np.concatenate(tiles, axis=1)


def curve(shares: Sequence[float], first: int, last: int, width: int) -> Rgb:
    """How much moves in each picture of the video, (rows, width, 3); kept ones are green."""
    out: Rgb = np.full((CURVE_ROWS, width, 3), PAPER, np.uint8)
    top = max(max(shares, default=0.0), 1e-6)
    edges = np.linspace(0, width, len(shares) + 1).round().astype(int)
    for i, share in enumerate(shares):
        high = 2 + round((CURVE_ROWS - 4) * share / top)
        colour = KEPT if first <= i <= last else LEFT_OUT
        out[CURVE_ROWS - high :, edges[i] : max(edges[i] + 1, edges[i + 1])] = colour
    return out


def png(picture: Rgb) -> bytes:
    """A picture (H, W, 3) as a PNG file."""
    _, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return bytes(data)
