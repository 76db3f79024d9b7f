"""A policy's eyes and hands: image encoder, attention over a grid of places, small controller.

n frames, G = rows * columns cells of the grid, C features. Everything below `stem` is written for
one task, so that it can be adapted by gradient and mapped over tasks; the stem is shared and is
never adapted, so that no second derivative runs through its convolutions.

The grid is tied to the table: each cell stands for a place (x, y) in `base`, given by the camera's
calibration. Two attention maps say where the thing meant is ("thing") and where it goes
("destination"); their soft-argmax (Levine et al. 2016, here over places instead of pixels) feeds
the controller together with the arm's state and MIL's bias transformation (Finn et al. 2017b,
section 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from robot_meta.errors import ConfigError
from robot_meta.types import Params

SLOTS = 2
"""The thing meant, and its destination."""
STATE = 4
"""Tip x y z and gripper opening."""
REACH_M = 0.2
NEAR_M = 0.03
"""Lengths by which the controller's inputs are scaled: across the table, and near the goal."""
CENTRE_M = (0.58, 0.0, 0.10)
OPENING_M = 0.08
OPENING_BINS = 17
"""The gripper's opening is chosen among so many: a mean of "hold" and "let go" would be neither."""
SPEED_M_S = 0.3
SLOW = ("conv", "norm", "place")
"""Parameters with these prefixes are not adapted."""
EYES = ("film", "embed", "query")
"""Prefixes of what decides where the policy looks."""
HANDS = ("fc", "head", "inner_head", "bias_transform", "place.approach", "way")
"""Prefixes of what moves the arm, given where things are: it has nothing to do with pictures."""


@dataclass(frozen=True, kw_only=True)
class VisionConfig:
    """Sizes of the network."""

    image: tuple[int, int] = (80, 80)
    skip_rows: int = 16
    """Rows at the top of the picture that show no table."""
    channels: tuple[int, ...] = (24, 48, 64, 64)
    kernels: tuple[int, ...] = (5, 3, 3, 3)
    strides: tuple[int, ...] = (2, 2, 1, 1)
    residual: tuple[int, ...] = ()
    """Layers more after each convolution that begin as the identity; empty: none anywhere.

    A network may be given them when it is trained already, and goes on from where it was.
    """
    groups: int = 4
    embed: int = 48
    hidden: int = 256
    bias_transform: int = 10
    sharpness: float = 2.0
    """The attention map is raised to this power before its mean is taken."""

    def __post_init__(self) -> None:
        """Refuse lists that do not speak of the same convolutions."""
        lengths = {len(self.channels), len(self.kernels), len(self.strides)}
        if len(lengths) > 1 or len(self.residual) not in (0, len(self.channels)):
            raise ConfigError(
                f"channels {self.channels}, kernels {self.kernels}, strides {self.strides} and "
                f"residual {self.residual} are of different convolutions; each needs one number a "
                "convolution (residual: or none)"
            )

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the grid."""
        h, w = self.image[0] - self.skip_rows, self.image[1]
        for s in self.strides:
            h, w = -(-h // s), -(-w // s)
        return h, w


class Reading(NamedTuple):
    """What one task's parameters see in n frames. Positions are xy in `base`, m."""

    attention: Tensor
    """(n, G, 2): the maps of the two slots, each summing to 1."""
    place: Tensor
    """(n, G, 2): xy that each cell stands for in each frame."""
    approach: Tensor
    """(n, G, 2): where the tip would first come down if the thing were in that cell."""
    where: Tensor
    """(n, 2, 2): xy of the thing and of the destination."""
    start: Tensor
    """(n, 2): xy at which the tip should first come down."""


def init(config: VisionConfig, cells: Tensor, seed: int) -> Params:
    """Fresh parameters; `cells` (G, 2) are the places that the grid's cells stand for."""
    rng = torch.Generator().manual_seed(seed)

    def normal(*shape: int, fan: int, gain: float = 2.0) -> Tensor:
        scale: float = (gain / fan) ** 0.5
        return torch.randn(*shape, generator=rng) * scale

    params: Params = {}
    before = 3
    for i, (c, k) in enumerate(zip(config.channels, config.kernels, strict=True)):
        params[f"conv{i}.weight"] = normal(c, before, k, k, fan=before * k * k)
        params[f"norm{i}.weight"], params[f"norm{i}.bias"] = torch.ones(c), torch.zeros(c)
        for more in _residual(config, i):
            params[f"conv{more}.weight"] = normal(c, c, 3, 3, fan=9 * c)
            params[f"norm{more}.weight"] = torch.zeros(c)
            params[f"norm{more}.bias"] = torch.zeros(c)
        before = c
    params["place.cells"] = cells.clone().float()
    params["place.shift"] = torch.zeros(before, 2)
    params["place.approach0"] = normal(2, 32, fan=2)
    params["place.approach0b"] = torch.zeros(32)
    params["place.approach1"] = torch.zeros(32, 2)
    params["film.gain"], params["film.bias"] = torch.zeros(before), torch.zeros(before)
    params["embed.weight"] = normal(before, config.embed, fan=before)
    params["embed.bias"] = torch.zeros(config.embed)
    params["query.weight"] = normal(config.embed, SLOTS, fan=config.embed, gain=0.1)
    width = 3 + 1 + 12 + 2 + 4 + config.bias_transform
    params["bias_transform"] = torch.zeros(config.bias_transform)
    params["fc0.weight"] = normal(width, config.hidden, fan=width)
    params["fc0.bias"] = torch.zeros(config.hidden)
    params["fc1.weight"] = normal(config.hidden, config.hidden, fan=config.hidden)
    params["fc1.bias"] = torch.zeros(config.hidden)
    for head in ("head", "inner_head"):
        params[f"{head}.weight"] = normal(
            config.hidden, 3 + OPENING_BINS, fan=config.hidden, gain=0.1
        )
        params[f"{head}.bias"] = torch.zeros(3 + OPENING_BINS)
    return params


def stem(params: Params, rgb: Tensor, config: VisionConfig) -> Tensor:
    """Features (n, G, C) of pictures (n, H, W, 3) uint8, normalised in each cell."""
    x = rgb[:, config.skip_rows :].permute(0, 3, 1, 2).to(params["conv0.weight"].dtype)
    x = (x / 127.5 - 1.0).contiguous(memory_format=torch.channels_last)
    for i, (k, s) in enumerate(zip(config.kernels, config.strides, strict=True)):
        x = F.conv2d(x, params[f"conv{i}.weight"], stride=s, padding=k // 2)
        x = F.relu(_normed(params, x, f"norm{i}", config))
        for more in _residual(config, i):
            change = F.conv2d(x, params[f"conv{more}.weight"], padding=1)
            x = F.relu(x + _normed(params, change, f"norm{more}", config))
    features = x.flatten(2).transpose(1, 2)
    return F.layer_norm(features, features.shape[-1:])


def _normed(params: Params, x: Tensor, name: str, config: VisionConfig) -> Tensor:
    return F.group_norm(x, config.groups, params[f"{name}.weight"], params[f"{name}.bias"])


def _residual(config: VisionConfig, i: int) -> list[str]:
    """Names of the residual layers after convolution `i` (He et al. 2016).

    Their norm's gain begins at zero (Goyal et al. 2017, section 5.1): each begins as the identity.
    """
    return [f"{i}_{j}" for j in range(config.residual[i])] if config.residual else []


def read(phi: Params, features: Tensor, config: VisionConfig) -> Reading:
    """Attend: where the thing and its destination are in n frames, features (n, G, C)."""
    modulated = features * (1.0 + phi["film.gain"]) + phi["film.bias"]
    embedded = F.relu(modulated @ phi["embed.weight"] + phi["embed.bias"])
    attention = (embedded @ phi["query.weight"]).softmax(dim=1)
    place = places(phi, features)
    sharp = attention**config.sharpness
    sharp = sharp / sharp.sum(dim=1, keepdim=True)
    where = sharp.transpose(1, 2) @ place
    approach = approaches(phi, place, where[:, 1:])
    start = (sharp[..., :1] * approach).sum(dim=1)
    return Reading(attention, place, approach, where, start)


def told(phi: Params, where: Tensor) -> Reading:
    """What would be read if thing and destination were known to be at `where` (n, 2, 2), xy m."""
    place = where[:, :1]
    approach = approaches(phi, place, where[:, 1:])
    certain = torch.ones(len(where), 1, SLOTS)
    return Reading(certain, place, approach, where, approach[:, 0])


def approaches(phi: Params, place: Tensor, destination: Tensor) -> Tensor:
    """Where the tip would first come down (n, G, 2) for things at `place` (n, G, 2), xy m.

    What lies at `place` is to go to `destination` (n, 1, 2).
    """
    way = (place - destination) / REACH_M
    hidden = F.relu(way @ phi["place.approach0"] + phi["place.approach0b"])
    return place + REACH_M * (hidden @ phi["place.approach1"])


def places(params: Params, features: Tensor) -> Tensor:
    """Table places (n, G, 2), xy m in `base`, of each cell in n frames; never adapted."""
    return params["place.cells"] + 0.03 * torch.tanh(features @ params["place.shift"])


class Command(NamedTuple):
    """What to do in n frames."""

    velocity: Tensor
    """(n, 3) of the tip, m/s"""
    opening: Tensor
    """(n, OPENING_BINS) log-probabilities of the gripper's openings"""

    def action(self) -> Tensor:
        """(n, 4): velocity, and the likeliest opening in m."""
        return torch.cat([self.velocity, likeliest(self.opening)], dim=1)

    def miss(self, action: Tensor) -> tuple[Tensor, Tensor]:
        """Errors (n,) against actions (n, 4): of the velocity, m/s, and `opening_miss`."""
        error = (self.velocity - action[:, :3]).abs().mean(1)
        return error, opening_miss(self.opening, action[:, 3:])


def likeliest(opening: Tensor) -> Tensor:
    """(..., 1): the likeliest of openings (..., OPENING_BINS), m."""
    return opening.argmax(-1, keepdim=True) * (OPENING_M / (OPENING_BINS - 1))


def opening_miss(opening: Tensor, wanted: Tensor) -> Tensor:
    """Cross entropy (...) of log-probabilities (..., OPENING_BINS) against openings (..., 1), m.

    An opening between two bins is shared by both in proportion.
    """
    at = wanted * ((OPENING_BINS - 1) / OPENING_M)
    share = (1.0 - (at - torch.arange(OPENING_BINS)).abs()).clamp(min=0.0)
    return -(share * opening).sum(-1)


def control(phi: Params, reading: Reading, state: Tensor, head: str = "head") -> Command:
    """What to do in n frames, from what is seen and the arm's state (n, 4)."""
    out = decide(phi, reading, state, head)
    return Command(SPEED_M_S * out[:, :3], out[:, 3:].log_softmax(1))


def decide(phi: Params, reading: Reading, state: Tensor, head: str) -> Tensor:
    """What the controller says through one of its heads, in n frames: (n, outputs)."""
    x = sense(phi, reading, state)
    for i in range(2):
        x = F.relu(x @ phi[f"fc{i}.weight"] + phi[f"fc{i}.bias"])
    return x @ phi[f"{head}.weight"] + phi[f"{head}.bias"]


def sense(phi: Params, reading: Reading, state: Tensor) -> Tensor:
    """What decides how to move (n, D): the arm's state, and where it is from what is seen."""
    tip = state[:, :3]
    relative = torch.cat([reading.where.flatten(1), reading.start], 1) - tip[:, :2].repeat(1, 3)
    between = reading.where[:, 1] - reading.where[:, 0]
    seen = from_thing(relative[:, :2], between)
    return torch.cat(
        [
            (tip - tip.new_tensor(CENTRE_M)) / REACH_M,
            state[:, 3:] / OPENING_M,
            relative / REACH_M,
            torch.tanh(relative / NEAR_M),
            between / REACH_M,
            seen / REACH_M,
            torch.tanh(seen / NEAR_M),
            phi["bias_transform"].expand(len(state), -1),
        ],
        dim=1,
    )


def from_thing(towards: Tensor, way: Tensor) -> Tensor:
    """(n, 2): how far the thing lies ahead and to the left of the tip, facing along its way.

    What a push depends on. Both arguments (n, 2), m: from the tip to the thing, and from the thing
    to its destination; zero where there is no way to go.
    """
    along = way / torch.sqrt((way**2).sum(-1, keepdim=True) + 0.01**2)
    ahead = (towards * along).sum(-1)
    left = along[:, 0] * towards[:, 1] - along[:, 1] * towards[:, 0]
    return torch.stack([ahead, left], dim=-1)


def miss(weight: Tensor, place: Tensor, target: Tensor, sigma_m: float) -> Tensor:
    """How far a map over places misses `target` (n, 2): -log of the `weight` near it, (n,).

    A mixture density (Bishop 1994, eq. 22) with one round kernel a place, floored so that no miss
    counts more than -log 0.001.
    """
    kernel = torch.exp(-0.5 * ((place - target[:, None]) ** 2).sum(-1) / sigma_m**2)
    return -torch.log((weight * kernel).sum(1) + 1e-3)
