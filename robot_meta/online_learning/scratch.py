"""From scratch: every task is learned by a fresh network, of its own examples alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from robot_meta.few_shot import Examples
from robot_meta.learners.maml import Maml
from robot_meta.online_learning.buffer import Buffer
from robot_meta.online_learning.joint import JointConfig, mean_loss
from robot_meta.online_learning.learner import Descent
from robot_meta.types import Params


class Scratch:
    """What a task costs that nothing was learned for. It remembers no task but the one at hand."""

    def __init__(self, net: Maml, config: JointConfig, seed: int) -> None:
        self._net, self._config, self._seed = net, config, seed
        self._descent = Descent(net.init(seed), config.round)
        self.buffer = Buffer()
        self.predict = net.predict

    def see(self, batch: Examples, rng: np.random.Generator, *, begin: bool) -> None:
        """Add to the task's examples; a new task begins with fresh parameters."""
        if begin:
            self.buffer = Buffer()
            self._descent = Descent(self._net.init(self._seed), self._config.round)
        self.buffer.add(batch, rng, begin=begin)

    def learn(self, rng: np.random.Generator) -> None:
        """Descend the loss of examples of the task, at most a batch of them at a time."""

        def loss(w: Params) -> Tensor:
            count = min(self._config.batch, len(self.buffer))
            return mean_loss(self._net, w, self.buffer.examples(rng, 1, count))

        self._descent.round(loss)

    def answers(self) -> Mapping[str, Params]:
        """The task's own network."""
        return {"scratch": self._descent.params}
