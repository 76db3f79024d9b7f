"""Looking at a few learned places of each frame: how a video becomes a short sequence.

m frames, G cells, C features, k places. What is watched for is part of the encoder, so that all
who look at videos can share it; the convolutions carry a prefix of whose they are.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from robot_meta.nets import vision
from robot_meta.types import Params

WATCHED = 4
"""Places of a video that are looked at, such as the hand."""
HIDDEN = 32


def init(features: int, rng: torch.Generator) -> Params:
    """Fresh parameters for C features."""
    return {
        "watch.weight": normal(rng, features, HIDDEN, fan=features),
        "watch.bias": torch.zeros(HIDDEN),
        "watch.query": normal(rng, HIDDEN, WATCHED, fan=HIDDEN, gain=0.5),
    }


def width(features: int) -> int:
    """Numbers that `watch` gives a frame."""
    return WATCHED * (2 + features)


def normal(rng: torch.Generator, *shape: int, fan: int, gain: float = 2.0) -> Tensor:
    """Random weights for `fan` inputs (He et al. 2015)."""
    scale: float = (gain / fan) ** 0.5
    return torch.randn(*shape, generator=rng) * scale


def watch(params: Params, features: Tensor, place: Tensor) -> tuple[Tensor, Tensor]:
    """`summary` of the places (m, G, 2) that are looked at in features (m, G, C)."""
    hidden = F.relu(features @ params["watch.weight"] + params["watch.bias"])
    return summary((hidden @ params["watch.query"]).softmax(dim=1), place, features)


def summary(attention: Tensor, place: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
    """Positions (m, 2 k) in units of the table and features (m, k C) under k maps (m, G, k)."""
    maps = attention.transpose(1, 2)
    where = (maps @ place - centre(place)) / vision.REACH_M
    return where.flatten(1), (maps @ features).flatten(1)


def centre(like: Tensor) -> Tensor:
    """Middle (2,) of the table, m."""
    return like.new_tensor(vision.CENTRE_M[:2])


def convolve(params: Params, prefix: str, seen: Tensor) -> Tensor:
    """Convolutions over time of (m, D): (m, channels of the last layer)."""
    x = seen.T[None]
    count = sum(name.startswith(prefix) for name in params) // 2
    for i in range(count):
        weight = params[f"{prefix}{i}.weight"]
        x = F.conv1d(x, weight, params[f"{prefix}{i}.bias"], padding=weight.shape[-1] // 2)
        if i < count - 1:
            x = F.relu(x)
    return x[0].T


def gaze(scores: Tensor, where: Tensor) -> tuple[Tensor, Tensor]:
    """Where a video acts: xy (2, 2) m of thing and destination; and (m, 2) scores of frames.

    Each is where one of the watched places `where` (m, 2 k) lies at one moment, both chosen softly
    by `scores` (m, 2 k + 2).
    """
    m, slots = len(scores), vision.SLOTS
    chosen = scores[:, : slots * WATCHED].reshape(m, slots, WATCHED)
    odds = chosen.transpose(0, 1).reshape(slots, -1).softmax(dim=1)
    at = where.reshape(m * WATCHED, 2) * vision.REACH_M + centre(where)
    return odds @ at, scores[:, slots * WATCHED :]


SCORES = vision.SLOTS * (WATCHED + 1)
"""Numbers a frame that `gaze` needs."""
