"""What the protocol asks of every online learner, and the descent that they share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from robot_meta.errors import ConfigError
from robot_meta.few_shot import Examples
from robot_meta.types import Params


class OnlineLearner(Protocol):
    """Learns from batches of one task after another."""

    def see(self, batch: Examples, rng: np.random.Generator, *, begin: bool) -> None:
        """Take in new examples of the task at hand, or, with `begin`, the first of a new one."""
        ...

    def learn(self, rng: np.random.Generator) -> None:
        """One round's training on what is remembered."""
        ...

    def answers(self) -> Mapping[str, Params]:
        """The parameters to predict with on the task at hand, for each row of the table."""
        ...

    def predict(self, phi: Params, x: Tensor) -> Tensor:
        """Logarithms of odds (n, N)."""
        ...


@dataclass(frozen=True, kw_only=True)
class RoundConfig:
    """Training of one round."""

    steps: int = 1
    """Adam steps."""
    rate: float = 1e-3
    """Adam's step size."""

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        if not (self.steps >= 1 and self.rate > 0):
            raise ConfigError(f"round: need steps >= 1 and rate > 0, got {self}")


class Descent:
    """Parameters with Adam's moments."""

    def __init__(self, start: Params, config: RoundConfig) -> None:
        self._config = config
        self._w = {name: p.clone().requires_grad_() for name, p in start.items()}
        self._adam = torch.optim.Adam(self._w.values(), lr=config.rate)

    @property
    def params(self) -> Params:
        """The parameters now, without a graph."""
        return {name: p.detach().clone() for name, p in self._w.items()}

    def round(self, loss: Callable[[Params], Tensor]) -> None:
        """The steps of a round; `loss` draws a new batch each time."""
        for _ in range(self._config.steps):
            self._adam.zero_grad()
            loss(self._w).backward()  # type: ignore[no-untyped-call]
            self._adam.step()
