"""Fine-tuning a sequence model on many tasks at once, and the choice of how on validation tasks.

Parameters are stacked, one for each of L tasks. Adam and plain descent work on each number alone,
so that the tasks do not know of each other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.func import vmap

from robot_meta import inner
from robot_meta.errors import ConfigError
from robot_meta.few_shot import Episodes, Examples
from robot_meta.learners.sequences import Sequences
from robot_meta.loops import TrainConfig, meta_train
from robot_meta.types import Params

BATCH = 16
"""Pairs a step; all of a support set that is smaller."""
# Clipping would tie the tasks together; no gradient is as long as this.
_NO_CLIP = 1e9


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """How."""

    rate: float
    steps: int
    kind: Literal["adam", "descent"] = "adam"

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        if not (self.rate > 0 and self.steps >= 0 and self.kind in ("adam", "descent")):
            raise ConfigError(f"tuning: need rate > 0, steps >= 0 and a known kind, got {self}")


class Many:
    """L models of one learner, for `meta_train`: the sum of their losses, which parts again."""

    def __init__(self, learner: Sequences) -> None:
        self._learner = learner

    def task_loss(
        self, params: Params, task: Examples, step: int
    ) -> tuple[Tensor, Mapping[str, float]]:
        """Sum over models of the loss of each on its own examples (L, n, .)."""
        each: Tensor = vmap(self._learner.loss)(params, task)
        return each.sum(), {}


def copies(theta: Params, count: int) -> Params:
    """So many copies."""
    return {name: p.detach().expand(count, *p.shape).contiguous() for name, p in theta.items()}


def tuned(
    learner: Sequences, theta: Params, support: Examples, tuning: Tuning, marks: Sequence[int] = ()
) -> Iterator[tuple[int, Params]]:
    """Yield (k, stacked parameters) after k steps for each mark k, and at the end.

    Args:
        learner: the model.
        theta: where each of the models begins.
        support: (L, K, .) pairs of each task.
        tuning: how.
        marks: numbers of steps.
    """
    wanted = {*marks, tuning.steps}
    phi = copies(theta, len(support.x))
    if 0 in wanted:
        yield 0, phi
    if not tuning.steps:
        return
    steps = _adam if tuning.kind == "adam" else _descent
    for k, after in enumerate(steps(learner, phi, support, tuning), 1):
        if k in wanted:
            yield k, after


def last(learner: Sequences, theta: Params, support: Examples, tuning: Tuning) -> Params:
    """The stacked parameters after all steps."""
    return dict(tuned(learner, theta, support, tuning))[tuning.steps]


def _adam(learner: Sequences, phi: Params, support: Examples, tuning: Tuning) -> Iterator[Params]:
    size = support.x.shape[1]

    def sample(rng: np.random.Generator) -> Examples:
        if size <= BATCH:
            return support
        at = torch.from_numpy(rng.permutation(size)[:BATCH])
        return Examples(support.x[:, at], support.y[:, at])

    config = TrainConfig(
        steps=tuning.steps,
        tasks=1,
        rate=tuning.rate,
        final_rate=1.0,
        warmup=0,
        clip=_NO_CLIP,
        average=0.0,
    )
    for step in meta_train(Many(learner), phi, sample, config):
        yield step.params


def _descent(
    learner: Sequences, phi: Params, support: Examples, tuning: Tuning
) -> Iterator[Params]:
    """Eq. 1 of MAML, each step on the whole support set."""

    def down(p: Params, examples: Examples) -> Params:
        alpha = dict.fromkeys(p, tuning.rate)
        return inner.step(p, lambda q: learner.loss(q, examples), alpha)[1]

    for _ in range(tuning.steps):
        with torch.no_grad():
            phi = vmap(down)(phi, support)
        yield phi


def losses(learner: Sequences, phi: Params, examples: Examples) -> Tensor:
    """(L,): the loss of each model on its own examples."""
    with torch.no_grad():
        found: Tensor = vmap(learner.loss)(phi, examples)
    return found


def spoken(learner: Sequences, phi: Params, examples: Examples) -> Tensor:
    """(L, n, T): what each model says by itself."""
    with torch.no_grad():
        found: Tensor = vmap(learner.net.greedy)(phi, examples.x)
    return found


def chosen(
    learner: Sequences,
    theta: Params,
    tasks: Episodes,
    tunings: Sequence[Tuning],
    marks: Sequence[int],
) -> Tuning:
    """The tuning, stopped at the mark, whose mean loss on the queries is least.

    Raises:
        ConfigError: nothing to choose from.
    """
    if not tunings:
        raise ConfigError("fine-tuning: no tunings came, expected at least one")
    found: list[tuple[float, Tuning]] = []
    for each in tunings:
        kept = [k for k in marks if k < each.steps]
        for k, phi in tuned(learner, theta, tasks.support, each, kept):
            loss = float(losses(learner, phi, tasks.query).mean())
            if math.isfinite(loss):
                found.append((loss, replace(each, steps=k)))
    return min(found, key=lambda pair: pair[0])[1]
