"""From some views of a shape to any other: VERSA's experiment, and a conditional autoencoder.

A task is a function from azimuths x to pictures y. What is inferred of it from the support set is
psi, a few numbers; a generator turns psi and an azimuth into pixels.

`versa` (Gordon et al. 2019, section 6.3): a network infers q(psi | support) in one pass and is
trained for the likelihood of *other* views, eq. 5. `cvae` (Sohn et al. 2015) is the same two
networks trained to compress one view and give that same view back: it meets the need to imagine
other views in tests only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.func import vmap
from torch.nn.functional import relu

from robot_meta.config import from_dict
from robot_meta.errors import ConfigError
from robot_meta.few_shot import Episodes, Examples, loss_of
from robot_meta.information import nats
from robot_meta.nets import encoder, sequence
from robot_meta.nets.encoder import EncoderConfig
from robot_meta.types import Params

MU, S = "psi.mu", "psi.s"


def _small() -> EncoderConfig:
    return EncoderConfig(kind="plain", inputs=(1, 32, 32), widths=(16, 32, 32))


@dataclass(frozen=True, kw_only=True)
class ViewsConfig:
    """Settings."""

    encoder: EncoderConfig = field(default_factory=_small)
    directions: int = 6
    """Numbers that tell an azimuth."""
    objective: Literal["versa", "cvae"] = "versa"
    psi: int = 48
    hidden: int = 256
    """Units of the inference network and of each of the generator's two layers."""
    beta: float = 1e-3
    """Weight of `cvae`'s divergence, for a mean squared error in units of sigma^2 / S^2."""

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        if self.objective not in ("versa", "cvae"):
            raise ConfigError(f"views: objective {self.objective!r}; there are versa and cvae")
        if min(self.directions, self.psi, self.hidden) < 1 or not self.beta >= 0:
            raise ConfigError(f"views: need directions, psi, hidden >= 1, beta >= 0, got {self}")


class Views:
    """The learner."""

    name = "views"

    def __init__(self, config: ViewsConfig) -> None:
        self.config = config
        self._encode = encoder.make(config.encoder)
        self._shape = config.encoder.inputs

    def init(self, seed: int) -> Params:
        """Fresh parameters; psi starts nearly certain, pictures grey."""
        rng, c = torch.Generator().manual_seed(seed), self.config
        out = self._encode.init(rng)
        out |= sequence.init_linear("infer0", self._encode.size + c.directions, c.hidden, rng)
        out |= sequence.init_linear("infer1", c.hidden, 2 * c.psi, rng)
        out["infer1.b"] = torch.cat([torch.zeros(c.psi), torch.full((c.psi,), -3.0)])
        out |= sequence.init_linear("draw0", c.psi + c.directions, c.hidden, rng)
        out |= sequence.init_linear("draw1", c.hidden, c.hidden, rng)
        return out | sequence.init_linear("draw2", c.hidden, math.prod(self._shape), rng)

    def adapt(self, theta: Params, support: Examples) -> Params:
        """q(psi | support) = N(mu, exp(s)^2), of the mean over views: their order is no matter."""
        pictures = support.y.reshape(-1, *self._shape)
        seen = torch.cat([self._encode(theta, pictures), support.x], -1)
        hidden = relu(sequence.apply_linear(theta, "infer0", seen)).mean(-2)
        mu, s = sequence.apply_linear(theta, "infer1", hidden).chunk(2, -1)
        return {**theta, MU: mu, S: s}

    def predict(self, phi: Params, x: Tensor) -> Tensor:
        """Pictures (n, S S) in [0, 1] from azimuths (n, F), at the mean of psi."""
        return self._drawn(phi, phi[MU], x)

    def _drawn(self, theta: Params, psi: Tensor, x: Tensor) -> Tensor:
        """The generator."""
        h = torch.cat([psi.expand(len(x), -1), x], -1)
        for layer in ("draw0", "draw1"):
            h = relu(sequence.apply_linear(theta, layer, h))
        return torch.sigmoid(sequence.apply_linear(theta, "draw2", h))

    def task_loss(
        self, params: Params, task: Episodes, step: int
    ) -> tuple[Tensor, Mapping[str, float]]:
        """`versa`: -log p(query | x, psi) with one psi ~ q; `cvae`: of the view seen, + KL."""
        rng = np.random.default_rng([step, 2])
        drawn = rng.standard_normal((len(task.support.x), self.config.psi), np.float32)
        noise = torch.from_numpy(drawn).to(task.support.y.dtype)
        versa = self.config.objective == "versa"

        def one(support: Examples, query: Examples, e: Tensor) -> tuple[Tensor, Tensor]:
            seen = support if versa else Examples(support.x[:1], support.y[:1])
            phi = self.adapt(params, seen)
            wanted = query if versa else seen
            found = self._drawn(params, phi[MU] + phi[S].exp() * e, wanted.x)
            return loss_of(found, wanted.y), nats(phi[MU], phi[S])

        losses, known = vmap(one)(task.support, task.query, noise)
        told = {"mse": losses.mean().item(), "nats": known.mean().item()}
        beta = 0.0 if versa else self.config.beta
        return losses.mean() + beta * known.mean(), told


def make(config: Mapping[str, Any]) -> Views:
    """The learner from its config as JSON values."""
    return Views(from_dict(ViewsConfig, config))
