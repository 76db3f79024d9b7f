"""One network for all tasks: train on everything (TOE), and follow the leader (FTL)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.func import vmap

from robot_meta.errors import ConfigError
from robot_meta.few_shot import Examples, loss_of
from robot_meta.learners.maml import Maml
from robot_meta.online_learning.buffer import Buffer
from robot_meta.online_learning.learner import Descent, RoundConfig
from robot_meta.types import Params


@dataclass(frozen=True, kw_only=True)
class JointConfig:
    """Settings."""

    round: RoundConfig = field(default_factory=RoundConfig)
    tasks: int = 5
    """Tasks of a step."""
    batch: int = 20
    """Examples of each."""

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        if min(self.tasks, self.batch) < 1:
            raise ConfigError(f"joint: need tasks and batch >= 1, got {self}")


def mean_loss(net: Maml, w: Params, drawn: Examples) -> Tensor:
    """The mean over B tasks of the loss of (B, n) examples, each task normalised by itself."""
    found: Tensor = vmap(lambda x: net.predict(w, x))(drawn.x)
    return loss_of(found.flatten(0, 1), drawn.y.flatten(0, 1))


class Joint:
    r"""w_{t+1} = argmin_w \sum_{k<=t} f_k(w), by steps of Adam. Two rows from one training.

    `toe` predicts with w; `ftl` first fine-tunes w by gradient steps on the task at hand.
    """

    def __init__(self, fine_tuning: Maml, config: JointConfig, seed: int) -> None:
        self._net, self._config = fine_tuning, config
        self._descent = Descent(fine_tuning.init(seed), config.round)
        self.buffer = Buffer()
        self.predict = fine_tuning.predict

    def see(self, batch: Examples, rng: np.random.Generator, *, begin: bool) -> None:
        """Add to the buffer."""
        self.buffer.add(batch, rng, begin=begin)

    def learn(self, rng: np.random.Generator) -> None:
        """Descend the mean loss of tasks drawn from all that came, normalised as in tests."""
        c = self._config

        def loss(w: Params) -> Tensor:
            return mean_loss(self._net, w, self.buffer.examples(rng, c.tasks, c.batch))

        self._descent.round(loss)

    def answers(self) -> Mapping[str, Params]:
        """W, and w after fine-tuning on all that is seen of the task at hand."""
        w = self._descent.params
        with torch.no_grad():
            return {"toe": w, "ftl": self._net.adapt(w, self.buffer.current)}
