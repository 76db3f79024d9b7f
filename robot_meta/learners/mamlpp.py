"""MAML++: how to train your MAML (Antoniou et al. 2019).

Of the paper: learned step sizes for each parameter and step (LSLR), the multi-step loss (MSL),
first order at the beginning (DA); the cosine schedule (CA) is that of every run here. Batch
statistics are those of the set at each step, as in all learners here (BNRS keeps running ones).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

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

LEAST = 0.03
"""What is left of the weight of an early step, as a fraction of 1 / steps."""


@dataclass(frozen=True, kw_only=True)
class MamlPpConfig:
    """Settings."""

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    outputs: int = 5
    alpha: float = 0.1
    """First size of the learned steps."""
    alpha_encoder: float | None = None
    """The same of the encoder's parameters; None: as that of the head."""
    steps: int = 5
    multi_step: int = 2_000
    """Meta-steps until the last inner step alone counts."""
    first_order_until: int = 500
    """Meta-steps."""

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        sizes = (self.alpha, self.alpha if self.alpha_encoder is None else self.alpha_encoder)
        if not (min(sizes) > 0 and self.outputs > 0 and self.steps > 0):
            raise ConfigError(f"maml++: need alpha, outputs and steps > 0, got {self}")


class MamlPp:
    """The learner."""

    name = "mamlpp"

    def __init__(self, config: MamlPpConfig) -> None:
        self.config = config
        self._encode = encoder.make(config.encoder)

    def init(self, seed: int) -> Params:
        """Fresh parameters and step sizes; the head is zero, so that no class comes before another.

        From there a step on the head alone makes the class of an example like that example, as a
        prototype does.
        """
        config, rng = self.config, torch.Generator().manual_seed(seed)
        body = self._encode.init(rng)
        head = encoder.linear_head(self._encode.size, config.outputs, rng)
        theta = {**body, **{name: torch.zeros_like(p) for name, p in head.items()}}
        slow = config.alpha if config.alpha_encoder is None else config.alpha_encoder
        sizes = {**dict.fromkeys(body, slow), **dict.fromkeys(head, config.alpha)}
        return {**theta, **inner.initial_sizes(sizes, self.config.steps)}

    def predict(self, phi: Params, x: Tensor) -> Tensor:
        """f_phi(x): outputs (n, O)."""
        return encoder.head(phi, self._encode(phi, x))

    def path(self, theta: Params, support: Examples, *, second_order: bool = True) -> list[Params]:
        """Eq. 5: phi_k+1 = phi_k - alpha_k * grad L(phi_k, support); phi_1 .. phi_K."""
        phi, out = theta, []
        for k in range(self.config.steps):
            _, phi = inner.step(
                phi,
                lambda p: loss_of(self.predict(p, support.x), support.y),
                inner.step_sizes(phi, k),
                second_order=second_order,
            )
            out.append(phi)
        return out

    def adapt(self, theta: Params, support: Examples) -> Params:
        """Phi after all steps."""
        return self.path(theta, support)[-1]

    def weights(self, step: int) -> list[float]:
        """v_k of eq. 4: equal at first, and in the end (nearly) all on the last inner step."""
        count = self.config.steps
        left = max(LEAST, 1 - step / self.config.multi_step) / count
        return [*([left] * (count - 1)), 1 - left * (count - 1)]

    def task_loss(
        self, params: Params, task: Episodes, step: int
    ) -> tuple[Tensor, Mapping[str, float]]:
        """Eq. 4: the sum over inner steps of v_k L(phi_k, query)."""
        v = torch.tensor(self.weights(step))

        def one(support: Examples, query: Examples) -> tuple[Tensor, Tensor]:
            second = step >= self.config.first_order_until
            path = self.path(params, support, second_order=second)
            found = [self.predict(phi, query.x) for phi in path]
            losses = torch.stack([loss_of(outputs, query.y) for outputs in found])
            return (v * losses).sum(), found[-1]

        losses, outputs = vmap(one)(task.support, task.query)
        if task.query.y.is_floating_point():
            return losses.mean(), {}
        return losses.mean(), {"accuracy": float(correct(outputs, task.query.y).float().mean())}


def make(config: Mapping[str, Any]) -> MamlPp:
    """The learner from its config as JSON values."""
    return MamlPp(from_dict(MamlPpConfig, config))
