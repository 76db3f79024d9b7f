"""Conditioning: a demonstration, read once, becomes the parameters that the policy acts with.

m frames in the order of time, G cells, C features. What was shown is a vector e; phi is theta plus
what a small network makes of e. Three ways to read a demonstration:

contextual: temporal convolutions over what is watched, averaged (the demonstration as one more
            input of a feed-forward policy: the contextual policy of Finn et al. 2017b)
lstm:       an LSTM over the same (Duan et al. 2017; the LSTM of Finn et al. 2017b, Yu et al. 2018)
attention:  a few latent queries attend to all cells of all frames, twice (Jaegle et al. 2021)

The first two also glance at two places that they chose: without that they cannot tell what was
touched from what lies beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from robot_meta.nets import vision, watching
from robot_meta.nets.watching import SCORES, normal
from robot_meta.types import Params

Form = Literal["contextual", "lstm", "attention"]
PREFIX = "context."
TOLD = 4 + 4 + 2
"""State, action, and whether each of them is known."""
GLANCE_M = 0.03
LATENTS, ROUNDS = 4, 2
PLACE = 5


@dataclass(frozen=True, kw_only=True)
class ContextConfig:
    """Sizes of what reads a demonstration."""

    form: Form = "contextual"
    size: int = 64
    kernel: int = 5
    """Over time (contextual)."""


class Shown(NamedTuple):
    """A demonstration in tensors; what it lacks is zero."""

    features: Tensor
    """(m, G, C)"""
    state: Tensor
    """(m, 4)"""
    action: Tensor
    """(m, 4)"""
    known: Tensor
    """(2,): 1 where states, and actions, came with the pictures"""


def init(config: ContextConfig, net: vision.VisionConfig, seed: int) -> Params:
    """Fresh parameters."""
    rng = torch.Generator().manual_seed(seed)
    features, size = net.channels[-1], config.size
    out: Params = {}

    def dense(name: str, *shape: int, gain: float = 2.0) -> None:
        fan = shape[0] if len(shape) == 2 else shape[1] * shape[2]
        out[f"{name}.weight"] = normal(rng, *shape, fan=fan, gain=gain)
        out[f"{name}.bias"] = torch.zeros(shape[-1] if len(shape) == 2 else shape[0])

    if config.form == "attention":
        out["latents"] = normal(rng, LATENTS, size, fan=size, gain=float(size))
        dense("told", TOLD + 2, size)
        for i in range(ROUNDS):
            dense(f"key{i}", features + PLACE + 2, size, gain=1.0)
            dense(f"value{i}", features + PLACE + 2, size, gain=1.0)
            dense(f"query{i}", size, size, gain=1.0)
            dense(f"mix{i}", LATENTS * size, LATENTS * size)
            dense(f"out{i}", LATENTS * size, LATENTS * size, gain=0.1)
        e = LATENTS * size
        dense("at", e, vision.SLOTS * 2, gain=0.1)
    else:
        seen = watching.width(features) + TOLD
        if config.form == "lstm":
            dense("lstm", seen + size, 4 * size, gain=1.0)
        else:
            dense("conv0", size, seen, config.kernel)
            dense("conv1", size, size, config.kernel)
        dense("scores", size, SCORES)
        e = vision.SLOTS * features + size
    dense("deltas0", e, 2 * size)
    dense("deltas1", 2 * size, sum(numel for _, numel in _targets(net)), gain=0.02)
    own = {PREFIX + name: value for name, value in out.items()}
    return own if config.form == "attention" else {**own, **watching.init(features, rng)}


def apply(theta: Params, e: Tensor, net: vision.VisionConfig) -> Params:
    """Theta moved by what was shown, e (E,)."""
    change = _dense(theta, "deltas1", F.relu(_dense(theta, "deltas0", e)))
    out, at = dict(theta), 0
    for name, numel in _targets(net):
        out[name] = theta[name] + change[at : at + numel].reshape(theta[name].shape)
        at += numel
    return out


class Understood(NamedTuple):
    """What a demonstration says."""

    e: Tensor
    """(E,)"""
    at: Tensor
    """(2, 2): xy m of the thing meant and of its destination, in its own pictures"""


def encode(psi: Params, shown: Shown, config: ContextConfig) -> Understood:
    """What was shown."""
    place = vision.places(psi, shown.features)
    m = len(shown.features)
    told = torch.cat(
        [
            (shown.state[:, :3] - shown.state.new_tensor(vision.CENTRE_M))
            / vision.REACH_M
            * shown.known[0],
            shown.state[:, 3:] / vision.OPENING_M,
            shown.action[:, :3] / vision.SPEED_M_S,
            shown.action[:, 3:] / vision.OPENING_M,
            shown.known.expand(m, 2),
        ],
        dim=1,
    )
    if config.form == "attention":
        e = _attend(psi, shown.features, place, told)
        at = vision.REACH_M * _dense(psi, "at", e).reshape(vision.SLOTS, 2)
        return Understood(e, at + watching.centre(at))
    own = watching.watch(psi, shown.features, place)
    seen = torch.cat([*own, told], dim=1)
    if config.form == "lstm":
        hidden = _lstm(psi, seen)
        whole = hidden[-1]
    else:
        hidden = F.relu(watching.convolve(psi, PREFIX + "conv", seen))
        whole = hidden.mean(0)
    at, frames = watching.gaze(_dense(psi, "scores", hidden), own[0])
    glimpse = _glance(shown.features, place, at, frames.softmax(dim=0)).flatten()
    return Understood(torch.cat([glimpse, whole]), at)


def _glance(features: Tensor, place: Tensor, at: Tensor, weights: Tensor) -> Tensor:
    """Features (2, C) around two places `at` (2, 2) in frames weighted by (m, 2)."""
    near = ((place[:, :, None] - at) ** 2).sum(-1) / (-2 * GLANCE_M**2)
    return torch.einsum("mgs,ms,mgc->sc", near.softmax(dim=1), weights, features)


def _lstm(psi: Params, seen: Tensor) -> Tensor:
    """Hidden states (m, H) of an LSTM (Hochreiter and Schmidhuber 1997) over (m, D)."""
    hidden = cell = seen.new_zeros(psi[PREFIX + "lstm.bias"].shape[0] // 4)
    out = []
    for x in seen:
        i, f, g, o = _dense(psi, "lstm", torch.cat([x, hidden])).chunk(4)
        cell = torch.sigmoid(f + 1.0) * cell + torch.sigmoid(i) * torch.tanh(g)
        hidden = torch.sigmoid(o) * torch.tanh(cell)
        out.append(hidden)
    return torch.stack(out)


def _attend(psi: Params, features: Tensor, place: Tensor, told: Tensor) -> Tensor:
    """Latent queries that have attended to every cell of every frame, one after another: (E,)."""
    m, cells = features.shape[:2]
    time = torch.linspace(-1.0, 1.0, m, dtype=features.dtype)
    when = torch.stack([time, time**2], dim=1)
    xy = (place - watching.centre(place)) / vision.REACH_M
    # With squares a query can mean "near here": the score of a Gaussian is linear in them.
    where = 2.0 * torch.cat([xy, xy**2, xy[..., :1] * xy[..., 1:]], dim=-1)
    seen = torch.cat([features, where, when[:, None].expand(m, cells, 2)], dim=-1).flatten(0, 1)
    extra = _dense(psi, "told", torch.cat([told, when], dim=1))
    latents = psi[PREFIX + "latents"]
    size = latents.shape[1]
    for i in range(ROUNDS):
        keys = torch.cat([_dense(psi, f"key{i}", seen), extra])
        values = torch.cat([_dense(psi, f"value{i}", seen), extra])
        scores = _dense(psi, f"query{i}", latents) @ keys.T / size**0.5
        latents = F.layer_norm(latents + scores.softmax(dim=1) @ values, (size,))
        mixed = _dense(psi, f"out{i}", F.relu(_dense(psi, f"mix{i}", latents.flatten())))
        latents = latents + mixed.reshape(LATENTS, size)
    return latents.flatten()


def _dense(psi: Params, name: str, x: Tensor) -> Tensor:
    return x @ psi[f"{PREFIX}{name}.weight"] + psi[f"{PREFIX}{name}.bias"]


def _targets(net: vision.VisionConfig) -> list[tuple[str, int]]:
    """What is moved, and its number of elements."""
    c = net.channels[-1]
    return [
        ("film.gain", c),
        ("film.bias", c),
        ("query.weight", net.embed * vision.SLOTS),
        ("bias_transform", net.bias_transform),
    ]
