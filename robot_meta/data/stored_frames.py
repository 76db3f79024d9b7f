"""Camera frames of recorded episodes: nobody labelled a frame, and few labelled an episode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from robot_meta.data.classes import pixels
from robot_meta.errors import DataError
from robot_meta.few_shot import Episodes, Examples

HALVED = 2
"""Sides of a frame are divided by this: what is learned is seen well enough then."""


@dataclass(frozen=True, eq=False)
class StoredFrames:
    """M frames of E episodes."""

    images: NDArray[np.uint8]
    """(M, H, W, 3)."""
    episode: NDArray[np.int64]
    """(M,) which one, rising; frames of one are in the order of time."""
    labels: tuple[str, ...]
    """(E,) the task of each episode, empty where nobody said it. No learner reads them."""

    def of(self, episodes: Sequence[int]) -> StoredFrames:
        """The frames of some episodes, which keep their numbers."""
        kept = np.isin(self.episode, episodes)
        return StoredFrames(self.images[kept], self.episode[kept], self.labels)

    def by_label(self) -> dict[str, list[int]]:
        """Label -> its episodes; labels of one episode, or none, are left out."""
        out: dict[str, list[int]] = {}
        for number, label in enumerate(self.labels):
            if label:
                out.setdefault(label, []).append(number)
        return {label: found for label, found in out.items() if len(found) > 1}


def stored(episodes: Sequence[NDArray[np.uint8]], labels: Sequence[str]) -> StoredFrames:
    """From the frames (m, H, W, 3) of each episode, halved in size.

    Raises:
        DataError: no episodes, or frames of different sizes.
    """
    sizes = {frames.shape[1:] for frames in episodes}
    if len(sizes) != 1:
        raise DataError(
            f"stored frames: {len(episodes)} episodes with frames of {sorted(sizes)}; need some, "
            "of one size: record them with one contract"
        )
    whole = np.concatenate(list(episodes)).astype(np.float32)
    h, w = (HALVED * (side // HALVED) for side in whole.shape[1:3])
    parts = whole[:, :h, :w].reshape(len(whole), h // HALVED, HALVED, w // HALVED, HALVED, 3)
    numbers = np.repeat(np.arange(len(episodes)), [len(frames) for frames in episodes])
    return StoredFrames(parts.mean((2, 4)).astype(np.uint8), numbers, tuple(labels))


class LabelTasks:
    """Draws tasks whose classes are labels: shown by frames of one episode, asked of another's."""

    def __init__(
        self, frames: StoredFrames, labels: Mapping[str, Sequence[int]], *, way: int, query: int
    ) -> None:
        self._images, self._labels = frames.images, list(labels.values())
        self._rows = [np.flatnonzero(frames.episode == e) for e in range(len(frames.labels))]
        self._way, self._query = way, query

    def draw(self, rng: np.random.Generator, tasks: int) -> Episodes:
        """`tasks` tasks with one frame of each class to adapt on."""
        drawn = np.stack([self._task(rng) for _ in range(tasks)])
        x = pixels(self._images[drawn.ravel()])
        x = x.view(*drawn.shape, *x.shape[1:])
        y = torch.arange(self._way).repeat_interleave(self._query).expand(tasks, -1)
        shown = Examples(x[:, :, 0], torch.arange(self._way).expand(tasks, -1))
        return Episodes(shown, Examples(x[:, :, 1:].flatten(1, 2), y))

    def _task(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """(N, 1 + Q) rows of frames."""
        rows = []
        for label in rng.choice(len(self._labels), self._way, replace=False):
            shown, asked = rng.choice(self._labels[label], 2, replace=False)
            one, others = (
                rng.choice(self._rows[shown], 1),
                rng.choice(self._rows[asked], self._query),
            )
            rows.append(np.concatenate([one, others]))
        return np.stack(rows)
