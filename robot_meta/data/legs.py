"""A demonstration as a few waypoints with attributes: what a policy that drives to them predicts.

Four legs: to where the tip first comes down, to where it was last down, to where it ends, and what
it does there. The idea of waypoints that also say what the gripper does is that of AWDA (Chang and
Gupta 2023).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEGS = 4
LEG = 5
"""Where to, x y z; how high on the way; the gripper's opening on the way. All in m."""
DOWN_M = 0.01
"""The tip is down while it is no higher than so much above where it first came down."""


def legs(
    state: NDArray[np.float32],
    action: NDArray[np.float32],
    before: NDArray[np.bool_],
    keypose: NDArray[np.float32],
) -> NDArray[np.float32]:
    """The legs (..., LEGS, LEG) of demonstrations of F frames each.

    Args:
        state: (..., F, 4) tip and opening.
        action: (..., F, 4) velocity and the opening wished for.
        before: (..., F) whether a frame lies before the first touch-down.
        keypose: (..., 2, 3) the tip at its first touch-down and at the end.
    """
    first, end = keypose[..., 0, :], keypose[..., 1, :]
    height, opening = state[..., 2], action[..., 3]
    numbers = np.arange(height.shape[-1])
    down = ~before & (height <= first[..., 2:] + DOWN_M)
    # Frames are few: where none of them was down, the touch-down itself is where it last was.
    at = np.where(down, numbers, -1).max(-1)
    seen = at >= 0
    at = np.where(seen, at, np.minimum(before.sum(-1), numbers[-1]))[..., None]
    last = np.where(
        seen[..., None], np.take_along_axis(state[..., :3], at[..., None], -2)[..., 0, :], first
    )
    after = numbers > at
    over = np.where(after, height, -np.inf).max(-1)
    held = np.where(after, opening, np.inf).min(-1)
    final = opening[..., -1]
    places = np.stack([first, last, end, end], axis=-2)
    highest = np.where(before, height, -np.inf).max(-1)
    heights = np.stack([highest, last[..., 2], over, over], axis=-1)
    openings = np.stack(
        [
            opening[..., 0],
            np.take_along_axis(opening, at, -1)[..., 0],
            np.where(np.isfinite(held), held, final),
            final,
        ],
        axis=-1,
    )
    heights = np.maximum(heights, places[..., 2])
    out: NDArray[np.float32] = np.concatenate(
        [places, heights[..., None], openings[..., None]], axis=-1
    ).astype(np.float32)
    return out
