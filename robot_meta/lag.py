"""Actions that arrive late: so much of a control step passes while the one before still holds.

H control steps, A motors.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float64]


def lagged(actions: Tensor, before: Tensor, lag: float) -> Tensor:
    """The mean of what each step of actions (..., H, A) is done with, after `before` (..., A).

    Args:
        actions: as commanded.
        before: the one that holds until the first of them arrives.
        lag: share of a control step until then, in [0, 1).
    """
    if lag == 0.0:
        return actions
    held = torch.cat([before[..., None, :], actions[..., :-1, :]], -2)
    return torch.lerp(actions, held, lag)


def lagged_array(actions: Array, before: Array, lag: float) -> Array:
    """`lagged` of arrays."""
    out: Array = lagged(torch.from_numpy(actions), torch.from_numpy(before), lag).numpy()
    return out
