"""ACAI: an autoencoder whose mixtures look real too (Berthelot et al. 2018).

A critic guesses how much of a second picture is mixed into what it sees; the autoencoder makes its
mixtures such that the critic guesses none. No label is used. f encodes, g decodes, d is the critic.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import conv2d, conv_transpose2d, leaky_relu, mse_loss

from robot_meta.config import from_dict
from robot_meta.errors import ConfigError
from robot_meta.types import Params

SLOPE = 0.2
"""Of the leaky ReLU."""


@dataclass(frozen=True, kw_only=True)
class CodeConfig:
    """Of an encoder without batch norm: a code depends on its own picture alone."""

    inputs: tuple[int, int, int] = (1, 28, 28)
    """C, H, W."""
    widths: tuple[int, ...] = (32, 64, 64)
    """Filters of the layers that halve the picture."""
    latent: int = 16
    """Channels of the code: with 28x28 pictures, 16 x 4 x 4 = 256 numbers."""

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        if min((*self.inputs, *self.widths, self.latent), default=0) < 1 or not self.widths:
            raise ConfigError(f"codes: sizes must be at least 1, got {self}")


@dataclass(frozen=True, kw_only=True)
class AcaiConfig(CodeConfig):
    """Settings."""

    weight: float = 0.5
    """lambda: of fooling the critic."""
    gamma: float = 0.2
    """Share of the true picture in what the critic must call unmixed."""

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        super().__post_init__()
        if not (self.weight >= 0 and 0 <= self.gamma <= 1):
            raise ConfigError(f"acai: need weight >= 0 and gamma in [0, 1], got {self}")


class Pictures(NamedTuple):
    """A batch to learn from."""

    x: Tensor
    """(n, C, H, W) in [0, 1]."""
    alpha: Tensor
    """(n,) in [0, 0.5]: how much of a neighbour is mixed in."""


class Acai:
    """The network and its losses."""

    name = "acai"

    def __init__(self, config: AcaiConfig) -> None:
        self.config = config
        self._channels = (config.inputs[0], *config.widths)
        sizes = [config.inputs[1:]]
        for _ in config.widths:
            rows, columns = sizes[-1]
            sizes.append((-(-rows // 2), -(-columns // 2)))
        self._sizes = sizes
        self.size = config.latent * sizes[-1][0] * sizes[-1][1]
        """D of the code."""

    def init(self, seed: int) -> Params:
        """He et al. 2015's normal weights; the critic is another encoder."""
        rng = torch.Generator().manual_seed(seed)
        out: Params = {}
        last = (self._channels[-1], self.config.latent)
        for part in ("f", "d"):
            for i, (before, after) in enumerate(pairwise((*self._channels, *last))):
                out |= _fresh(f"{part}{i}", (after, before, 3, 3), 9 * before, after, rng)
        back = (self.config.latent, *reversed(self._channels[1:]))
        out |= _fresh("g0", (back[1], back[0], 3, 3), 9 * back[0], back[1], rng)
        for i, (before, after) in enumerate(pairwise((*back[1:], self._channels[0])), 1):
            # A transposed convolution of stride 2 sums over a quarter of its window.
            out |= _fresh(f"g{i}", (before, after, 3, 3), 9 * before / 4, after, rng)
        return out

    def encode(self, params: Params, x: Tensor) -> Tensor:
        """f(x), the codes (n, D) of pictures (n, C, H, W)."""
        return self._down(params, "f", x).flatten(1)

    def decode(self, params: Params, z: Tensor) -> Tensor:
        """g(z), the pictures (n, C, H, W) of codes (n, D)."""
        x = z.view(len(z), self.config.latent, *self._sizes[-1])
        x = leaky_relu(conv2d(x, params["g0.w"], params["g0.b"], padding=1), SLOPE)
        for i, (small, large) in enumerate(pairwise(reversed(self._sizes)), 1):
            odd = [1 - (2 * s - b) for s, b in zip(small, large, strict=True)]
            w, b = params[f"g{i}.w"], params[f"g{i}.b"]
            x = conv_transpose2d(x, w, b, stride=2, padding=1, output_padding=odd)
            x = leaky_relu(x, SLOPE) if i < len(self.config.widths) else x
        return x

    def critic(self, params: Params, x: Tensor) -> Tensor:
        """d(x), the guess (n,) of how much of another picture is in x."""
        return self._down(params, "d", x).mean((1, 2, 3))

    def _down(self, params: Params, part: str, x: Tensor) -> Tensor:
        halvings = len(self.config.widths)
        for i in range(halvings + 2):
            w, b = params[f"{part}{i}.w"], params[f"{part}{i}.b"]
            x = conv2d(x, w, b, stride=2 if i < halvings else 1, padding=1)
            x = leaky_relu(x, SLOPE) if i <= halvings else x
        return x

    def mixed(self, params: Params, z: Tensor, alpha: Tensor) -> Tensor:
        """Eq. 1: g(alpha z_2 + (1 - alpha) z_1), z_2 the code of the next picture of the batch."""
        a = alpha[:, None]
        return self.decode(params, a * z.roll(1, 0) + (1 - a) * z)

    def critic_loss(self, params: Params, mixed: Tensor, alpha: Tensor, real: Tensor) -> Tensor:
        """Eq. 2: (d(mixed) - alpha)^2 + d(gamma x + (1 - gamma) g(f(x)))^2, in the mean."""
        guess = self.critic(params, mixed)
        return (guess - alpha).square().mean() + self.critic(params, real).square().mean()

    def autoencoder_loss(
        self, params: Params, x: Tensor, again: Tensor, mixed: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Eq. 3: (x - g(f(x)))^2 and lambda d(mixed)^2, in the mean; the critic is a constant."""
        still = {name: p.detach() for name, p in params.items()}
        fooled = self.critic(still, mixed).square().mean()
        return mse_loss(again, x), self.config.weight * fooled

    def task_loss(
        self, params: Params, task: Pictures, step: int
    ) -> tuple[Tensor, Mapping[str, float]]:
        """Both losses at once: neither has a gradient in what the other one trains."""
        x, alpha = task
        z = self.encode(params, x)
        again, mixed = self.decode(params, z), self.mixed(params, z, alpha)
        error, fooled = self.autoencoder_loss(params, x, again, mixed)
        gamma = self.config.gamma
        real = gamma * x + (1 - gamma) * again
        critic = self.critic_loss(params, mixed.detach(), alpha, real.detach())
        figures = {"reconstruction": error.item(), "fooled": fooled.item(), "critic": critic.item()}
        return error + fooled + critic, figures


def _fresh(
    name: str, shape: tuple[int, ...], inputs: float, outputs: int, rng: torch.Generator
) -> Params:
    w = math.sqrt(2 / inputs) * torch.randn(shape, generator=rng)
    return {f"{name}.w": w, f"{name}.b": torch.zeros(outputs)}


def make(config: Mapping[str, Any]) -> Acai:
    """The network from its config as JSON values."""
    return Acai(from_dict(AcaiConfig, config))
