"""The meta-gradient of one MAML step, by this project and by a plain loop, for bench and test.

A path takes a problem and gives a function of nothing that computes the gradient of the mean query
loss with respect to theta, in the order of theta's names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from robot_meta import few_shot_tasks, learners
from robot_meta.few_shot import Episodes, Examples, FewShotLearner, loss_of
from robot_meta.learners.maml import Maml
from robot_meta.traced import Traced, replayable
from robot_meta.types import Params

Gradient = tuple[Tensor, ...]
Path = Callable[["Problem"], Callable[[], Gradient]]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A learner, its parameters and the tasks of one meta-step."""

    learner: FewShotLearner
    theta: Params
    tasks: Episodes
    alpha: float

    def double(self) -> Problem:
        """The same in float64."""
        theta = {name: p.double() for name, p in self.theta.items()}
        support, query = (
            Examples(e.x.double(), e.y.double() if e.y.is_floating_point() else e.y)
            for e in self.tasks
        )
        tasks = Episodes(support, query)
        return Problem(learner=self.learner, theta=theta, tasks=tasks, alpha=self.alpha)


def sinusoid(learner: str = "maml", tasks: int = 25) -> Problem:
    """25 sinusoids of 10 + 10 points, net 1-40-40-1, one inner step."""
    rng = few_shot_tasks.stream("train", "sinusoid", 0)
    drawn = few_shot_tasks.sinusoid(10, 10)
    made = learners.make_few_shot(learner, {**drawn.settings, "alpha": 0.01, "steps": 1})
    return Problem(
        learner=made, theta=made.init(0), tasks=drawn.draws["train"](rng, tasks), alpha=0.01
    )


def omniglot(learner: str = "maml", tasks: int = 16) -> Problem:
    """16 tasks of 5 classes, one shot and one query each, 4 convolutions of 64, one inner step.

    Speed does not depend on what the pictures show: they are noise, so that no data is needed.
    """
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(2, tasks, 5, 1, 28, 28, generator=rng)
    y = torch.arange(5).expand(tasks, 5)
    settings = {} if learner == "protonet" else {"alpha": 0.4, "steps": 1}
    made = learners.make_few_shot(learner, settings)
    drawn = Episodes(Examples(x[0], y), Examples(x[1], y))
    return Problem(learner=made, theta=made.init(0), tasks=drawn, alpha=0.4)


def ours(problem: Problem) -> Callable[[], Gradient]:
    """What `loops.meta_train` does with the learner that `few_shot_training.prepare` gives it."""
    theta = {name: p.detach().requires_grad_() for name, p in problem.theta.items()}
    learner = Traced(problem.learner) if replayable(problem.learner) else problem.learner

    def gradient() -> Gradient:
        loss, _ = learner.task_loss(theta, problem.tasks, 0)
        return torch.autograd.grad(loss, list(theta.values()))

    return gradient


def loop(problem: Problem) -> Callable[[], Gradient]:
    """One task after the other with plain autograd: the reference."""
    assert isinstance(problem.learner, Maml)
    net = problem.learner.predict
    theta = {name: p.detach().requires_grad_() for name, p in problem.theta.items()}
    leaves = list(theta.values())

    def gradient() -> Gradient:
        total = [torch.zeros_like(p) for p in leaves]
        for sx, sy, qx, qy in zip(*problem.tasks.support, *problem.tasks.query, strict=True):
            inner_loss = loss_of(net(theta, sx), sy)
            inner = torch.autograd.grad(inner_loss, leaves, create_graph=True)
            moved = {
                n: p - problem.alpha * g for (n, p), g in zip(theta.items(), inner, strict=True)
            }
            outer = torch.autograd.grad(loss_of(net(moved, qx), qy), leaves)
            total = [
                t + g / len(problem.tasks.support.y) for t, g in zip(total, outer, strict=True)
            ]
        return tuple(total)

    return gradient
