"""Meta-training as a generator: it steps and yields; whoever consumes it logs, saves and stops.

One meta-step draws B tasks, adds up the gradients of their losses one task at a time (so that only
one task's graph is in memory), and takes an Adam step. With several processes each takes its share
of the B tasks and the gradients are averaged.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import numpy as np
import torch

from robot_meta.errors import ConfigError, SessionError
from robot_meta.parallel import World
from robot_meta.train_state import TrainState
from robot_meta.types import Params

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)

Sample = Callable[[np.random.Generator], T]
"""Draws one task; all its randomness comes from the generator it is given."""

# A single bad gradient happens on a hard batch; this many in a row mean the run is lost.
MAX_SKIPPED = 20


class Trainable(Protocol[T_contra]):
    """What meta-training needs of a learner."""

    def task_loss(
        self, params: Params, task: T_contra, step: int
    ) -> tuple[torch.Tensor, Mapping[str, float | torch.Tensor]]:
        """The loss after adaptation on one task, differentiable in `params`, and figures to log.

        `step` lets a learner change with time: first order early on, say. It must not draw from
        torch's global generator, or a resumed run will differ.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Settings of a run."""

    steps: int = 10_000
    """Meta-steps of the whole run; the learning rate falls over them."""
    tasks: int = 8
    """Tasks a step, over all processes."""
    rate: float = 1e-3
    """Adam's step size after the warm-up."""
    final_rate: float = 0.05
    """What is left of it at the end, as a fraction (cosine schedule)."""
    warmup: int = 100
    """Steps over which the rate rises from 0."""
    clip: float = 5.0
    """Bound on the norm of the meta-gradient."""
    decay: float = 0.0
    """Decoupled weight decay per unit of rate."""
    average: float = 0.999
    """Memory of the moving average of the parameters."""
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        for name in ("steps", "tasks", "rate", "clip"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name} must be > 0, got {getattr(self, name)}")
        for name in ("final_rate", "average"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} must be in [0, 1], got {getattr(self, name)}")
        for name in ("warmup", "decay", "seed"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"{name} must be >= 0, got {getattr(self, name)}")


@dataclass(frozen=True, kw_only=True)
class TrainStep:
    """One meta-step done."""

    number: int
    """Steps done, from 1."""
    loss: float
    """Mean loss over the tasks of this step."""
    metrics: Mapping[str, float]
    """Means of the learner's figures, and `rate`, `gradient_norm`, `skipped`."""
    state: TrainState
    """All of the run: save it to resume. Later steps do not change it."""

    @property
    def params(self) -> Params:
        """The parameters after this step."""
        return self.state.params

    @property
    def averaged(self) -> Params:
        """Their moving average: what to evaluate and ship."""
        return self.state.averaged


def meta_train(
    learner: Trainable[T],
    start: Params | TrainState,
    sample: Sample[T],
    config: TrainConfig,
    world: World | None = None,
) -> Iterator[TrainStep]:
    """Meta-train, yielding after every step; ends after `config.steps`.

    Args:
        learner: gives the loss of one task.
        start: fresh parameters, or the state of a run to go on with.
        sample: draws one task. Task i of step n is drawn with a generator made of (seed, n, i).
        config: settings.
        world: the processes that share the work; None for this one alone.

    Raises:
        ConfigError: the tasks cannot be shared evenly among the processes, or the state is of
            another seed.
        SessionError: the gradient was not finite for 20 steps in a row.
    """
    world = world or World()
    if config.tasks % world.size:
        raise ConfigError(f"tasks {config.tasks} must be a multiple of {world.size} processes")
    state = start if isinstance(start, TrainState) else TrainState.start(start, config.seed)
    if state.seed != config.seed:
        raise ConfigError(f"the state is of seed {state.seed}, the config says {config.seed}")
    while state.number < config.steps:
        yield (step := _step(learner, state, sample, config, world))
        state = step.state


def rate_at(number: int, config: TrainConfig) -> float:
    """Adam's step size for step `number` (from 0): linear warm-up, then a cosine."""
    warm = min(1.0, (number + 1) / config.warmup) if config.warmup else 1.0
    done = min(1.0, number / config.steps)
    cosine = config.final_rate + (1 - config.final_rate) * (1 + math.cos(math.pi * done)) / 2
    return config.rate * warm * cosine


def _step(
    learner: Trainable[T],
    state: TrainState,
    sample: Sample[T],
    config: TrainConfig,
    world: World,
) -> TrainStep:
    share = config.tasks // world.size
    mine = range(world.rank * share, (world.rank + 1) * share)
    leaves = {name: p.detach().requires_grad_() for name, p in state.params.items()}
    total = [torch.zeros_like(p) for p in state.params.values()]
    figures: dict[str, float] = {"loss": 0.0}
    for index in mine:
        rng = np.random.default_rng([config.seed, state.number, index])
        loss, told = learner.task_loss(leaves, sample(rng), state.number)
        grads = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
        with torch.no_grad():
            for each, grad in zip(total, grads, strict=True):
                if grad is not None:
                    each += grad / share
        figures["loss"] += loss.item() / share
        for key, value in told.items():
            figures[key] = figures.get(key, 0.0) + float(value) / share
    gradient, figures = _average(dict(zip(leaves, total, strict=True)), figures, world)
    new, norm, rate = _update(state, gradient, config)
    if new.skipped > MAX_SKIPPED:
        raise SessionError(
            f"step {new.number}: the gradient was not finite for {new.skipped} steps in a row; "
            "lower the rate, or resume from an earlier state"
        )
    loss_value = figures.pop("loss")
    metrics = {**figures, "rate": rate, "gradient_norm": norm, "skipped": float(new.skipped)}
    return TrainStep(number=new.number, loss=loss_value, metrics=metrics, state=new)


def _average(
    gradient: Params, figures: dict[str, float], world: World
) -> tuple[Params, dict[str, float]]:
    """Mean over processes: one message for everything."""
    if world.size == 1:
        return gradient, figures
    told = torch.tensor(list(figures.values()), dtype=torch.float32)
    flat = torch.cat([*(g.reshape(-1).float() for g in gradient.values()), told])
    flat = world.mean(flat)
    out: Params = {}
    at = 0
    for name, value in gradient.items():
        out[name] = flat[at : at + value.numel()].reshape(value.shape).to(value.dtype)
        at += value.numel()
    return out, dict(zip(figures, flat[at:].tolist(), strict=True))


def _update(
    state: TrainState, gradient: Params, config: TrainConfig
) -> tuple[TrainState, float, float]:
    """Adam (Kingma and Ba 2015) with decoupled decay; a gradient that is not finite is skipped."""
    norm = math.sqrt(sum(float(g.double().square().sum()) for g in gradient.values()))
    rate = rate_at(state.number, config)
    number = state.number + 1
    if not math.isfinite(norm):
        skipped = replace(state, number=number, skipped=state.skipped + 1)
        return skipped, norm, rate
    scale = min(1.0, config.clip / (norm + 1e-12))
    beta1, beta2, epsilon = 0.9, 0.999, 1e-8
    keep = min(config.average, (1 + number) / (10 + number))  # a short memory at the start
    params, first, second, averaged = {}, {}, {}, {}
    with torch.no_grad():
        for name, p in state.params.items():
            g = gradient[name] * scale
            m = beta1 * state.first[name] + (1 - beta1) * g
            v = beta2 * state.second[name] + (1 - beta2) * g * g
            move = (m / (1 - beta1**number)) / ((v / (1 - beta2**number)).sqrt() + epsilon)
            new = p - rate * (move + config.decay * p)
            params[name], first[name], second[name] = new, m, v
            averaged[name] = keep * state.averaged[name] + (1 - keep) * new
    new_state = TrainState(
        params=params,
        first=first,
        second=second,
        averaged=averaged,
        number=number,
        seed=state.seed,
    )
    return new_state, norm, rate
