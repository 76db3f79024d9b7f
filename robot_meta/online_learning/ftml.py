"""Follow the meta-leader (Finn et al. 2019)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from robot_meta.errors import ConfigError
from robot_meta.few_shot import Examples
from robot_meta.learners.maml import Maml
from robot_meta.online_learning.buffer import Buffer
from robot_meta.online_learning.learner import Descent, RoundConfig
from robot_meta.types import Params


@dataclass(frozen=True, kw_only=True)
class FtmlConfig:
    """Settings."""

    round: RoundConfig = field(default_factory=RoundConfig)
    tasks: int = 5
    """Tasks of a meta-step."""
    support: int = 10
    """Examples in D_tr."""
    query: int = 10
    """Examples in D_val."""
    capacity: int | None = None
    """Examples remembered in all; None for every one."""

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        if min(self.tasks, self.support, self.query) < 1:
            raise ConfigError(f"ftml: need tasks, support and query >= 1, got {self}")


class Ftml:
    r"""Eq. 4, w_{t+1} = argmin_w \sum_{k<=t} f_k(U_k(w)), by steps of Adam.

    U_k(w) is MAML's adaptation: gradient steps on examples of task k.
    """

    def __init__(self, maml: Maml, config: FtmlConfig, seed: int, row: str = "ftml") -> None:
        self._maml, self._config, self._row = maml, config, row
        self._descent = Descent(maml.init(seed), config.round)
        self.buffer = Buffer(config.capacity)
        self.predict = maml.predict

    def see(self, batch: Examples, rng: np.random.Generator, *, begin: bool) -> None:
        """Algorithm 1, lines 4 and 6: add to the buffer."""
        self.buffer.add(batch, rng, begin=begin)

    def learn(self, rng: np.random.Generator) -> None:
        """Meta-Update, algorithm 2: descend the mean of L(U(w, D_tr), D_val) over drawn tasks."""
        c = self._config

        def loss(w: Params) -> Tensor:
            drawn = self.buffer.episodes(rng, c.tasks, c.support, c.query)
            return self._maml.task_loss(w, drawn, 0)[0]

        self._descent.round(loss)

    def answers(self) -> Mapping[str, Params]:
        """Update-Procedure, algorithm 3: gradient steps on all that is seen of the task at hand."""
        with torch.no_grad():
            return {self._row: self._maml.adapt(self._descent.params, self.buffer.current)}
