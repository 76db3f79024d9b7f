"""A training of a segmenter on pictures of the table, and how good its masks are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from robot_meta.data.table_pictures import TableSet
from robot_meta.loops import TrainConfig
from robot_meta.segmentation.episodes import ALL, Clicking, Episodes, Segmenter, draw
from robot_meta.segmentation.losses import overlap
from robot_meta.trained import Watch, averaged
from robot_meta.training import Run
from robot_meta.types import Params

BATCH, RATE = 8, 2e-3
"""Scenes a step, and Adam's step size."""
CLICKS = (1, 2, 3, 5, 10, ALL)
"""Of the thing, in training: one set of parameters is for any number."""
TOGETHER = 6
"""Scenes at a time."""
Choose = Callable[[np.random.Generator], Clicking]


def any_number(rng: np.random.Generator) -> Clicking:
    """How many pixels are labelled in a step of training."""
    return Clicking(
        shots=int(rng.integers(1, 3)),
        positive=int(rng.choice(CLICKS)),
        negative=int(rng.choice((0, 0, 2, 4))),
    )


def train(
    learner: Segmenter,
    data: TableSet,
    steps: int,
    folder: Path | None,
    watch: Watch = lambda steps, *_: steps,
) -> Params:
    """The averaged parameters after `steps` steps of `BATCH` scenes.

    Args:
        learner: what is trained.
        data: pictures of training tasks.
        steps: how many.
        folder: where the run is saved and resumed; None to keep nothing.
        watch: passes steps through while showing progress (steps, what, total).
    """

    def sample(rng: np.random.Generator) -> Episodes:
        tasks = rng.choice(len(data), min(BATCH, len(data)), replace=False)
        return draw(data, tasks, any_number(rng), rng)

    run = Run(learner=learner, trainable=learner, sample=sample, start=learner.init(0))  # type: ignore[arg-type]
    config = TrainConfig(steps=steps, tasks=1, rate=RATE, average=0.99, warmup=50)
    return averaged(run, config, folder, learner.name, watch)


def overlaps(
    learner: Segmenter, params: Params, data: TableSet, how: Clicking, seed: int
) -> Iterator[NDArray[np.float64]]:
    """Yield, `TOGETHER` scenes at a time, the mean overlap of each scene's things.

    The pixels that are labelled depend on the seed and the scene alone: they are the same for every
    learner. A scene of which nothing can be asked is not a number.
    """
    for begin in range(0, len(data), TOGETHER):
        tasks = np.arange(begin, min(begin + TOGETHER, len(data)))
        rng = np.random.default_rng([seed, begin, how.shots, how.positive, how.negative])
        task = draw(data, tasks, how, rng)
        with torch.no_grad():
            found = (learner.scores(params, task.shown, task.rgb) > 0).float()
        good = (overlap(found, task.mask) * task.asked).sum(1) / task.asked.sum(1)
        yield good.double().numpy()
