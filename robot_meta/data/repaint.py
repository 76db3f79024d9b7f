"""The same task in other colours: where tasks are few, they are not to be known by their hues.

Not for sets whose held-out tasks differ by hue: there it would show what is held out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robot_meta.data.batches import Batch


def turn(angle: float) -> NDArray[np.float32]:
    """(3, 3): turns colours (red, green, blue) about grey; 2/3 pi makes red green (Rodrigues)."""
    k = np.array([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]) / np.sqrt(3.0)
    turned = np.eye(3) + np.sin(angle) * k + (1.0 - np.cos(angle)) * k @ k
    return np.asarray(turned, np.float32)


def repaint(batch: Batch, rng: np.random.Generator) -> Batch:
    """Every task with its hues turned by an angle of its own, alike in all of its pictures."""
    turns = np.stack([turn(angle) for angle in rng.uniform(0.0, 2 * np.pi, len(batch.rgb))])
    rgb = np.einsum("bfhwc,bdc->bfhwd", batch.rgb.astype(np.float32), turns, optimize=True)
    return batch._replace(rgb=np.clip(rgb, 0, 255).astype(np.uint8))
