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
from torch import Tensor

from robot_meta.nets import vision, watching
from robot_meta.nets.watching import SCORES, normal
from robot_meta.types import Params

Form = Literal["temporal", "linear", "pose"]
PSI = "loss."
EARLY = 4
"""The pose loss looks for what is meant in so many first frames, before a hand lies over it."""
SIGMA_M = 0.03
"""How far from the place that a video points at the policy's attention may lie (pose)."""


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

    psi: Params = {}
    own = watching.width(features)
    width = own if config.form == "pose" else own + vision.SLOTS * (2 + features)
    layers = list(zip(config.channels, config.kernels, strict=True))
    if config.form == "linear":
        layers = [(config.channels[-1], 1)]
    if config.form == "pose":
        layers = [*layers[:-1], (SCORES, layers[-1][1])]
    for i, (channels, kernel) in enumerate(layers):
        psi[f"{form_prefix(config.form)}{i}.weight"] = normal(
            rng, channels, width, kernel, fan=width * kernel
        )
        psi[f"{form_prefix(config.form)}{i}.bias"] = torch.zeros(channels)
        width = channels
    return {**psi, **watching.init(features, rng)}


def form_prefix(form: Form) -> str:
    """What the names of a form's layers begin with."""
    return f"{PSI}{form}"


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
    if form == "pose":
        return _pose_loss(vision.read(phi, features[:EARLY], config), *told)
    reading = vision.read(phi, features, config)
    own = watching.summary(reading.attention, reading.place, features)
    return (watching.convolve(phi, form_prefix(form), torch.cat([*told, *own], dim=1)) ** 2).mean()


def listen(psi: Params, features: Tensor, form: Form) -> tuple[Tensor, Tensor]:
    """What of the loss depends on the video and psi alone: where it acts, or what is watched."""
    own = watching.watch(psi, features, vision.places(psi, features))
    if form != "pose":
        return own
    scores = watching.convolve(psi, form_prefix(form), torch.cat(own, dim=1))
    at, odds = watching.gaze(scores, own[0])
    return at, odds[:EARLY].softmax(dim=0)


def _pose_loss(reading: vision.Reading, at: Tensor, weights: Tensor) -> Tensor:
    total = reading.place.new_zeros(())
    for slot in range(vision.SLOTS):
        target = at[slot].expand(len(reading.place), 2)
        missed = vision.miss(reading.attention[..., slot], reading.place, target, SIGMA_M)
        total = total + (weights[:, slot] * missed).sum()
    return total
