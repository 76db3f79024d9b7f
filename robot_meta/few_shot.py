"""Few-shot learning: what a task is, what a learner offers, and the two losses that follow.

B tasks; n examples in a set; N classes ("way") with K examples each ("shot"); D features; O outputs
(N for classes, the size of y for regression). A learner's functions are written for one task;
`torch.func.vmap` makes them functions of B tasks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor
from torch.func import vmap
from torch.nn.functional import cross_entropy, mse_loss

from robot_meta.types import Params

QUERIES = 75
"""Queries at a time, each with a support set beside it: 20-way tasks fill the memory otherwise."""


class Examples(NamedTuple):
    """A labelled set."""

    x: Tensor
    """(..., n, *shape): pictures (C, H, W) in [0, 1], or numbers."""
    y: Tensor
    """(..., n) classes 0 .. N-1 as int64, or (..., n, O) numbers."""


class Episodes(NamedTuple):
    """What meta-learning draws: B tasks, each with examples to adapt on and to be judged by."""

    support: Examples
    query: Examples


class Adapts(Protocol):
    """phi = adapt(theta, support), then predictions under phi."""

    def adapt(self, theta: Params, support: Examples) -> Params:
        """What is predicted with after seeing the support set of one task; theta stays as it is."""
        ...

    def predict(self, phi: Params, x: Tensor) -> Tensor:
        """Outputs (n, O) for n examples: logarithms of odds of classes, or numbers."""
        ...


class FewShotLearner(Adapts, Protocol):
    """What meta-training needs besides."""

    name: str
    config: Any

    def init(self, seed: int) -> Params:
        """Fresh parameters."""
        ...

    def task_loss(
        self, params: Params, task: Episodes, step: int
    ) -> tuple[Tensor, Mapping[str, float | Tensor]]:
        """Mean loss of B tasks after adaptation, to meta-train with, and figures to log."""
        ...


def loss_of(outputs: Tensor, y: Tensor) -> Tensor:
    """Cross entropy with classes, mean squared error with numbers; the mean over the set."""
    if y.is_floating_point():
        return mse_loss(outputs, y)
    return cross_entropy(outputs, y)


def correct(outputs: Tensor, y: Tensor) -> Tensor:
    """Whether (...) the likeliest class of (..., N) is that of (...)."""
    return outputs.argmax(-1) == y


def outputs_of(learner: Adapts, theta: Params, tasks: Episodes) -> Tensor:
    """Outputs (B, n, O) for all queries, each task adapted to its own support set."""

    def one(support: Examples, x: Tensor) -> Tensor:
        return learner.predict(learner.adapt(theta, support), x)

    found: Tensor = vmap(one)(tasks.support, tasks.query.x)
    return found


def outputs_alone(learner: Adapts, theta: Params, tasks: Episodes) -> Tensor:
    """As `outputs_of`, but no query is in a batch with another: not transductive.

    Batch statistics of a query are of it and the support set, which a deployed learner has too.
    """

    def one(support: Examples, x: Tensor) -> Tensor:
        phi = learner.adapt(theta, support)

        def alone(query: Tensor) -> Tensor:
            return learner.predict(phi, torch.cat([support.x, query[None]]))[-1]

        each: Tensor = vmap(alone, chunk_size=QUERIES)(x)
        return each

    found: Tensor = vmap(one, chunk_size=1)(tasks.support, tasks.query.x)
    return found


def query_loss(learner: Adapts, theta: Params, tasks: Episodes) -> tuple[Tensor, dict[str, Tensor]]:
    """The outer loss: of the queries under phi, the mean over tasks; and the share that is right.

    As each task's loss is a mean, this equals the mean of `loss_of` over tasks.
    """
    found = outputs_of(learner, theta, tasks).flatten(0, 1)
    y = tasks.query.y.flatten(0, 1)
    figures = {} if y.is_floating_point() else {"accuracy": correct(found, y).float().mean()}
    return loss_of(found, y), figures
