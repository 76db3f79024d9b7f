"""Several task families, one pair of eyes: a meta-training run over the runs of single families.

What is seen is the same thing whatever is done with it, so the encoder, the attention and what
reads a video are trained on the things of all families; each family has a controller of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from robot_meta.nets import vision
from robot_meta.types import Params

MARK = "/"
"""Between a family and the name of a parameter of its own."""


class Together:
    """Parameters of all families as one, and the loss of one family's batch.

    Args:
        learners: of each family, alike in everything; each gives `task_loss`.
    """

    def __init__(self, learners: Mapping[str, Any]) -> None:
        self._learners = dict(learners)

    def join(self, parts: Mapping[str, Params]) -> Params:
        """The eyes of the first family, and everybody's hands under their family's name."""
        first = next(iter(parts.values()))
        eyes = {n: p for n, p in first.items() if not n.startswith(vision.HANDS)}
        hands = {
            f"{family}{MARK}{n}": p
            for family, params in parts.items()
            for n, p in params.items()
            if n.startswith(vision.HANDS)
        }
        return {**eyes, **hands}

    def of(self, family: str, params: Params) -> Params:
        """The parameters of one family."""
        own = family + MARK
        return {
            n.removeprefix(own): p for n, p in params.items() if MARK not in n or n.startswith(own)
        }

    def draw(self, samples: Mapping[str, Any], rng: np.random.Generator) -> tuple[str, Any]:
        """A family by chance, and a batch of it."""
        family = list(samples)[int(rng.integers(len(samples)))]
        return family, samples[family](rng)

    def task_loss(
        self, params: Params, task: tuple[str, Any], step: int
    ) -> tuple[torch.Tensor, Mapping[str, float]]:
        """The loss of a family's batch, differentiable in what that family uses."""
        family, batch = task
        loss: tuple[torch.Tensor, Mapping[str, float]] = self._learners[family].task_loss(
            self.of(family, params), batch, step
        )
        return loss
