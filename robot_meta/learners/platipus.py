"""Probabilistic MAML: samples of adapted parameters for ambiguous tasks (Finn, Xu and Levine 2018).

theta ~ p(theta | support), then phi ~ theta - alpha * grad L(theta, support): where the support set
allows several answers, samples of phi give several.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.func import vmap

from robot_meta import inner
from robot_meta.config import from_dict
from robot_meta.errors import ConfigError
from robot_meta.few_shot import Episodes, Examples, correct, loss_of
from robot_meta.nets import encoder
from robot_meta.nets.encoder import EncoderConfig
from robot_meta.types import Params

SIGMA, V, SAMPLE = "sigma.", "v.", "sample."
"""Prefixes of log variances of p, of q, and of the sampled phi (S of each, stacked)."""


@dataclass(frozen=True, kw_only=True)
class PlatipusConfig:
    """Settings."""

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    outputs: int = 5
    """N classes, or the size of y."""
    alpha: float = 0.1
    """Inner step size."""
    gamma: float = 0.01
    """Step sizes of the means of p and q."""
    steps: int = 3
    samples: int = 5
    """S, in tests."""
    beta: float = 1e-3
    """Weight of the divergence, against a mean loss."""

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        if not (min(self.alpha, self.gamma) > 0 and min(self.samples, self.steps) > 0):
            raise ConfigError(f"platipus: need alpha, gamma, samples, steps > 0, got {self}")


class Platipus:
    """The learner."""

    name = "platipus"

    def __init__(self, config: PlatipusConfig) -> None:
        self.config = config
        self._encode = encoder.make(config.encoder)

    def init(self, seed: int) -> Params:
        """Fresh means mu_theta and log variances."""
        rng = torch.Generator().manual_seed(seed)
        body = self._encode.init(rng)
        mu = {**body, **encoder.linear_head(self._encode.size, self.config.outputs, rng)}
        spread = {
            prefix + n: torch.full_like(p, -9.0) for prefix in (SIGMA, V) for n, p in mu.items()
        }
        return {**mu, **spread}

    def net(self, phi: Params, x: Tensor) -> Tensor:
        """f_phi(x): outputs (n, O)."""
        return encoder.head(phi, self._encode(phi, x))

    def _stepped(self, phi: Params, seen: Examples, size: float, count: int) -> Params:
        """Gradient steps on mu alone."""
        alpha = {n: size for n in phi if not n.startswith((SIGMA, V))}
        return inner.adapt(phi, lambda p: loss_of(self.net(p, seen.x), seen.y), alpha, count)

    def _noise(self, theta: Params, seed: int, samples: int) -> Params:
        """(S, *shape) of N(0, 1) for each mean."""
        rng = np.random.default_rng(seed)  # torch's draws are refused under vmap
        names = [n[len(V) :] for n in theta if n.startswith(V)]
        drawn = {n: rng.standard_normal((samples, *theta[n].shape), np.float32) for n in names}
        return {n: torch.from_numpy(e) for n, e in drawn.items()}

    def adapt(self, theta: Params, support: Examples) -> Params:
        """Algorithm 2: theta ~ p = N(mu - gamma grad L(mu, support), sigma^2), then phi."""
        p = self._stepped(theta, support, self.config.gamma, 1)
        noise = self._noise(theta, 0, self.config.samples)

        def one(drawn: Params) -> Params:
            sample = {n: p[n] + torch.exp(theta[SIGMA + n] / 2) * e for n, e in drawn.items()}
            return self._stepped(sample, support, self.config.alpha, self.config.steps)

        phi: Params = vmap(one)(noise)
        return {**theta, **{SAMPLE + n: value for n, value in phi.items()}}

    def outputs(self, phi: Params, x: Tensor) -> Tensor:
        """(S, n, O): what each sample of phi says."""
        samples = {n[len(SAMPLE) :]: p for n, p in phi.items() if n.startswith(SAMPLE)}
        found: Tensor = vmap(lambda p: self.net(p, x))(samples)
        return found

    def predict(self, phi: Params, x: Tensor) -> Tensor:
        """The mean of what the samples say: of numbers, or of probabilities (its logarithm)."""
        found = self.outputs(phi, x)
        if self.config.outputs == 1:
            return found.mean(0)
        return torch.logsumexp(found.log_softmax(-1), 0)

    def task_loss(
        self, params: Params, task: Episodes, step: int
    ) -> tuple[Tensor, Mapping[str, float]]:
        """Algorithm 1: E_q L(phi, query) + beta KL(q || p), with one sample of theta ~ q a task.

        q(theta | query) = N(mu - gamma grad L(mu, query), v^2).
        """
        noise = {n: e[0] for n, e in self._noise(params, step + 1, 1).items()}

        def one(support: Examples, query: Examples) -> tuple[Tensor, Tensor, Tensor]:
            q = self._stepped(params, query, self.config.gamma, 1)
            p = self._stepped(params, support, self.config.gamma, 1)
            theta = {n: q[n] + torch.exp(params[V + n] / 2) * e for n, e in noise.items()}
            phi = self._stepped(theta, support, self.config.alpha, self.config.steps)
            found = self.net(phi, query.x)
            return loss_of(found, query.y), self.divergence(params, q, p), found

        losses, kl, outputs = vmap(one)(task.support, task.query)
        told = {"kl": kl.mean().item()}
        if not task.query.y.is_floating_point():
            told["accuracy"] = float(correct(outputs, task.query.y).float().mean())
        return losses.mean() + self.config.beta * kl.mean(), told

    @staticmethod
    def divergence(theta: Params, q: Params, p: Params) -> Tensor:
        """KL(N(q, v^2) || N(p, sigma^2)), summed over all parameters."""
        total = torch.zeros(())
        for name in (n[len(V) :] for n in theta if n.startswith(V)):
            s, v = theta[SIGMA + name], theta[V + name]
            far = (q[name] - p[name]).square()
            total = total + 0.5 * (s - v + (v.exp() + far) / s.exp() - 1).sum()
        return total


def make(config: Mapping[str, Any]) -> Platipus:
    """The learner from its config as JSON values."""
    return Platipus(from_dict(PlatipusConfig, config))
