"""BLEU of a corpus: how much of the sentences is in the references (Papineni et al. 2002)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from robot_meta.errors import DataError

ORDER = 4
"""The longest run of words that counts."""
Words = Sequence[str]


def bleu(found: Sequence[Words], references: Sequence[Words]) -> float:
    r"""100 * BP * exp(mean over n = 1 .. 4 of log p_n), with one reference a sentence.

    Nothing is smoothed: a corpus without a common run of four words scores 0.

    Args:
        found: sentences as words.
        references: what each should have been.

    Raises:
        DataError: no sentences, numbers that differ, or references without words.
    """
    if not found or len(found) != len(references):
        raise DataError(f"bleu: {len(found)} sentences for {len(references)} references")
    if not sum(map(len, references)):
        raise DataError("bleu: the references have no words")
    precisions = [precision(found, references, n) for n in range(1, ORDER + 1)]
    if min(precisions) == 0:
        return 0.0
    mean = sum(math.log(p) for p in precisions) / ORDER
    return 100 * brevity(found, references) * math.exp(mean)


def precision(found: Sequence[Words], references: Sequence[Words], n: int) -> float:
    """p_n: the share of the runs of n words that the reference has, each as often as there."""
    hits = total = 0
    for sentence, reference in zip(found, references, strict=True):
        ours, theirs = runs(sentence, n), runs(reference, n)
        hits += (ours & theirs).total()
        total += ours.total()
    return hits / total if total else 0.0


def brevity(found: Sequence[Words], references: Sequence[Words]) -> float:
    """BP: 1, or exp(1 - r / c) if the corpus (c words) is shorter than its references (r)."""
    c, r = sum(map(len, found)), sum(map(len, references))
    if c >= r:
        return 1.0
    return math.exp(1 - r / c) if c else 0.0


def runs(words: Words, n: int) -> Counter[tuple[str, ...]]:
    """How often each run of n words is in a sentence."""
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
