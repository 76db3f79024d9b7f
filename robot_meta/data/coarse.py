"""Pictures for a policy of fewer pixels: means of blocks, as the camera would give them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robot_meta.errors import ConfigError


def averaged(rgb: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Square pictures (..., H, H, 3) as pictures (..., side, side, 3).

    Rounding adds at most one to what the camera gives at that size.

    Raises:
        ConfigError: `side` is no part of theirs.
    """
    whole = rgb.shape[-2]
    if side == whole:
        return rgb
    if whole % side:
        raise ConfigError(f"pictures of {whole} pixels cannot be averaged to {side}")
    k = whole // side
    means = rgb.reshape(*rgb.shape[:-3], side, k, side, k, 3).mean((-4, -2), dtype=np.float32)
    out: NDArray[np.uint8] = means.round().astype(np.uint8)
    return out
