"""Losses without labels: what a video says of a task, learned (Yu et al. 2018, "DAML", section IV).

m frames in the order of time, G cells, C features. All three forms are trained through the inner
step alone: they are good if a policy adapted on them imitates well (eq. 3 of the paper). They need
neither states nor actions. psi are their parameters, named `loss.`; they are never adapted.

temporal: the squared size of temporal convolutions over the features (the paper's loss)
linear:   the same with one layer that looks at one frame at a time (the paper's comparison)
pose:     temporal convolutions choose moments of the video; where something was seen to act at
          them is where the policy should attend (the mixture density that MIL uses for poses)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from robot_meta.nets import vision
from robot_meta.types import Params

Form = Literal["temporal", "linear", "pose"]
PSI = "loss."
SIGMA_M = 0.03
"""How far from the place that a video points at the policy's attention may lie (pose)."""
WATCHED = 4
"""Places of the video that the loss itself looks at, such as the hand."""


@dataclass(frozen=True, kw_only=True)
class TemporalConfig:
    """Sizes of the learned loss."""

    form: Form = "temporal"
    channels: tuple[int, ...] = (64, 64, 32)
    kernels: tuple[int, ...] = (5, 5, 1)
    """Over time; the last layer is the loss's."""


def init(config: TemporalConfig, features: int, seed: int) -> Params:
    """Fresh psi for `features` C."""
    rng = torch.Generator().manual_seed(seed)

    def normal(*shape: int, fan: int, gain: float = 2.0) -> Tensor:
        scale: float = (gain / fan) ** 0.5
        return torch.randn(*shape, generator=rng) * scale

    psi: Params = {
        "watch.weight": normal(features, 32, fan=features),
        "watch.bias": torch.zeros(32),
        "watch.query": normal(32, WATCHED, fan=32, gain=0.5),
    }
    own = WATCHED * (2 + features)
    width = own if config.form == "pose" else own + vision.SLOTS * (2 + features)
    layers = list(zip(config.channels, config.kernels, strict=True))
    if config.form == "linear":
        layers = [(config.channels[-1], 1)]
    if config.form == "pose":
        layers = [*layers[:-1], (vision.SLOTS * (WATCHED + 1), layers[-1][1])]
    for i, (channels, kernel) in enumerate(layers):
        psi[f"conv{i}.weight"] = normal(channels, width, kernel, fan=width * kernel)
        psi[f"conv{i}.bias"] = torch.zeros(channels)
        width = channels
    return {PSI + name: value for name, value in psi.items()}


def loss(
    phi: Params,
    features: Tensor,
    told: tuple[Tensor, Tensor],
    config: vision.VisionConfig,
    form: Form,
) -> Tensor:
    """L_psi(phi, video) (): features (m, G, C) of the video's frames, psi among `phi`.

    `told` is what `listen` found in the same features: no inner step changes it.
    """
    reading = vision.read(phi, features, config)
    if form == "pose":
        return _pose_loss(reading, *told)
    seen = torch.cat([*told, *summary(reading.attention, reading.place, features)], dim=1)
    return (convolve(phi, seen) ** 2).mean()


def listen(psi: Params, features: Tensor, form: Form) -> tuple[Tensor, Tensor]:
    """What of the loss depends on the video and psi alone: `poses`, or what `watch` sees."""
    own = watch(psi, features, vision.places(psi, features))
    return poses(psi, own) if form == "pose" else own


def watch(psi: Params, features: Tensor, place: Tensor) -> tuple[Tensor, Tensor]:
    """What the loss itself sees: `summary` of the places (m, G, 2) that it looks at."""
    hidden = F.relu(features @ psi[PSI + "watch.weight"] + psi[PSI + "watch.bias"])
    return summary((hidden @ psi[PSI + "watch.query"]).softmax(dim=1), place, features)


def summary(attention: Tensor, place: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
    """Positions (m, 2 k) in units of the table and features (m, k C) under k maps (m, G, k)."""
    maps = attention.transpose(1, 2)
    centre = place.new_tensor(vision.CENTRE_M[:2])
    where = (maps @ place - centre) / vision.REACH_M
    return where.flatten(1), (maps @ features).flatten(1)


def convolve(psi: Params, seen: Tensor) -> Tensor:
    """Temporal convolutions over (m, D): (m, channels of the last layer)."""
    x = seen.T[None]
    count = sum(name.startswith(PSI + "conv") for name in psi) // 2
    for i in range(count):
        weight = psi[f"{PSI}conv{i}.weight"]
        x = F.conv1d(x, weight, psi[f"{PSI}conv{i}.bias"], padding=weight.shape[-1] // 2)
        if i < count - 1:
            x = F.relu(x)
    return x[0].T


def poses(psi: Params, own: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Where the video acts: xy (2, 2) m of thing and destination, and (m, 2) weights of frames.

    Each is where one of the watched places lies at one moment, both chosen softly.
    """
    scores = convolve(psi, torch.cat(own, dim=1))
    m = len(scores)
    chosen = scores[:, : vision.SLOTS * WATCHED].reshape(m, vision.SLOTS, WATCHED)
    odds = chosen.transpose(0, 1).reshape(vision.SLOTS, -1).softmax(dim=1)
    centre = own[0].new_tensor(vision.CENTRE_M[:2])
    where = own[0].reshape(m * WATCHED, 2) * vision.REACH_M + centre
    return odds @ where, scores[:, vision.SLOTS * WATCHED :].softmax(dim=0)


def _pose_loss(reading: vision.Reading, at: Tensor, weights: Tensor) -> Tensor:
    total = reading.place.new_zeros(())
    for slot in range(vision.SLOTS):
        target = at[slot].expand(len(reading.place), 2)
        missed = vision.miss(reading.attention[..., slot], reading.place, target, SIGMA_M)
        total = total + (weights[:, slot] * missed).sum()
    return total
