"""Accuracy or error of a few-shot learner on test tasks, task by task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from robot_meta import checkpoint, few_shot_tasks, learners
from robot_meta.few_shot import (
    Episodes,
    Examples,
    FewShotLearner,
    correct,
    outputs_alone,
    outputs_of,
)
from robot_meta.few_shot_tasks import Split, Tasks, stream
from robot_meta.results import Metric
from robot_meta.statistics import bootstrap_ci
from robot_meta.types import Params

TOGETHER = 10
"""Tasks at a time."""
Figures = dict[str, NDArray[np.float64]]
"""By key, one value a task."""


def load(path: Path, way: int) -> tuple[FewShotLearner, Params, str]:
    """The learner of a checkpoint for tasks of `way` classes, its parameters and their hash.

    Raises:
        CheckpointError: no good checkpoint, or one whose head has another number of classes.
    """
    found = checkpoint.load(path)
    config = found.config if found.config.get("outputs") == 1 else {**found.config, "outputs": way}
    learner = learners.make_few_shot(found.learner, config)
    shapes = {name: tuple(p.shape) for name, p in learner.init(0).items()}
    checkpoint.check_shapes(path, found.params, shapes)
    return learner, found.params, found.sha256


def shipped(learner: str, task: str, way: int, shot: int) -> Path:
    """Where the trained parameters are: those for this way and shot, else those for any."""
    folder = Path("checkpoints/few-shot")
    if not folder.exists():
        folder = Path(__file__).parents[1] / folder
    own = folder / f"{learner}-{task}-{way}way-{shot}shot.safetensors"
    return own if own.exists() else folder / f"{learner}-{task}.safetensors"


def evaluate(
    learner: FewShotLearner,
    theta: Params,
    tasks: Tasks,
    split: Split,
    count: int,
    seed: int,
    alone: int | None = None,
    every: int = 1,
) -> Iterator[Figures]:
    """Yield the figures of `count` tasks of a split, `TOGETHER` at a time.

    Classes: `accuracy` and, of the first `alone` tasks (all, if not given) and each `every`-th of
    their queries, as it takes most of the time, `accuracy_non_transductive`; numbers: `mse`.
    """
    left = count if alone is None else alone
    with torch.no_grad():
        for some in drawn(tasks, split, count, seed):
            found, y = outputs_of(learner, theta, some), some.query.y
            if y.is_floating_point():
                yield {"mse": _each(found.sub(y).square().flatten(1))}
                continue
            figures = {"accuracy": _each(correct(found, y).float())}
            if left > 0:
                fewer = Episodes(some.support, Examples(*(v[:, ::every] for v in some.query)))
                apart = correct(outputs_alone(learner, theta, fewer), fewer.query.y)
                figures["accuracy_non_transductive"] = _each(apart.float())
            left -= len(y)
            yield figures


def drawn(tasks: Tasks, split: Split, count: int, seed: int) -> Iterator[Episodes]:
    """`count` tasks of a split, `TOGETHER` at a time: the same for whoever is judged by them."""
    rng = stream(split, tasks.name, seed)
    for begin in range(0, count, TOGETHER):
        yield tasks.draws[split](rng, min(TOGETHER, count - begin))


def _each(values: torch.Tensor) -> NDArray[np.float64]:
    return values.mean(1).double().numpy()


def metrics(parts: Sequence[Figures], seeds: tuple[int, ...]) -> dict[str, Metric]:
    """Means over tasks with intervals by bootstrap."""
    out: dict[str, Metric] = {}
    for key in parts[0]:
        values = np.concatenate([part[key] for part in parts if key in part])
        out[key] = metric(values, seeds, "squared units of y" if key == "mse" else "rate")
    return out


def metric(values: NDArray[np.float64], seeds: tuple[int, ...], unit: str = "rate") -> Metric:
    """The mean of one value a task, with its interval by bootstrap."""
    found = bootstrap_ci(values, list(range(len(values))))
    return Metric(value=found.value, unit=unit, n=found.trials, ci95=found.ci95, seeds=seeds)


def protocol(
    task: str, split: Split, count: int, way: int | None = None, shot: int | None = None
) -> str:
    """The paragraph of a results file; way and shot None where there are several."""
    if task == "sinusoid":
        return (
            f"{count} {split} sinusoids, {shot} points to adapt on, {few_shot_tasks.POINTS} others "
            "to be judged by; intervals by bootstrap over tasks."
        )
    return (
        f"{count} tasks of the {split} split of {task}, {way or 'N'} classes with {shot or 'K'} "
        f"examples each to adapt on and {few_shot_tasks.TEST_QUERIES} to be judged by. `accuracy` "
        "normalises all queries of a task together (transductive, as MAML's code does); "
        "`accuracy_non_transductive` each query with the support set alone. 1,200 characters to "
        "train on, 100 of them for choices; the other 423 are the test split; each class is turned "
        "by a multiple of 90 degrees. Intervals by bootstrap over tasks."
    )
