"""One round of FTML on what a robot was shown and did: theta moves between deployments.

Meta-Update of Finn et al. 2019 (algorithm 2), with MIL's adaptation and outer loss as U and L. The
last demonstration of a task is held out where it has three: a theta that is worse on those than the
one before should not be put in use.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from robot_meta import loops, training
from robot_meta.data.batches import Batch
from robot_meta.data.demo_set import DemoSet
from robot_meta.data.repaint import repaint
from robot_meta.data.shown import demo_set
from robot_meta.errors import DataError
from robot_meta.learners.mil import Mil, sample_batch
from robot_meta.loops import Sample, TrainConfig, TrainStep
from robot_meta.types import Demo, Params

LEAST, HOLDING = 2, 3
"""Demonstrations of a task to learn from it at all, and for one of them to be held out."""
Tasks = Sequence[Sequence[Demo]]


@dataclass(frozen=True)
class Buffer:
    """The task buffer, dealt out."""

    train: DemoSet
    held: DemoSet
    """Of some tasks: a demonstration to adapt on, which is in `train` too, and one that is not."""


def dealt(tasks: Tasks) -> Buffer:
    """Deal out the robot's demonstrations of each task.

    Raises:
        DataError: no task has three demonstrations, or one has fewer than two.
    """
    sizes = [len(demos) for demos in tasks]
    if max(sizes, default=0) < HOLDING or min(sizes) < LEAST:
        raise DataError(
            f"task buffer: tasks of {sizes} demonstrations; need at least {LEAST} of each, and of "
            f"one task {HOLDING}, so that one can be held out; record more"
        )
    return Buffer(
        train=demo_set([demos[: max(LEAST, len(demos) - 1)] for demos in tasks]),
        held=demo_set([(demos[0], demos[-1]) for demos in tasks if len(demos) >= HOLDING]),
    )


def drawn(tasks: DemoSet, learner: Mil, batch: int, clean: int | None = None) -> Sample[Batch]:
    """Draws `batch` tasks: one demo to adapt on, of the first `clean`, the others to judge by.

    They are few and soon known by heart, so each is drawn in other colours every time.
    """
    many = tasks.before.shape[1] if clean is None else clean
    return lambda rng: repaint(sample_batch(tasks, learner.settings, batch, rng, many), rng)


def meta_update(
    learner: Mil, theta: Params, tasks: DemoSet, config: TrainConfig, batch: int
) -> Iterator[TrainStep]:
    r"""Eq. 4, w_{t+1} = argmin_w \sum_{k<=t} f_k(U_k(w)), by `config.steps` steps from theta."""
    yield from loops.meta_train(learner, theta, drawn(tasks, learner, batch), config)


def held_out_loss(learner: Mil, theta: Params, held: DemoSet, batch: int) -> float:
    """Outer loss on the held-out demonstrations after adapting; the same draws for every theta."""
    return training.validated(learner, drawn(held, learner, batch, clean=1))(theta)["loss"]
