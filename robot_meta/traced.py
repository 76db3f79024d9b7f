"""A learner whose meta-gradient is written down once and replayed.

The sums are the same; what is saved is finding out each time which to do, as `vmap` of `grad` in
Python costs more than the sums of a small network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from robot_meta.few_shot import Episodes, Examples, FewShotLearner
from robot_meta.replay import written_down
from robot_meta.types import Params

Told = Mapping[str, float | Tensor]


class Found(NamedTuple):
    """What a replay gives."""

    loss: Tensor
    figures: dict[str, Tensor]
    gradient: list[Tensor]
    """In the order of the parameters."""


Replay = Callable[[list[Tensor], Episodes], Found]


def replayable(learner: FewShotLearner) -> bool:
    """Whether the learner says that its loss is the same function at every step."""
    return bool(getattr(learner, "replayable", False))


class Traced:
    """Stands in for a learner in `loops.meta_train`.

    Only for learners whose loss is the same function at every step: no chance, no branch on values
    and nothing that depends on the step's number, as all that would be kept as it was when traced.
    Such a learner says so by `replayable = True`. Each shape of tasks is traced once.
    """

    def __init__(self, learner: FewShotLearner) -> None:
        self._learner = learner
        self._replays: dict[tuple[Any, ...], Replay] = {}

    def task_loss(self, params: Params, task: Episodes, step: int) -> tuple[Tensor, Told]:
        """As the learner's, but the gradient is known already; it has no second derivative."""
        values = list(params.values())
        with torch.no_grad():
            found = self._replay(params, task)([p.detach() for p in values], task)
        loss: Tensor = _Known.apply(found.loss, found.gradient, *values)  # type: ignore[no-untyped-call]
        return loss, found.figures

    def _replay(self, params: Params, task: Episodes) -> Replay:
        tensors = [*params.values(), *task.support, *task.query]
        key = (tuple(params), *((each.shape, each.dtype) for each in tensors))
        if key not in self._replays:
            self._replays[key] = trace(self._learner, params, task)
        return self._replays[key]


def trace(learner: FewShotLearner, params: Params, task: Episodes) -> Replay:
    """Write down what the meta-gradient of a batch of tasks does, on an example of its shapes."""
    names = list(params)
    keys: list[str] = []

    def gradient(*tensors: Tensor) -> list[Tensor]:
        values, (sx, sy, qx, qy) = tensors[: len(names)], tensors[len(names) :]
        theta = {n: p.detach().requires_grad_() for n, p in zip(names, values, strict=True)}
        loss, told = learner.task_loss(theta, Episodes(Examples(sx, sy), Examples(qx, qy)), 0)
        keys[:] = told
        grads = torch.autograd.grad(loss, list(theta.values()), allow_unused=True)
        known = [
            torch.zeros_like(p) if g is None else g for g, p in zip(grads, values, strict=True)
        ]
        return [loss.detach(), *(torch.as_tensor(v) for v in told.values()), *known]

    with torch.enable_grad():
        values = [p.detach() for p in params.values()]
        replayed = written_down(gradient, [*values, *task.support, *task.query])

    def replay(values: list[Tensor], task: Episodes) -> Found:
        loss, *rest = replayed(*values, *task.support, *task.query)
        figures = dict(zip(keys, rest, strict=False))
        return Found(loss, figures, rest[len(keys) :])

    return replay


class _Known(torch.autograd.Function):
    """A loss with a gradient that was found together with it."""

    @staticmethod
    def forward(ctx: Any, loss: Tensor, gradient: list[Tensor], *values: Tensor) -> Tensor:
        ctx.gradient = gradient
        return loss.clone()

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> Any:
        return (None, None, *(outer[0] * g for g in ctx.gradient))
