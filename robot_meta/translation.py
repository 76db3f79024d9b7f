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

from robot_meta import sequence_training
from robot_meta.bleu import bleu
from robot_meta.data import languages
from robot_meta.data.vocabulary import Codec, joined, stacked
from robot_meta.few_shot import Episodes, Examples
from robot_meta.fine_tuning import Tuning, chosen, last, spoken
from robot_meta.learners.sequences import Sequences
from robot_meta.sequence_training import Method, halved
from robot_meta.trained import Watch
from robot_meta.types import Params

TRAINING, VALIDATION, TEST = tuple(range(18)), tuple(range(100, 104)), tuple(range(210, 220))
"""Numbers of languages; trial runs were judged on some of 200 to 209."""
SIZES = (4, 16, 64, 256)
"""Sentence pairs of a held-out language."""
CORPUS, JUDGED = 1000, 100
"""Pairs of a language to train on, and pairs that a translation is judged by."""
RATES, MARKS = (3e-3, 1e-2), (10, 30)
"""Adam's rates, and earlier ends, that fine-tuning may choose from on validation languages."""


METHODS = {
    "meta_nmt": Method(title="Meta-NMT (first-order MAML)", inner_steps=1, alpha=0.1),
    "transfer": Method(title="multilingual transfer"),
    "scratch": Method(title="from scratch", trained=False),
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


@cache
def corpus(number: int, size: int, part: int) -> Examples:
    """Pairs of a language; parts are drawn apart from each other."""
    rng = np.random.default_rng([number, part])
    return languages.codec().encode(languages.corpus(languages.language(number), size, rng))


def draw(rng: np.random.Generator, effort: Effort) -> Episodes:
    """A meta-batch: some of the languages, with pairs to adapt on and to be judged by."""
    parts = []
    for number in rng.permutation(len(TRAINING))[: effort.tasks]:
        known = corpus(TRAINING[number], CORPUS, 0)
        at = torch.from_numpy(rng.permutation(CORPUS)[: 2 * effort.pairs])
        parts.append(Examples(known.x[at], known.y[at]))
    return halved(stacked(parts))


def train(name: str, effort: Effort, folder: Path | None, watch: Watch) -> tuple[Sequences, Params]:
    """The learner of a method and where its fine-tuning begins."""
    return sequence_training.train(
        METHODS[name],
        languages.codec(),
        lambda rng: draw(rng, effort),
        effort.steps,
        folder,
        watch,
    )


def held_out(numbers: Sequence[int], size: int) -> Episodes:
    """Of each language `size` pairs to adapt on and `JUDGED` others."""
    known = stacked([corpus(number, max(SIZES), 0) for number in numbers])
    query = stacked([corpus(number, JUDGED, 1) for number in numbers])
    return Episodes(Examples(known.x[:, :size], known.y[:, :size]), query)


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
