"""What an online learner remembers: for each task, in the order they came, examples of it."""

from __future__ import annotations

import numpy as np
import torch

from robot_meta.errors import ConfigError, SessionError
from robot_meta.few_shot import Episodes, Examples


class Buffer:
    """The task buffer B of the paper's algorithm 1.

    With a `capacity` it is bounded: when it overflows, an example drawn at random is forgotten, of
    the finished task that has most of them. The task at hand is always kept whole.
    """

    def __init__(self, capacity: int | None = None) -> None:
        if capacity is not None and capacity < 1:
            raise ConfigError(f"buffer: capacity must be >= 1 or none, got {capacity}")
        self._capacity = capacity
        self._tasks: list[Examples] = []

    def __len__(self) -> int:
        """Examples held."""
        return sum(self.sizes)

    @property
    def sizes(self) -> list[int]:
        """Examples held of each task."""
        return [len(task.y) for task in self._tasks]

    @property
    def current(self) -> Examples:
        """D_t: all that came of the task at hand.

        Raises:
            SessionError: nothing came yet.
        """
        if not self._tasks:
            raise SessionError("buffer: no example came yet; `begin` a task and `add` some")
        return self._tasks[-1]

    def add(self, batch: Examples, rng: np.random.Generator, *, begin: bool = False) -> None:
        """Append (n, ...) examples to the task at hand, or `begin` a task with them."""
        if begin or not self._tasks:
            self._tasks.append(batch)
        else:
            x, y = self._tasks[-1]
            self._tasks[-1] = Examples(torch.cat([x, batch.x]), torch.cat([y, batch.y]))
        while self._capacity is not None and len(self) > self._capacity and len(self._tasks) > 1:
            self._forget(rng)

    def _forget(self, rng: np.random.Generator) -> None:
        sizes = self.sizes[:-1]
        fullest = int(np.argmax(sizes))
        kept = rng.permutation(sizes[fullest])[1:]
        if len(kept):
            self._tasks[fullest] = _pick(self._tasks[fullest], kept)
        else:
            del self._tasks[fullest]

    def episodes(self, rng: np.random.Generator, tasks: int, support: int, query: int) -> Episodes:
        """D_tr and D_val of `tasks` tasks drawn uniformly from those seen (algorithm 2, lines 3-4).

        They are disjoint where a task has `support` + `query` examples; one that has fewer gives
        some to both, and one that has not even so many gives some twice.
        """
        drawn = [
            self._split(self._tasks[int(j)], rng, support, query)
            for j in rng.integers(len(self._tasks), size=tasks)
        ]
        supports, queries = zip(*drawn, strict=True)
        return Episodes(_stack(supports), _stack(queries))

    def _split(
        self, task: Examples, rng: np.random.Generator, support: int, query: int
    ) -> tuple[Examples, Examples]:
        order = rng.permutation(len(task.y))
        order = np.resize(order, max(len(order), support, query))
        return _pick(task, order[:support]), _pick(task, order[-query:])

    def examples(self, rng: np.random.Generator, tasks: int, count: int) -> Examples:
        """`count` examples of each of `tasks` tasks drawn uniformly: (tasks, count, ...)."""
        return self.episodes(rng, tasks, count, count).support


def _pick(examples: Examples, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Examples:
    index = torch.from_numpy(np.asarray(rows, np.int64))
    return Examples(examples.x[index], examples.y[index])


def _stack(parts: tuple[Examples, ...]) -> Examples:
    return Examples(torch.stack([p.x for p in parts]), torch.stack([p.y for p in parts]))
