"""Which part of any picture becomes a contract's camera picture. Imports no ROS.

The camera node and the import of videos use the same one, so both give a policy the same view.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_meta.errors import ConfigError
from ros_nodes.contract import Camera

Rgb = NDArray[np.uint8]


@dataclass(frozen=True)
class Framing:
    """A cut-out and its size. Build it with `of`."""

    rect: tuple[int, int, int, int]
    """x, y, width, height in pixels of the source; may reach over its edges, where it is black."""
    size: tuple[int, int]
    """Height and width of the result."""

    @staticmethod
    def of(
        height: int, width: int, camera: Camera, crop: tuple[int, int, int, int] | None = None
    ) -> Framing:
        """The cut-out that puts `crop` where policies look.

        What lies around the crop stays, as far as the contract's picture reaches. A crop of another
        shape than the policies' is widened to theirs: nothing is stretched.

        Args:
            height: of the source, pixels.
            width: of the source, pixels.
            camera: of the contract.
            crop: x, y, width, height; None takes the largest one in the middle.

        Raises:
            ConfigError: the crop is empty or not inside the source.
        """
        top, left, rows, columns = camera.crop
        if crop is None:
            scale = min(width / columns, height / rows)
            w, h = scale * columns, scale * rows
            x, y = (width - w) / 2, (height - h) / 2
        else:
            x, y, w, h = crop
            if min(x, y) < 0 or min(w, h) < 1 or x + w > width or y + h > height:
                raise ConfigError(
                    f"crop {x},{y},{w},{h} (x, y, width, height) is not inside a picture "
                    f"of {width} x {height}"
                )
            scale = max(w / columns, h / rows)
            x, y = x - (scale * columns - w) / 2, y - (scale * rows - h) / 2
        return Framing(
            (
                round(x - scale * left),
                round(y - scale * top),
                max(1, round(scale * camera.width)),
                max(1, round(scale * camera.height)),
            ),
            (camera.height, camera.width),
        )

    def apply(self, rgb: Rgb) -> Rgb:
        """The contract's picture (height, width, 3) of a source picture."""
        x, y, w, h = self.rect
        height, width = rgb.shape[:2]
        inside = rgb[max(0, y) : y + h, max(0, x) : x + w]
        over = (max(0, -y), max(0, y + h - height), max(0, -x), max(0, x + w - width))
        if any(over):
            inside = np.asarray(cv2.copyMakeBorder(inside, *over, cv2.BORDER_CONSTANT), np.uint8)
        if inside.shape[:2] == self.size:
            return np.ascontiguousarray(inside)
        # Averaging when it becomes smaller, as for a policy's picture; nothing to average else.
        smaller = inside.shape[0] > self.size[0]
        how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(inside, self.size[::-1], interpolation=how), np.uint8)

    def intrinsics(self, k: NDArray[np.float64]) -> NDArray[np.float64]:
        """K (3, 3), or P (3, 4), of the result for that of the source, in pixels."""
        x, y, w, h = self.rect
        sx, sy = self.size[1] / w, self.size[0] / h
        # The first pixel's middle is at 0, its edge at -0.5.
        move = np.array([[sx, 0, (0.5 - x) * sx - 0.5], [0, sy, (0.5 - y) * sy - 0.5], [0, 0, 1.0]])
        return move @ k


def parse_crop(text: str) -> tuple[int, int, int, int] | None:
    """The words "x,y,width,height", pixels; None for an empty text.

    Raises:
        ConfigError: something else.
    """
    if not text.strip():
        return None
    try:
        x, y, w, h = (int(word) for word in text.split(","))
    except ValueError:
        raise ConfigError(f"crop {text!r}; write x,y,width,height in pixels") from None
    return x, y, w, h
