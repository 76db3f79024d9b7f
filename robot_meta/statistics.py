"""Intervals and verdicts. Trials of a task are not independent, so tasks are what is resampled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from robot_meta.errors import DataError

RESAMPLES = 10_000
PASS_MARGIN = 0.04  # a single evaluation seed may lie this far below the target
CLAIM_SEEDS = 3  # training seeds that a claim "A beats B" needs


@dataclass(frozen=True)
class Interval:
    """A mean over trials with its 95 % bootstrap interval over tasks."""

    value: float
    ci95: tuple[float, float]
    trials: int
    tasks: int

    @property
    def excludes_zero(self) -> bool:
        """Whether 0 lies outside."""
        return self.ci95[0] > 0 or self.ci95[1] < 0


@dataclass(frozen=True)
class Verdict:
    """A one-shot target against the figures of several evaluation seeds."""

    mean: float
    worst: float
    target: float
    passed: bool


def bootstrap_ci(
    values: ArrayLike, tasks: Sequence[object], *, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """Mean of trial values with a percentile interval from resampling whole tasks.

    Args:
        values: (N,) one figure a trial, such as success as 0 or 1.
        tasks: (N,) which task each trial was of: anything hashable.
        resamples: number of draws.
        seed: of the draws; the default makes the interval a function of the data alone.

    Raises:
        DataError: no trials, lengths that differ, or values that are not finite.
    """
    sums, counts = _by_task(np.asarray(values, np.float64), tasks)
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, len(sums), (resamples, len(sums)))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)
    low, high = np.quantile(means, (0.025, 0.975))
    return Interval(
        value=float(sums.sum() / counts.sum()),
        ci95=(float(low), float(high)),
        trials=int(counts.sum()),
        tasks=len(sums),
    )


def paired_difference(
    a: Mapping[int, ArrayLike],
    b: Mapping[int, ArrayLike],
    tasks: Sequence[object],
    *,
    resamples: int = RESAMPLES,
) -> Interval:
    """A minus B on the same trials, averaged over training seeds, with an interval over tasks.

    Args:
        a: for each training seed, (N,) values of the trials.
        b: the same seeds and trials under the other method.
        tasks: (N,) task of each trial.
        resamples: number of draws.

    Raises:
        DataError: the seeds or the trials are not the same.
    """
    if set(a) != set(b) or not a:
        raise DataError(f"paired difference: training seeds {sorted(a)} against {sorted(b)}")
    differences = []
    for seed in sorted(a):
        one, other = np.asarray(a[seed], np.float64), np.asarray(b[seed], np.float64)
        if one.shape != other.shape:
            raise DataError(f"seed {seed}: {one.shape} trials against {other.shape}")
        differences.append(one - other)
    return bootstrap_ci(np.mean(differences, 0), tasks, resamples=resamples)


def beats(difference: Interval, training_seeds: int) -> bool:
    """Whether "A beats B" may be claimed: above 0 with its interval, over enough seeds."""
    return difference.ci95[0] > 0 and training_seeds >= CLAIM_SEEDS


def judge(figures: Sequence[float], target: float) -> Verdict:
    """The pass rule: the mean over seeds reaches the target, none more than 0.04 below it.

    Raises:
        DataError: no figures.
    """
    if not figures:
        raise DataError("judge: no figures came, expected one for each evaluation seed")
    mean, worst = float(np.mean(figures)), float(min(figures))
    slack = 1e-9  # 0.91 is not below 0.95 - 0.04
    passed = mean >= target - slack and worst >= target - PASS_MARGIN - slack
    return Verdict(mean, worst, target, passed)


def _by_task(
    values: NDArray[np.float64], tasks: Sequence[object]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if values.ndim != 1 or not len(values) or len(values) != len(tasks):
        raise DataError(f"values of shape {values.shape} for {len(tasks)} task labels")
    if not np.isfinite(values).all():
        raise DataError(f"{int((~np.isfinite(values)).sum())} of {len(values)} values not finite")
    order = {task: index for index, task in enumerate(dict.fromkeys(tasks))}
    index = np.array([order[task] for task in tasks])
    return np.bincount(index, weights=values).astype(np.float64), np.bincount(index).astype(
        np.float64
    )
