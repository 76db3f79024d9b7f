"""A toy body whose motion is linear, and chunks of its motion under motors that a fault weakens."""

import torch

from robot_meta.body import Body
from robot_meta.motion import Chunk, Steps

BODY = Body(state=4, action=2, hidden=(0,), forward=0, dt_s=0.05, action_cost=0.1)


def motion(count, steps, seed=0, gains=None):
    """Random steps (B, T, ...) of x' = x + G a, with gains (B, 4, 2) of each robot."""
    g = torch.Generator().manual_seed(seed)
    if gains is None:
        # Motors that work, hardly work, or work the wrong way round.
        strength = 2.0 * torch.rand((count, 1, 1), generator=g) - 1.0
        gains = strength * torch.tensor([[1.0, 0.5], [-1.0, 1.0], [0.5, -1.0], [1.0, 1.0]])
    state = torch.randn((count, steps, 4), generator=g)
    action = 2.0 * torch.rand((count, steps, 2), generator=g) - 1.0
    return Steps(state, action, state + torch.einsum("bsa,bta->bts", gains, action))


def chunk(count=8, past=6, future=5, seed=0):
    """Windows of robots with gains of their own."""
    whole = motion(count, past + future, seed)
    return Chunk(Steps(*(x[:, :past] for x in whole)), Steps(*(x[:, past:] for x in whole)))
