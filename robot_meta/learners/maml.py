"""MAML: parameters from which a few gradient steps suffice (Finn, Abbeel and Levine 2017).

With `second_order` False it is first-order MAML, with `fast` ("head",) ANIL (Raghu et al. 2020:
only the head adapts), and with 0 steps plain training on all tasks at once, to fine-tune in tests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from robot_meta import inner
from robot_meta.config import from_dict
from robot_meta.errors import ConfigError
from robot_meta.few_shot import Episodes, Examples, loss_of, query_loss
from robot_meta.nets import encoder
from robot_meta.nets.encoder import EncoderConfig
from robot_meta.types import Params


@dataclass(frozen=True, kw_only=True)
class MamlConfig:
    """Settings."""

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    outputs: int = 5
    """N classes, or the size of y."""
    alpha: float = 0.4
    """Inner step size, for the *mean* loss of the support set."""
    steps: int = 1
    """Inner steps in training."""
    test_steps: int = 3
    """Inner steps in tests."""
    second_order: bool = True
    fast: tuple[str, ...] = ("",)
    """Prefixes of the parameters that adapt; "" is all."""

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        if not (self.alpha > 0 and self.outputs > 0 and min(self.steps, self.test_steps) >= 0):
            raise ConfigError(
                f"maml: need alpha, outputs > 0 and steps, test_steps >= 0, got {self}"
            )


class Maml:
    """The learner."""

    name = "maml"
    replayable = True

    def __init__(self, config: MamlConfig) -> None:
        self.config = config
        self._encode = encoder.make(config.encoder)

    def init(self, seed: int) -> Params:
        """Fresh parameters."""
        rng = torch.Generator().manual_seed(seed)
        body = self._encode.init(rng)
        return {**body, **encoder.linear_head(self._encode.size, self.config.outputs, rng)}

    def predict(self, phi: Params, x: Tensor) -> Tensor:
        """f_phi(x): outputs (n, O)."""
        return encoder.head(phi, self._encode(phi, x))

    def path(self, theta: Params, support: Examples) -> Iterator[Params]:
        """Eq. 1: phi <- phi - alpha * grad L(phi, support); yields phi_0 = theta, phi_1, ..."""
        alpha = {name: self.config.alpha for name in theta if name.startswith(self.config.fast)}
        phi = theta
        while True:
            yield phi
            _, phi = inner.step(
                phi,
                lambda p: loss_of(self.predict(p, support.x), support.y),
                alpha,
                second_order=self.config.second_order,
            )

    def adapt(self, theta: Params, support: Examples, steps: int | None = None) -> Params:
        """Phi after `steps` steps; those of tests if not given."""
        path = self.path(theta, support)
        wanted = self.config.test_steps if steps is None else steps
        return next(phi for k, phi in enumerate(path) if k == wanted)

    def task_loss(
        self, params: Params, task: Episodes, step: int
    ) -> tuple[Tensor, Mapping[str, float | Tensor]]:
        """Eq. 2: the sum over tasks (here the mean) of L(phi, query)."""
        return query_loss(Stepped(self, self.config.steps), params, task)


class Stepped:
    """A learner that takes another number of inner steps than in tests."""

    def __init__(self, learner: Any, steps: int) -> None:
        self._learner, self._steps = learner, steps
        self.predict = learner.predict

    def adapt(self, theta: Params, support: Examples) -> Params:
        """Phi after that number."""
        phi: Params = self._learner.adapt(theta, support, self._steps)
        return phi


def make(config: Mapping[str, Any]) -> Maml:
    """The learner from its config as JSON values."""
    return Maml(from_dict(MamlConfig, config))
