"""The protocol of Finn et al. 2019, section 6: batches of a task come, and the next one is a test.

After each batch a learner trains, and is judged by the *next* batch, which nobody has trained on
yet. The last examples of each task judge it when it is over, and are remembered only then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from robot_meta.errors import ConfigError, DataError
from robot_meta.few_shot import Examples, correct
from robot_meta.online_learning.learner import OnlineLearner
from robot_meta.types import Params


@dataclass(frozen=True, kw_only=True)
class ProtocolConfig:
    """Settings."""

    batch: int = 10
    """Examples that come at a time."""
    batches: int = 10
    """Of a task; what is left of it is kept for its end."""
    threshold: float = 0.9
    """Accuracy at which a task counts as learned."""

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        if min(self.batch, self.batches) < 1 or not 0 < self.threshold <= 1:
            raise ConfigError(
                f"protocol: need batch, batches >= 1 and a threshold in (0, 1], got {self}"
            )

    @property
    def streamed(self) -> int:
        """Examples of a task that are learned from before it is judged."""
        return self.batch * self.batches


@dataclass(frozen=True)
class Outcome:
    """How one row of the table did on one task."""

    row: str
    index: int
    """Of the task, counted from the first that anybody saw."""
    kind: str
    """What the task is, for figures; no learner reads it."""
    next_batch: tuple[float, ...]
    """Accuracy on the batch after the first, second, ... that was learned from."""
    final: float
    """Accuracy on the examples kept out, after the last."""

    def examples(self, config: ProtocolConfig) -> int | None:
        """Examples until the threshold was reached (learning efficiency); None if it never was."""
        for count, accuracy in enumerate(self.next_batch, 1):
            if accuracy >= config.threshold - 1e-9:  # 9 of 10 are 0.9
                return count * config.batch
        return None


def follow(
    learner: OnlineLearner,
    tasks: Sequence[tuple[str, Examples]],
    config: ProtocolConfig,
    rng: np.random.Generator,
    first: int = 0,
) -> Iterator[list[Outcome]]:
    """Learn task after task; yield each one's outcomes, one for each row of the learner.

    Args:
        learner: learns on.
        tasks: (kind, examples), in the order they come.
        config: settings.
        rng: all randomness of the learner.
        first: index of the first of them.

    Raises:
        DataError: a task has too few examples to be judged by after its last batch.
    """
    b, n = config.batch, config.streamed
    for index, (kind, task) in enumerate(tasks, first):
        if len(task.y) < n + b:
            raise DataError(
                f"task {index} ({kind}): {len(task.y)} examples; {config.batches} batches of {b} "
                f"and one to judge by need {n + b}"
            )
        curves: dict[str, list[float]] = {}
        for begin in range(0, n, b):
            learner.see(part(task, begin, begin + b), rng, begin=not begin)
            learner.learn(rng)
            answers = learner.answers()
            after = part(task, begin + b, begin + 2 * b)
            for row, phi in answers.items():
                curves.setdefault(row, []).append(accuracy(learner, phi, after))
        rest = part(task, n, len(task.y))
        yield [
            Outcome(row, index, kind, tuple(curves[row]), accuracy(learner, phi, rest))
            for row, phi in answers.items()
        ]
        learner.see(rest, rng, begin=False)


def preload(
    learner: OnlineLearner,
    tasks: Sequence[Examples],
    rounds: int,
    rng: np.random.Generator,
) -> None:
    """Fill a learner's memory with whole tasks before the first round, and train for `rounds`."""
    for task in tasks:
        learner.see(task, rng, begin=True)
    for _ in range(rounds):
        learner.learn(rng)


def part(examples: Examples, begin: int, end: int) -> Examples:
    """Examples begin .. end - 1."""
    return Examples(examples.x[begin:end], examples.y[begin:end])


def accuracy(learner: OnlineLearner, phi: Params, examples: Examples) -> float:
    """Share of them that is right, normalised together (transductive, as the author's code is)."""
    with torch.no_grad():
        found = learner.predict(phi, examples.x)
    return float(correct(found, examples.y).float().mean())
