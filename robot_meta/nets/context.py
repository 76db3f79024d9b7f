"""Conditioning: a demonstration, read once, becomes the parameters that the policy acts with.

m frames in the order of time, G cells, C features. What was shown is a vector e; phi is theta plus
what a small network makes of e. Two ways to read a demonstration:

contextual: temporal convolutions over what is watched, averaged (the demonstration as one more
            input of a feed-forward policy: the contextual policy of Finn et al. 2017b)
lstm:       an LSTM over the same (Duan et al. 2017; the LSTM of Finn et al. 2017b, Yu et al. 2018)

Both also glance at two places that they chose: without that they cannot tell what was touched from
what lies beside it.
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

Form = Literal["contextual", "lstm"]
PREFIX = "context."
TOLD = 4 + 4 + 2
"""State, action, and whether each of them is known."""
GLANCE_M = 0.03


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

    seen = watching.width(features) + TOLD
    if config.form == "lstm":
        dense("lstm", seen + size, 4 * size, gain=1.0)
    else:
        dense("conv0", size, seen, config.kernel)
        dense("conv1", size, size, config.kernel)
    dense("scores", size, SCORES)
    dense("deltas0", vision.SLOTS * features + size, 2 * size)
    dense("deltas1", 2 * size, sum(numel for _, numel in _targets(net)), gain=0.02)
    own = {PREFIX + name: value for name, value in out.items()}
    return {**own, **watching.init(features, rng)}


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
