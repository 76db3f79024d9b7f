"""CACTUs on camera frames of recorded episodes: tasks of clusters, judged by what nobody told.

An autoencoder (ACAI) learns codes of the frames, k-means makes partitions of them, and a ProtoNet
learns from tasks of their clusters. If episodes have labels, those of half of the labels are held
out, and their tasks are what is judged: which label has a frame, after one frame of each, of
another episode.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_meta import embedding, few_shot_evaluation, few_shot_training, report, trained
from robot_meta.data.stored_frames import LabelTasks, StoredFrames
from robot_meta.embedding import Embedding
from robot_meta.embedding_baselines import accuracy, knn
from robot_meta.embedding_evaluation import coded
from robot_meta.errors import DataError
from robot_meta.few_shot_tasks import Tasks
from robot_meta.loops import TrainConfig
from robot_meta.partitions import Clusters, ClusterTasks, PartitionsConfig, partitions
from robot_meta.results import Metric

NAME = "cactus-store"
WAY, QUERY = 5, 5
FEWEST = 40
"""Frames: with fewer there are no clusters to speak of."""
A_CLUSTER = 8
"""Frames of a cluster on average."""
SHOWN, EACH = 10, 8
"""Clusters of the picture, and frames of each."""
Watch = Callable[[Iterable[Any], str, int], Iterable[Any]]


@dataclass(frozen=True)
class Size:
    """Of a run."""

    embed: int
    """Steps of the embedding."""
    learn: int
    """Steps of the learner."""
    tasks: int
    """Judged."""
    partitions: int
    widths: tuple[int, ...] = (16, 32, 64)


FULL, QUICK = Size(1500, 1500, 600, 8), Size(100, 100, 60, 2)


def run(
    frames: StoredFrames,
    *,
    quick: bool = False,
    out: Path | None = None,
    watch: Watch = lambda things, *_: things,
    size: Size | None = None,
) -> dict[str, Metric]:
    """Cluster, learn, judge; write the results file and a picture of clusters.

    Args:
        frames: of the store.
        quick: hardly trained.
        out: results file; results/cactus-store.json, or -quick, if not given.
        watch: passes steps through while showing progress (steps, what, total).
        size: another than the full or the quick one.

    Raises:
        DataError: too few frames.
    """
    began, size = time.monotonic(), size or (QUICK if quick else FULL)
    held = held_out(frames)
    told = [e for found in held.values() for e in found]
    train = frames.of([e for e in range(len(frames.labels)) if e not in told])
    if len(train.images) < FEWEST:
        raise DataError(
            f"cactus on a store: {len(train.images)} frames to learn from, need {FEWEST}; "
            "record more episodes"
        )
    codes = _embedding(train, size, watch)
    way = min(WAY, len(held)) if len(held) > 1 else WAY
    found, parts = _clustered(train, codes, size)
    found["episodes"] = Metric(value=float(len(frames.labels)), unit="episodes", n=1)
    if len(held) > 1:
        found |= _judged(frames, train, held, codes, parts, way, size, watch)
    path = report.publish(
        NAME,
        protocol(way, held, len(train.images)),
        found,
        config={"size": size, "held_out": sorted(held)},
        began=began,
        quick=quick,
        out=out,
    )
    picture(train.images, parts[0], path.with_suffix(".png"))
    report.show(found)
    return found


def held_out(frames: StoredFrames) -> dict[str, list[int]]:
    """Every second label with its episodes: those of a label are all held out, or none is."""
    by = frames.by_label()
    return {label: by[label] for label in sorted(by)[1::2]}


def _embedding(train: StoredFrames, size: Size, watch: Watch) -> Embedding:
    settings = {"widths": list(size.widths)}
    run = embedding.prepare(train.images, train.images, settings, min(64, len(train.images)))
    config = TrainConfig(steps=size.embed, tasks=1, rate=2e-3, average=0.99)
    params = trained.averaged(run, config, None, "embedding", watch)
    return Embedding(run.trainable, params)  # type: ignore[arg-type]


def _clustered(
    train: StoredFrames, codes: Embedding, size: Size
) -> tuple[dict[str, Metric], list[Clusters]]:
    """Partitions, and how often neighbours in time are in one cluster."""
    k = max(2, len(train.images) // A_CLUSTER)
    config = PartitionsConfig(clusters=k, partitions=size.partitions)
    parts = partitions(codes.of(train.images), config)
    labels, episodes = parts[0].labels, train.episode
    neighbours = episodes[1:] == episodes[:-1]
    same = float((labels[1:] == labels[:-1])[neighbours].mean()) if neighbours.any() else 0.0
    sizes = np.bincount(labels)
    chance = float((sizes * (sizes - 1)).sum() / (len(labels) * (len(labels) - 1)))
    count = int(neighbours.sum())
    return {
        "frames": Metric(value=float(len(labels)), unit="frames", n=1),
        "clusters": Metric(value=float(k), unit="clusters", n=1),
        "neighbours_in_one_cluster": Metric(value=same, unit="rate", n=count),
        "any_two_in_one_cluster": Metric(value=chance, unit="rate", n=count),
    }, parts


def _judged(
    frames: StoredFrames,
    train: StoredFrames,
    held: Mapping[str, list[int]],
    codes: Embedding,
    parts: list[Clusters],
    way: int,
    size: Size,
    watch: Watch,
) -> dict[str, Metric]:
    """Accuracy on tasks of the held-out labels: of the learner, and of the nearest code."""
    clusters = ClusterTasks(train.images, parts, way=way, shot=1, query=QUERY)
    labels = LabelTasks(frames, held, way=way, query=QUERY)
    h, w = frames.images.shape[1:3]
    tasks = Tasks(
        NAME,
        {"encoder": {"inputs": [3, h, w], "widths": list(size.widths)}, "outputs": way},
        {"train": clusters.draw, "val": clusters.draw, "test": labels.draw},
    )
    run = few_shot_training.prepare("protonet", tasks, {}, 4)
    config = TrainConfig(steps=size.learn, tasks=1, rate=2e-3)
    theta = trained.averaged(run, config, None, "tasks of clusters", watch)
    found = few_shot_evaluation.evaluate(
        run.learner, theta, tasks, "test", size.tasks, 0, alone=0  # type: ignore[arg-type]
    )  # fmt: skip
    learned = np.concatenate([part["accuracy"] for part in found])
    nearest = np.concatenate(
        [
            accuracy(knn, coded(codes, some), {})
            for some in few_shot_evaluation.drawn(tasks, "test", size.tasks, 0)
        ]
    )
    return {
        "accuracy": few_shot_evaluation.metric(learned, (0,)),
        "accuracy_knn": few_shot_evaluation.metric(nearest.astype(np.float64), (0,)),
        "chance": Metric(value=1 / way, unit="rate", n=1),
    }


def protocol(way: int, held: Mapping[str, list[int]], count: int) -> str:
    """The paragraph of the results file."""
    text = (
        f"ACAI codes of {count} camera frames, k-means with {A_CLUSTER} frames a cluster on "
        "average; `neighbours_in_one_cluster` is the share of frames whose next of the same "
        "episode is in the same cluster. No label is used. "
    )
    if len(held) < 2:
        return (
            text + "Episodes had no labels to judge by: the picture of clusters is what there is."
        )
    return text + (
        f"Judged: {way}-way 1-shot tasks of {len(held)} labels whose episodes were held out; "
        f"{QUERY} queries a class, of another episode than the frame shown; normalised together."
    )


def picture(images: NDArray[np.uint8], part: Clusters, path: Path) -> None:
    """A contact sheet: frames of the largest clusters, one a row."""
    from matplotlib.figure import Figure

    largest = np.argsort(-np.bincount(part.labels), kind="stable")[:SHOWN]
    h, w = images.shape[1:3]
    sheet = np.full((len(largest) * h, EACH * w, 3), 255, np.uint8)
    for row, cluster in enumerate(largest):
        for column, at in enumerate(np.flatnonzero(part.labels == cluster)[:EACH]):
            sheet[row * h : (row + 1) * h, column * w : (column + 1) * w] = images[at]
    figure = Figure(figsize=(EACH, len(largest)))
    axes: Any = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.imshow(sheet, aspect="auto")
    axes.set_axis_off()
    figure.savefig(path, dpi=60)
