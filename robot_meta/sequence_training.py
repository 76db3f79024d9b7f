"""What comparisons of sequence models share: a row, its learner, and its training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from robot_meta.data.vocabulary import Codec
from robot_meta.few_shot import Episodes, Examples
from robot_meta.learners.sequences import Sequences, SequencesConfig
from robot_meta.loops import TrainConfig
from robot_meta.nets.seq2seq import Seq2SeqConfig
from robot_meta.trained import Watch, averaged
from robot_meta.training import Run
from robot_meta.types import Params

RATE = 3e-3
"""Adam's, of all trainings."""


@dataclass(frozen=True, kw_only=True)
class Method:
    """A row."""

    title: str
    inner_steps: int = 0
    """Of meta-training; 0 for plain training on all tasks at once."""
    alpha: float = 0.1
    """Their size."""
    trained: bool = True
    adapts: bool = True
    """Whether it is fine-tuned in tests."""


def learner_of(codec: Codec, method: Method) -> Sequences:
    """The learner of a row for these words and lengths."""
    net = Seq2SeqConfig(
        source_tokens=len(codec.source),
        target_tokens=len(codec.target),
        source_length=codec.source_length,
        target_length=codec.target_length,
    )
    return Sequences(SequencesConfig(net=net, steps=method.inner_steps, alpha=method.alpha))


def all_of(tasks: Episodes) -> Episodes:
    """With all pairs to be judged by: of plain training, which adapts on none."""
    x = torch.cat([tasks.support.x, tasks.query.x], 1)
    y = torch.cat([tasks.support.y, tasks.query.y], 1)
    return Episodes(tasks.support, Examples(x, y))


def halved(both: Examples) -> Episodes:
    """The first half of the pairs (B, 2 n, .) to adapt on, the second to be judged by."""
    n = both.x.shape[1] // 2
    support = Examples(both.x[:, :n], both.y[:, :n])
    return Episodes(support, Examples(both.x[:, n:], both.y[:, n:]))


def train(
    method: Method,
    codec: Codec,
    draw: Callable[[np.random.Generator], Episodes],
    steps: int,
    folder: Path | None,
    watch: Watch,
) -> tuple[Sequences, Params]:
    """The learner of a row and where its fine-tuning begins.

    Args:
        method: the row.
        codec: its words.
        draw: draws a meta-batch; every row learns from all pairs of it.
        steps: meta-steps.
        folder: where the run is saved and resumed; None to keep nothing.
        watch: shows progress.
    """
    learner = learner_of(codec, method)
    if not method.trained:
        return learner, learner.init(1)

    def sample(rng: np.random.Generator) -> Episodes:
        return draw(rng) if method.inner_steps else all_of(draw(rng))

    run = Run(learner=learner, trainable=learner, sample=sample)  # type: ignore[arg-type]
    config = TrainConfig(steps=steps, tasks=1, rate=RATE, average=0.99)
    return learner, averaged(run, config, folder, method.title, watch)
