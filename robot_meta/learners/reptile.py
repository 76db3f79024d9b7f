"""Reptile: move towards the parameters that plain gradient descent finds (Nichol et al. 2018)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.func import vmap

from robot_meta.config import from_dict
from robot_meta.few_shot import Episodes, Examples, correct
from robot_meta.learners.maml import Maml, MamlConfig
from robot_meta.types import Params


class Reptile:
    """The learner: MAML's adaptation, another way to find theta."""

    name = "reptile"

    def __init__(self, config: MamlConfig) -> None:
        self.config = config
        self._maml = Maml(config)
        self.init, self.adapt, self.predict = (
            self._maml.init,
            self._maml.adapt,
            self._maml.predict,
        )

    def task_loss(
        self, params: Params, task: Episodes, step: int
    ) -> tuple[Tensor, Mapping[str, float]]:
        """Algorithm 2: the meta-gradient is the mean of theta - U_k(theta); all examples are used.

        What is returned has that gradient: theta . (theta - U_k(theta)), the bracket a constant.
        """
        x = torch.cat([task.support.x, task.query.x], 1)
        everything = Examples(x, torch.cat([task.support.y, task.query.y], 1))
        theta = {name: p.detach() for name, p in params.items()}

        def end(seen: Examples) -> tuple[Params, Tensor]:
            phi = self._maml.adapt(theta, seen, self.config.steps)
            return phi, self._maml.predict(phi, seen.x)

        with torch.no_grad():
            phi, outputs = vmap(end)(everything)
        loss = sum(
            ((p * (p.detach() - phi[name].mean(0))).sum() for name, p in params.items()),
            start=torch.zeros(()),
        )
        if everything.y.is_floating_point():
            return loss, {}
        return loss, {"accuracy": float(correct(outputs, everything.y).float().mean())}


def make(config: Mapping[str, Any]) -> Reptile:
    """The learner from its config as JSON values."""
    given = {"alpha": 0.05, "steps": 5, "test_steps": 10, **config, "second_order": False}
    return Reptile(from_dict(MamlConfig, given))
