"""Low-resource translation into English: Meta-NMT, multilingual transfer, and from scratch.

Gu et al. 2018, on generated languages: 18 to meta-train on, others for choices, others for tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from robot_meta import trained
from robot_meta.bleu import bleu
from robot_meta.data import languages
from robot_meta.data.vocabulary import Codec, joined
from robot_meta.few_shot import Episodes, Examples
from robot_meta.fine_tuning import Tuning, chosen, last, spoken
from robot_meta.learners.sequences import Sequences, SequencesConfig
from robot_meta.loops import TrainConfig
from robot_meta.nets.seq2seq import Seq2SeqConfig
from robot_meta.trained import Watch
from robot_meta.training import Run
from robot_meta.types import Params

TRAINING, VALIDATION, TEST = tuple(range(18)), tuple(range(100, 104)), tuple(range(200, 210))
"""Numbers of languages."""
SIZES = (4, 16, 64, 256)
"""Sentence pairs of a held-out language."""
CORPUS, JUDGED = 1000, 100
"""Pairs of a language to train on, and pairs that a translation is judged by."""
RATES, MARKS = (3e-3, 1e-2), (10, 30)
"""Adam's rates, and earlier ends, that fine-tuning may choose from on validation languages."""


@dataclass(frozen=True)
class Method:
    """A row."""

    title: str
    inner_steps: int
    trained: bool = True


METHODS = {
    "meta_nmt": Method("Meta-NMT (first-order MAML)", 1),
    "transfer": Method("multilingual transfer", 0),
    "scratch": Method("from scratch", 0, trained=False),
}


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much of everything."""

    steps: int = 1000
    tasks: int = 4
    """Languages a step."""
    pairs: int = 16
    """Of each, to adapt on, and as many to be judged by."""
    tuning_steps: int = 60
    sizes: tuple[int, ...] = SIZES
    test: tuple[int, ...] = TEST


@dataclass(frozen=True, eq=False)
class Scores:
    """Of one method and number of pairs, by held-out language."""

    bleu: NDArray[np.float64]
    exact: NDArray[np.float64]
    tuning: Tuning


def learner_of(codec: Codec, steps: int, alpha: float) -> Sequences:
    """The learner of these lengths and words."""
    net = Seq2SeqConfig(
        source_tokens=len(codec.source),
        target_tokens=len(codec.target),
        source_length=codec.source_length,
        target_length=codec.target_length,
    )
    return Sequences(SequencesConfig(net=net, steps=steps, alpha=alpha))


@cache
def corpus(number: int, size: int, part: int) -> Examples:
    """Pairs of a language; parts are drawn apart from each other."""
    rng = np.random.default_rng([number, part])
    return languages.codec().encode(languages.corpus(languages.language(number), size, rng))


def draw(rng: np.random.Generator, effort: Effort) -> Episodes:
    """A meta-batch: some of the languages, with pairs to adapt on and to be judged by."""
    n = effort.pairs
    parts = []
    for number in rng.permutation(len(TRAINING))[: effort.tasks]:
        known = corpus(TRAINING[number], CORPUS, 0)
        at = torch.from_numpy(rng.permutation(CORPUS)[: 2 * n])
        parts.append(Examples(known.x[at], known.y[at]))
    x, y = (torch.stack(each) for each in zip(*parts, strict=True))
    return Episodes(Examples(x[:, :n], y[:, :n]), Examples(x[:, n:], y[:, n:]))


def all_of(tasks: Episodes) -> Episodes:
    """With all pairs to be judged by: of plain training, which adapts on none."""
    x = torch.cat([tasks.support.x, tasks.query.x], 1)
    y = torch.cat([tasks.support.y, tasks.query.y], 1)
    return Episodes(tasks.support, Examples(x, y))


def train(name: str, effort: Effort, folder: Path | None, watch: Watch) -> tuple[Sequences, Params]:
    """The learner of a method and where its fine-tuning begins."""
    method = METHODS[name]
    learner = learner_of(languages.codec(), method.inner_steps, alpha=0.1)
    if not method.trained:
        return learner, learner.init(1)

    def sample(rng: np.random.Generator) -> Episodes:
        drawn = draw(rng, effort)
        return drawn if method.inner_steps else all_of(drawn)

    run = Run(learner=learner, trainable=learner, sample=sample)  # type: ignore[arg-type]
    config = TrainConfig(steps=effort.steps, tasks=1, rate=3e-3, average=0.99)
    return learner, trained.averaged(run, config, folder, method.title, watch)


def held_out(numbers: Sequence[int], size: int) -> Episodes:
    """Of each language `size` pairs to adapt on and `JUDGED` others."""
    support = [corpus(number, max(SIZES), 0) for number in numbers]
    query = [corpus(number, JUDGED, 1) for number in numbers]
    return Episodes(
        Examples(
            torch.stack([s.x[:size] for s in support]), torch.stack([s.y[:size] for s in support])
        ),
        Examples(torch.stack([q.x for q in query]), torch.stack([q.y for q in query])),
    )


def evaluate(learner: Sequences, theta: Params, size: int, effort: Effort) -> Scores:
    """Choose the fine-tuning on validation languages, then translate test languages with it."""
    tunings = [Tuning(rate=rate, steps=effort.tuning_steps) for rate in RATES]
    tuning = chosen(learner, theta, held_out(VALIDATION, size), tunings, MARKS)
    tasks = held_out(effort.test, size)
    phi = last(learner, theta, tasks.support, tuning)
    said = spoken(learner, phi, tasks.query)
    found = [
        judged(languages.codec(), ours, truth)
        for ours, truth in zip(said, tasks.query.y, strict=True)
    ]
    return Scores(np.array([b for b, _ in found]), np.array([e for _, e in found]), tuning)


def judged(codec: Codec, said: torch.Tensor, truth: torch.Tensor) -> tuple[float, float]:
    """BLEU of words (n, T), and the share of sentences that are right in every word."""
    ours = [joined(tokens) for tokens in codec.decode(said)]
    theirs = [joined(tokens) for tokens in codec.decode(truth)]
    right = [a == b for a, b in zip(ours, theirs, strict=True)]
    return bleu(ours, theirs), float(np.mean(right))


Table = Mapping[str, Mapping[int, Scores]]
"""Scores by method and number of pairs."""
