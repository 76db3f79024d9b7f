"""Tasks to train on that no label made; any few-shot learner takes them as labelled ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from robot_meta.augmented_tasks import AugmentedTasks
from robot_meta.data.warps import WarpConfig
from robot_meta.embedding import Embedding
from robot_meta.few_shot_tasks import TURNED, Draw, Tasks
from robot_meta.partitions import ClusterTasks, PartitionsConfig, partitions


def clustered(
    tasks: Tasks,
    images: NDArray[np.uint8],
    embedding: Embedding,
    config: PartitionsConfig,
    *,
    shot: int,
    query: int,
    warps: WarpConfig | None = None,
) -> Tasks:
    """Tasks whose classes in training are clusters of pictures' codes."""
    parts = partitions(embedding.of(images), config)
    rotate = tasks.name in TURNED
    sampler = ClusterTasks(
        images, parts, way=way(tasks), shot=shot, query=query, rotate=rotate, warps=warps
    )
    return _trained_on(tasks, sampler.draw)


def augmented(tasks: Tasks, images: NDArray[np.uint8], *, shot: int, query: int) -> Tasks:
    """Tasks whose classes in training are single pictures and their warps."""
    rotate = tasks.name in TURNED
    sampler = AugmentedTasks(images, way=way(tasks), shot=shot, query=query, rotate=rotate)
    return _trained_on(tasks, sampler.draw)


def way(tasks: Tasks) -> int:
    """N."""
    return int(tasks.settings["outputs"])


def _trained_on(tasks: Tasks, draw: Draw) -> Tasks:
    return replace(tasks, draws={**tasks.draws, "train": draw})
