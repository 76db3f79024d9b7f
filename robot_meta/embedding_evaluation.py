"""Baselines on an embedding, tuned on validation tasks and judged by those that learners are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_meta.embedding import Embedding
from robot_meta.embedding_baselines import GRIDS, Baseline, Coded, Codes, accuracy, matching, tuned
from robot_meta.few_shot import Episodes
from robot_meta.few_shot_evaluation import Figures, drawn, metrics
from robot_meta.few_shot_tasks import Split, Tasks
from robot_meta.partitions import PartitionsConfig, partitions
from robot_meta.results import Metric

CLUSTERS = 500
"""k of cluster matching."""
TUNED_ON = 60
"""Validation tasks."""
BASELINES = (*GRIDS, "matching")
Chosen = Mapping[str, tuple[Baseline, Mapping[str, Any]]]
"""By name, a baseline and its settings."""
Found = dict[str, Metric]


@dataclass(frozen=True)
class Codebook:
    """An embedding, and the centres of clusters of its codes."""

    embedding: Embedding
    centres: Codes
    """(k, D)."""


def codebook(path: Path, images: NDArray[np.uint8]) -> Codebook:
    """The embedding of a checkpoint, with pictures to train on clustered for cluster matching."""
    embedding = Embedding.load(path)
    config = PartitionsConfig(clusters=CLUSTERS, partitions=1)
    return Codebook(embedding, partitions(embedding.of(images), config)[0].centres)


def coded(embedding: Embedding, tasks: Episodes) -> list[Coded]:
    """Each of B tasks in codes."""
    (sx, sy), (qx, qy) = tasks
    z = embedding(sx.flatten(0, 1)).reshape(*sy.shape, -1)
    query = embedding(qx.flatten(0, 1)).reshape(*qy.shape, -1)
    return [Coded(*each) for each in zip(z, sy.numpy(), query, qy.numpy(), strict=True)]


def chosen(book: Codebook, tasks: Tasks) -> Chosen:
    """Each baseline with the settings that are best on validation tasks."""
    some = drawn(tasks, "val", TUNED_ON, 0)
    held = [task for part in some for task in coded(book.embedding, part)]
    out = {name: (f, tuned(f, grid, held)) for name, (f, grid) in GRIDS.items()}
    return {**out, "matching": (matching, {"centres": book.centres})}


def evaluate(
    embedding: Embedding, baselines: Chosen, tasks: Tasks, split: Split, count: int, seed: int
) -> Iterator[Figures]:
    """Yield each baseline's accuracy on the tasks that `few_shot_evaluation.evaluate` draws."""
    for some in drawn(tasks, split, count, seed):
        codes = coded(embedding, some)
        yield {
            f"accuracy_{name}": accuracy(f, codes, settings).astype(np.float64)
            for name, (f, settings) in baselines.items()
        }


def measured(book: Codebook, tasks: Tasks, split: Split, count: int, seed: int) -> Found:
    """Accuracy of every baseline on some tasks, and of the best of them again."""
    baselines = chosen(book, tasks)
    parts = list(evaluate(book.embedding, baselines, tasks, split, count, seed))
    found = metrics(parts, (seed,))
    return {**found, "best_baseline_accuracy": found[best(found)]}


def best(found: Mapping[str, Metric]) -> str:
    """The key of the baseline that is best in these figures."""
    return max((f"accuracy_{name}" for name in BASELINES), key=lambda key: found[key].value)


def settings(baselines: Chosen) -> dict[str, dict[str, Any]]:
    """What was chosen, as JSON values."""
    return {
        name: {key: value for key, value in each.items() if key != "centres"}
        for name, (_, each) in baselines.items()
    }
