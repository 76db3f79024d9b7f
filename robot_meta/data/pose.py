"""Pose tasks: how is the thing on the table turned?

A task is a shape and a camera. Nobody tells where about the table the camera stands: labels are in
the room's frame, pictures in the camera's, so the answer needs the labelled examples. Camera,
light, ground and colours are the task's own, and give a training task away: a network that knows
the 90 tasks by sight can answer without them ("not mutually exclusive", Yin et al. 2020).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from robot_meta.data.kept import kept
from robot_meta.data.objects import BLOCKS, Split, file_of, grey, names, render
from robot_meta.errors import ConfigError, DataError
from robot_meta.few_shot import Episodes, Examples

FAMILIES = ("boat", "car", "chair", "dog", "lamp", "monitor", "plane", "sofa", "truck")
"""Nine, as in the published experiment."""
NEAR_M = 0.03
"""A thing stands within so much of the middle, along x and along y."""
TASKS: dict[Split, tuple[int, int]] = {"train": (90, 50), "val": (40, 40), "test": (100, 100)}
"""Tasks and shapes of each split: 90 of 50, as published; one a shape where it is judged."""
EACH: dict[Split, int] = {"train": 80, "val": 30, "test": 30}
"""Pictures of a task."""
SIZE = 40
OUTPUTS = 2


@dataclass(frozen=True, eq=False)
class PoseSet:
    """T tasks of M pictures."""

    images: NDArray[np.uint8]
    """(T, M, S, S), grey."""
    labels: NDArray[np.float32]
    """(T, M, 2): sine and cosine of azimuth in the room's frame."""
    shapes: tuple[str, ...]
    """(T,)."""

    def __post_init__(self) -> None:
        """Refuse what does not fit together."""
        t, m = self.images.shape[:2]
        if self.labels.shape != (t, m, OUTPUTS) or len(self.shapes) != t:
            raise DataError(
                f"pose: images {self.images.shape}, labels {self.labels.shape} and "
                f"{len(self.shapes)} shapes; need (T, M, S, S), (T, M, {OUTPUTS}) and T"
            )

    def __len__(self) -> int:
        """Tasks T."""
        return len(self.shapes)


def load(split: Split, folder: Path | None = None) -> PoseSet:
    """The tasks of a split, rendered once."""
    tasks, shapes = TASKS[split]
    return rendered(split, tasks, shapes, EACH[split], SIZE, folder)


def rendered(
    split: Split, tasks: int, shapes: int, each: int, size: int, folder: Path | None = None
) -> PoseSet:
    """`tasks` tasks of `shapes` shapes with `each` pictures of `size` pixels."""
    known = names(split, shapes, FAMILIES)
    shown = [known[i % shapes] for i in range(tasks)]

    def make() -> dict[str, NDArray[Any]]:
        rng = np.random.default_rng([7, BLOCKS[split]])
        wanted = [{**task, **_pose(rng)} for task in _tasks(shown, rng) for _ in range(each)]
        images, told = render(wanted, size, BLOCKS[split])
        labels = np.array([_label(info) for info in told], np.float32)
        return {
            "images": grey(images).reshape(tasks, each, size, size),
            "labels": labels.reshape(tasks, each, OUTPUTS),
        }

    request = {"split": split, "tasks": tasks, "shapes": shapes, "each": each, "size": size}
    held = kept(file_of("pose", request, folder), ("images", "labels"), make)
    return PoseSet(held["images"], held["labels"], tuple(shown))


def _tasks(shown: list[str], rng: np.random.Generator) -> list[dict[str, Any]]:
    """What all pictures of each task share."""
    return [
        {
            "shape": shape,
            "bearing_rad": rng.uniform(-np.pi, np.pi),
            "elevation_rad": rng.uniform(0.5, 0.8),
            "distance_m": rng.uniform(1.3, 1.45),
            "light": rng.uniform(0.5, 0.9),
            "light_dir": (*rng.uniform(-0.6, 0.6, 2), -1.0),
            "ground": int(rng.integers(3)),
            "ground_rgb": tuple(rng.uniform(0.3, 0.9) * np.ones(3)),
            "ground_turn_rad": rng.uniform(-np.pi, np.pi),
            "hue": 0.0,
            "bright": rng.uniform(0.6, 1.0),
            "pattern": 0,
        }
        for shape in shown
    ]


def _pose(rng: np.random.Generator) -> dict[str, Any]:
    x, y = rng.uniform(-NEAR_M, NEAR_M, 2)
    return {"position_m": (x, y), "azimuth_rad": rng.uniform(-np.pi, np.pi)}


def _label(info: Any) -> list[float]:
    return [np.sin(info["azimuth_rad"]), np.cos(info["azimuth_rad"])]


class PoseTasks:
    """Draws tasks with K + Q of their pictures each."""

    def __init__(self, data: PoseSet, *, shot: int, query: int) -> None:
        if min(shot, query) < 1 or shot + query > data.images.shape[1]:
            raise ConfigError(
                f"{shot} shots and {query} queries of tasks with {data.images.shape[1]} pictures"
            )
        self.data, self.shot, self.query = data, shot, query

    def draw(self, rng: np.random.Generator, tasks: int) -> Episodes:
        """`tasks` tasks: support x (B, K, 1, S, S), y (B, K, 2), and query likewise."""
        return self.of(rng.choice(len(self.data), tasks, replace=tasks > len(self.data)), rng)

    def of(self, which: NDArray[np.int64], rng: np.random.Generator) -> Episodes:
        """These tasks (B,), with pictures drawn anew."""
        count = self.shot + self.query
        index = rng.random((len(which), self.data.images.shape[1])).argsort(1)[:, :count]
        at = which[:, None]
        x = torch.from_numpy(self.data.images[at, index][:, :, None]).float() / 255
        y = torch.from_numpy(self.data.labels[at, index])
        k = self.shot
        return Episodes(Examples(x[:, :k], y[:, :k]), Examples(x[:, k:], y[:, k:]))
