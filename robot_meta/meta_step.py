"""The meta-gradient of one MAML step, by this project and by a plain loop, for bench and test.

A problem describes a network by two losses of one task, which every path is given. A path takes a
problem and gives a function of nothing that computes the gradient of the mean outer loss with
respect to theta, in the order of theta's names.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from robot_meta import few_shot_tasks, inner, learners
from robot_meta.data.batches import Batch
from robot_meta.data.legs import LEG, LEGS
from robot_meta.demo_loss import Support
from robot_meta.few_shot import Episodes, Examples, loss_of
from robot_meta.imitator import outer_loss
from robot_meta.learners.mil import Mil, MilConfig
from robot_meta.nets import encoder, vision
from robot_meta.nets.encoder import EncoderConfig
from robot_meta.traced import Traced, replayable
from robot_meta.types import Params

Gradient = tuple[Tensor, ...]
Path = Callable[["Problem"], Callable[[], Gradient]]
TaskLoss = Callable[..., Tensor]
"""Of parameters and the tensors of one task: ()."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """The tasks of one meta-step, how each is adapted on and how it is judged."""

    learner: Any
    """Whose `task_loss` is our own path."""
    theta: Params
    tasks: Any
    """(support, query), each a named tuple of tensors (B, ...)."""
    inner: TaskLoss
    """Of the support set of one task; phi = theta - alpha * its gradient."""
    outer: TaskLoss
    """Of the query set, under phi."""
    fast: Sequence[str]
    """Names of the parameters that adapt."""
    alpha: float
    batch: Callable[[Any], Any] = lambda tasks: tasks
    """`tasks` as `learner.task_loss` takes them."""
    fixed: Params = field(default_factory=dict)
    """What `learner` has besides theta and is no matter of the gradient."""
    encoder: EncoderConfig | None = None
    """The network, where it is an encoder with a linear head."""

    def double(self) -> Problem:
        """The same in float64."""
        return replace(
            self,
            theta={name: p.double() for name, p in self.theta.items()},
            fixed={name: p.double() for name, p in self.fixed.items()},
            tasks=type(self.tasks)(
                *(
                    type(part)(*(t.double() if t.is_floating_point() else t for t in part))
                    for part in self.tasks
                )
            ),
        )


def sinusoid(learner: str = "maml", tasks: int = 25) -> Problem:
    """25 sinusoids of 10 + 10 points, net 1-40-40-1, one inner step."""
    rng = few_shot_tasks.stream("train", "sinusoid", 0)
    drawn = few_shot_tasks.sinusoid(10, 10)
    made = learners.make_few_shot(learner, {**drawn.settings, "alpha": 0.01, "steps": 1})
    return _few_shot(made, drawn.draws["train"](rng, tasks), 0.01)


def omniglot(learner: str = "maml", tasks: int = 16) -> Problem:
    """16 tasks of 5 classes, one shot and one query each, 4 convolutions of 64, one inner step.

    Speed does not depend on what the pictures show: they are noise, so that no data is needed.
    """
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(2, tasks, 5, 1, 28, 28, generator=rng)
    y = torch.arange(5).expand(tasks, 5)
    settings = {} if learner == "protonet" else {"alpha": 0.4, "steps": 1}
    made = learners.make_few_shot(learner, settings)
    return _few_shot(made, Episodes(Examples(x[0], y), Examples(x[1], y)), 0.4)


def _few_shot(learner: Any, tasks: Episodes, alpha: float) -> Problem:
    def loss(phi: Params, x: Tensor, y: Tensor) -> Tensor:
        return loss_of(encoder.head(phi, plain(phi, x)), y)

    theta = learner.init(0)
    return Problem(
        learner=learner,
        theta=theta,
        tasks=tasks,
        inner=loss,
        outer=loss,
        fast=tuple(theta),
        alpha=alpha,
        encoder=learner.config.encoder,
    )


def plain(phi: Params, x: Tensor) -> Tensor:
    """Features of an encoder by torch's `batch_norm`: quicker, where tasks come one by one."""
    for i in range(sum(name.startswith("encoder.w") for name in phi)):
        w, b = phi[f"encoder.w{i}"], phi[f"encoder.b{i}"]
        if w.ndim == 4:
            x = F.conv2d(x, w, stride=2, padding=1)
            x = F.batch_norm(x, None, None, phi[f"encoder.gain{i}"], b, training=True)
        else:
            x = F.linear(x, w, b)
        x = F.relu(x)
    return x.flatten(1)


class Seen(NamedTuple):
    """Frames of B tasks, as in `Batch`."""

    rgb: Tensor
    state: Tensor
    action: Tensor
    before: Tensor
    key: Tensor
    marker: Tensor


class Shown(NamedTuple):
    """The frames to adapt on and those to be judged by."""

    support: Seen
    query: Seen


def mil(learner: str = "maml", tasks: int = 4) -> Problem:
    """4 tasks of MIL's policy on 64 x 64 pictures of noise, 6 + 8 frames, one inner step.

    All of it adapts but the stem, as in training; step sizes are alike and not trained. `learner`
    is `maml` or `fomaml`.
    """
    alpha, rng = 0.01, np.random.default_rng(0)
    made = Mil(
        MilConfig(
            net=vision.VisionConfig(image=(64, 64), skip_rows=0),
            steps=1,
            alpha=alpha,
            first_order_until=0 if learner == "maml" else 1,
        )
    )
    settings = made.settings
    theta = {n: p for n, p in made.init(0).items() if not n.startswith(inner.ALPHA)}
    moved = [n for n in theta if not n.startswith(vision.SLOW)]
    sizes = inner.initial_sizes(dict.fromkeys(moved, alpha), 1)

    def shown(phi: Params, rgb: Tensor, *rest: Tensor) -> Tensor:
        state, action, before, key, _ = rest
        features = vision.stem(phi, rgb, settings.net)
        return made.inner_loss(
            phi, Support(features, state, action, before, key, acted=torch.ones(()))
        )

    def judged(phi: Params, rgb: Tensor, *rest: Tensor) -> Tensor:
        features = vision.stem(phi, rgb, settings.net)
        return outer_loss(made.outer_terms(phi, features, *rest))[0]

    return Problem(
        learner=made,
        theta=theta,
        tasks=Shown(*(_seen(rng, tasks, frames) for frames in (6, settings.query_frames))),
        inner=shown,
        outer=judged,
        fast=[n for n in moved if not n.startswith("head.")],  # no matter of the inner loss
        alpha=math.exp(float(next(iter(sizes.values())))),  # not quite 0.01, whose log is rounded
        batch=_batch,
        fixed=sizes,
    )


def _seen(rng: np.random.Generator, tasks: int, frames: int) -> Seen:
    n = (tasks, frames)
    rgb = torch.from_numpy(rng.integers(0, 256, (*n, 64, 64, 3), np.uint8))
    parts = (
        rng.uniform(0.0, 0.08, (*n, 4)),
        rng.uniform(0.0, 0.08, (*n, 4)),
        rng.random(n) < 0.6,
        rng.uniform(0.3, 0.6, (*n, 2, 2)),
        rng.uniform(0.3, 0.6, (*n, 2, 2)),
    )
    return Seen(rgb, *(torch.from_numpy(part.astype(np.float32)) for part in parts))


def _batch(tasks: Shown) -> Batch:
    """The same frames side by side; what MIL does not use is zero."""
    support, query = tasks
    both: dict[str, Any] = {
        name: torch.cat([getattr(support, name), getattr(query, name)], 1).numpy()
        for name in Seen._fields
    }
    count, frames = both["before"].shape
    return Batch(
        **both,
        legs=np.zeros((count, frames, LEGS, LEG), np.float32),
        known=np.ones((count, 2), np.float32),
        support=support.before.shape[1],
    )


def ours(problem: Problem) -> Callable[[], Gradient]:
    """What `loops.meta_train` does with the learner, replayed if it says that it may be."""
    theta = {name: p.detach().requires_grad_() for name, p in problem.theta.items()}
    learner, batch = trainable(problem), problem.batch(problem.tasks)

    def gradient() -> Gradient:
        loss, _ = learner.task_loss({**theta, **problem.fixed}, batch, 0)
        return torch.autograd.grad(loss, list(theta.values()), materialize_grads=True)

    return gradient


def trainable(problem: Problem) -> Any:
    """The learner as `few_shot_training.prepare` gives it."""
    return Traced(problem.learner) if replayable(problem.learner) else problem.learner


def loop(problem: Problem) -> Callable[[], Gradient]:
    """One task after the other with plain autograd: the reference."""
    theta = {name: p.detach().requires_grad_() for name, p in problem.theta.items()}

    def adapted_loss(support: Sequence[Tensor], query: Sequence[Tensor]) -> Tensor:
        fast = {name: theta[name] for name in problem.fast}
        grads = torch.autograd.grad(
            problem.inner(theta, *support), list(fast.values()), create_graph=True
        )
        moved = {n: p - problem.alpha * g for (n, p), g in zip(fast.items(), grads, strict=True)}
        return problem.outer({**theta, **moved}, *query)

    return looped(problem, list(theta.values()), adapted_loss)


def looped(
    problem: Problem,
    leaves: Sequence[Tensor],
    adapted_loss: Callable[[Sequence[Tensor], Sequence[Tensor]], Tensor],
) -> Callable[[], Gradient]:
    """Mean over tasks of the gradients of `adapted_loss(support, query)`."""
    support, query = problem.tasks
    tasks = list(zip(zip(*support, strict=True), zip(*query, strict=True), strict=True))

    def gradient() -> Gradient:
        total = [torch.zeros_like(p) for p in leaves]
        for task in tasks:
            found = torch.autograd.grad(adapted_loss(*task), leaves)
            total = [t + g / len(tasks) for t, g in zip(total, found, strict=True)]
        return tuple(total)

    return gradient


OTHERS: dict[str, tuple[str, ...]] = {
    "sinusoid": ("fomaml", "anil"),
    "omniglot": ("fomaml", "anil", "protonet"),
    "mil": ("fomaml",),
}
"""Learners that a problem can be made with besides MAML, to see what they save."""
PROBLEMS: dict[str, Callable[..., Problem]] = {
    "sinusoid": sinusoid,
    "omniglot": omniglot,
    "mil": mil,
}
"""`made(learner, tasks)` by the name of the network."""
