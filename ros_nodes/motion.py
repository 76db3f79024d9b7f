"""When something happens in a video: from the differences of its pictures. Imports no ROS."""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]

SIDE = 80
"""Pictures are compared at this many rows and columns."""
BACK_S = 0.3
"""A picture is compared with the one this long before: slow motion counts too."""
LEVELS = 12
"""A pixel has changed when it differs by more, of 255: noise and compression differ by less."""
BEGIN, KEEP = 0.006, 0.003
"""Share of changed pixels with which motion begins, and down to which it goes on."""
QUIET_S = 1.0
"""Motion has ended when it was quiet for so long."""
SHORTEST_S = 0.4
"""Shorter motion is a jolt."""
MARGIN_S = 0.2
"""What is kept before and after."""


class Motion:
    """Takes pictures one by one and tells in which of them something moves.

    Args:
        rate_hz: pictures a second.
    """

    def __init__(self, rate_hz: float) -> None:
        self.rate_hz = rate_hz
        self.shares: list[float] = []
        """Share of pixels that changed, for each picture taken."""
        self._before: deque[NDArray[np.float32]] = deque(maxlen=max(1, round(BACK_S * rate_hz)))

    def add(self, rgb: Rgb) -> None:
        """Take the next picture (H, W, 3)."""
        small = cv2.resize(rgb, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        grey = cv2.GaussianBlur(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), (3, 3), 0)
        now: NDArray[np.float32] = np.asarray(grey, np.float32)
        change = now - (self._before[0] if self._before else now)
        # A camera that changes its exposure changes all pixels alike.
        moved = np.abs(change - np.median(change)) > LEVELS
        self.shares.append(float(moved.mean()))
        self._before.append(now)

    def span(self) -> tuple[int, int] | None:
        """First and last picture of the longest stretch of motion; None where nothing moves."""
        stretches = self._stretches()
        if not stretches:
            return None
        first, last = max(stretches, key=lambda s: s[1] - s[0])
        back, margin = round(BACK_S * self.rate_hz), round(MARGIN_S * self.rate_hz)
        return max(0, first - back - margin), min(len(self.shares) - 1, last + margin)

    def _stretches(self) -> list[tuple[int, int]]:
        """Pictures from which, and up to which, something moved without a long rest."""
        found: list[tuple[int, int]] = []
        for i, share in enumerate(self.shares):
            going = bool(found) and i - found[-1][1] <= QUIET_S * self.rate_hz
            if going and share >= KEEP:
                found[-1] = found[-1][0], i
            elif share >= BEGIN:
                found.append((i, i))
        return [s for s in found if s[1] - s[0] >= SHORTEST_S * self.rate_hz]
