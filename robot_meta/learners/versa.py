"""VERSA: a network infers the distribution of each class's weights (Gordon et al. 2019)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot, pad, relu

from robot_meta.config import from_dict
from robot_meta.errors import ConfigError
from robot_meta.few_shot import Episodes, Examples, query_loss
from robot_meta.nets import encoder, sequence
from robot_meta.nets.encoder import EncoderConfig
from robot_meta.types import Params


@dataclass(frozen=True, kw_only=True)
class VersaConfig:
    """Settings."""

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    outputs: int = 5
    """N classes."""
    hidden: int = 256
    """Units of the inference network."""
    samples: int = 10
    """L of eq. 5."""

    def __post_init__(self) -> None:
        """Refuse to draw nothing."""
        if min(self.hidden, self.samples) < 1:
            raise ConfigError(f"versa: need hidden and samples >= 1, got {self}")


class Versa:
    """The learner."""

    name = "versa"

    def __init__(self, config: VersaConfig) -> None:
        self.config = config
        self._encode = encoder.make(config.encoder)
        self._noise = self._drawn(0)

    def _drawn(self, seed: int) -> Tensor:
        """(L, N, D + 1) of N(0, 1): the same for all tasks of a batch."""
        shape = (self.config.samples, self.config.outputs, self._encode.size + 1)
        return torch.randn(shape, generator=torch.Generator().manual_seed(seed))

    def init(self, seed: int) -> Params:
        """Fresh parameters; the inferred weights start small and nearly certain."""
        rng = torch.Generator().manual_seed(seed)
        size = self._encode.size
        out = sequence.init_linear("infer1", self.config.hidden, 2 * (size + 1), rng)
        out["infer1.w"] = 0.1 * out["infer1.w"]
        out["infer1.b"] = torch.cat([torch.zeros(size + 1), torch.full((size + 1,), -6.0)])
        first = sequence.init_linear("infer0", size, self.config.hidden, rng)
        return {**self._encode.init(rng), **first, **out}

    def adapt(self, theta: Params, support: Examples) -> Params:
        """q(w_k | examples of class k) = N(mu_k, exp(s_k)): section 3, context independent."""
        f = self._encode(theta, support.x)
        of = one_hot(support.y, self.config.outputs).to(f.dtype)
        mean = of.T @ f / of.sum(0)[:, None]  # h~_k: a set, so the order of examples is no matter
        hidden = relu(sequence.apply_linear(theta, "infer0", mean))
        mu, s = sequence.apply_linear(theta, "infer1", hidden).chunk(2, -1)
        return {**theta, "weights.mu": mu, "weights.s": s}

    def predict(self, phi: Params, x: Tensor) -> Tensor:
        """Eq. 5: log of 1/L sum_l p(y | x, w_l), with the same draws each time."""
        return self._predict(phi, x, self._noise)

    def _predict(self, phi: Params, x: Tensor, noise: Tensor) -> Tensor:
        w = phi["weights.mu"] + torch.exp(phi["weights.s"] / 2) * noise  # (L, N, D + 1)
        f = pad(self._encode(phi, x), (0, 1), value=1.0)
        log_p = torch.einsum("nd,lkd->lnk", f, w).log_softmax(-1)
        return torch.logsumexp(log_p, 0)  # log L is the same for all classes

    def task_loss(
        self, params: Params, task: Episodes, step: int
    ) -> tuple[Tensor, Mapping[str, float | Tensor]]:
        """Eq. 5, with new draws at each step."""
        return query_loss(_Drawn(self, self._drawn(step + 1)), params, task)


class _Drawn:
    """The learner with other draws."""

    def __init__(self, learner: Versa, noise: Tensor) -> None:
        self.adapt = learner.adapt
        self._learner, self._noise = learner, noise

    def predict(self, phi: Params, x: Tensor) -> Tensor:
        return self._learner._predict(phi, x, self._noise)


def make(config: Mapping[str, Any]) -> Versa:
    """The learner from its config as JSON values."""
    return Versa(from_dict(VersaConfig, config))
