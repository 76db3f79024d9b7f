"""Figures of an online run: learning efficiency and proficiency, their ratios and their slope.

Intervals by bootstrap over tasks: a kind of task met in several orders is drawn as one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_meta.errors import DataError
from robot_meta.online_learning.protocol import Outcome, ProtocolConfig
from robot_meta.results import Metric
from robot_meta.statistics import RESAMPLES, bootstrap_ci

Floats = NDArray[np.float64]
By = Mapping[str, Sequence[Outcome]]
"""Outcomes by row of the table, those of all orders one after another."""
WINDOW = 6
"""Tasks that a line of the picture is a mean of."""
TITLES = {
    "ftml": "FTML",
    "bounded": "FTML, bounded memory",
    "ftl": "FTL, fine-tuned",
    "toe": "train on everything",
    "scratch": "from scratch",
}


def spent(outcome: Outcome, config: ProtocolConfig) -> float:
    """Examples to the threshold; censored at all that are learned from."""
    found = outcome.examples(config)
    return float(config.streamed if found is None else found)


def metrics(by: By, config: ProtocolConfig, last: int, seeds: tuple[int, ...]) -> dict[str, Metric]:
    """All figures of one start: of the `last` tasks, and slopes over all.

    Raises:
        DataError: no outcomes, or rows that are not of the same tasks.
    """
    end = _same_tasks(by) - last
    out: dict[str, Metric] = {}
    tails = {row: [o for o in outcomes if o.index >= end] for row, outcomes in by.items()}
    for row, tail in tails.items():
        kinds = [o.kind for o in tail]
        examples = [spent(o, config) for o in tail]

        def mean(values: Sequence[float], unit: str, kinds: list[str] = kinds) -> Metric:
            found = bootstrap_ci(values, kinds)
            return Metric(
                value=found.value, unit=unit, n=found.trials, ci95=found.ci95, seeds=seeds
            )

        out[f"examples_to_threshold_{row}"] = mean(examples, "examples")
        out[f"reached_fraction_{row}"] = mean(
            [float(o.examples(config) is not None) for o in tail], "rate"
        )
        out[f"final_accuracy_{row}"] = mean([o.final for o in tail], "rate")
        out[f"first_accuracy_{row}"] = mean([o.next_batch[0] for o in tail], "rate")
        whole = [spent(o, config) for o in by[row]]
        out[f"slope_{row}"] = slope(by[row], whole, "examples per task", seeds)
    for other in ("ftl", "toe", "scratch"):
        for own in ("ftml", "bounded"):
            if {own, other} <= set(tails):
                key = f"examples_ratio_{own}_to_{other}"
                out[key] = ratio(tails[own], tails[other], config, seeds)
                out[f"final_accuracy_{own}_minus_{other}"] = difference(
                    tails[own], tails[other], seeds
                )
    return out


def harder(by: By, config: ProtocolConfig, last: int, seeds: tuple[int, ...]) -> dict[str, Metric]:
    """Examples to a threshold, and how often it was reached, under keys that name it."""
    name = f"{100 * config.threshold:.0f}"
    renamed = {
        "examples_to_threshold": f"examples_to_{name}",
        "reached_fraction": f"reached_{name}",
        "examples_ratio": f"examples_to_{name}_ratio",
    }
    return {
        new + key.removeprefix(old): metric
        for key, metric in metrics(by, config, last, seeds).items()
        for old, new in renamed.items()
        if key.startswith(old)
    }


def _same_tasks(by: By) -> int:
    """How many tasks there were."""
    met = {tuple((o.index, o.kind) for o in outcomes) for outcomes in by.values()}
    if len(met) != 1 or not next(iter(met)):
        raise DataError(f"online figures: rows {sorted(by)} are not of the same tasks")
    return 1 + max(index for index, _ in next(iter(met)))


def resampled(
    columns: Floats, kinds: Sequence[str], statistic: Callable[[Floats], Floats]
) -> tuple[float, tuple[float, float]]:
    """A statistic of column sums, and its 95 % interval when kinds are drawn anew.

    Args:
        columns: (N, k).
        kinds: (N,).
        statistic: of sums (..., k), giving (...).
    """
    names = {kind: i for i, kind in enumerate(dict.fromkeys(kinds))}
    sums = np.zeros((len(names), columns.shape[1]))
    np.add.at(sums, [names[kind] for kind in kinds], columns)
    drawn = np.random.default_rng(0).integers(0, len(sums), (RESAMPLES, len(sums)))
    low, high = np.quantile(statistic(sums[drawn].sum(1)), (0.025, 0.975))
    return float(statistic(sums.sum(0))), (float(low), float(high))


def slope(
    outcomes: Sequence[Outcome], values: Sequence[float], unit: str, seeds: tuple[int, ...]
) -> Metric:
    """Of the line of least squares through a value of each outcome over the task's index."""
    index = np.array([o.index for o in outcomes], np.float64)
    index -= index.mean()  # the slope is the same, its sums are better conditioned
    y = np.array(values, np.float64)
    columns = np.stack([np.ones_like(index), index, y, index * y, index**2], 1)

    def fit(s: Floats) -> Floats:
        n, i, y, iy, ii = np.moveaxis(s, -1, 0)
        return np.asarray((n * iy - i * y) / np.maximum(n * ii - i**2, 1e-12))

    value, ci95 = resampled(columns, [o.kind for o in outcomes], fit)
    return Metric(value=value, unit=unit, n=len(outcomes), ci95=ci95, seeds=seeds)


def ratio(
    own: Sequence[Outcome],
    other: Sequence[Outcome],
    config: ProtocolConfig,
    seeds: tuple[int, ...],
) -> Metric:
    """Examples to the threshold, those of one row over those of another on the same tasks."""
    pairs = [[spent(o, config) for o in row] for row in (own, other)]

    def over(s: Floats) -> Floats:
        return np.asarray(s[..., 0] / s[..., 1])

    value, ci95 = resampled(np.array(pairs).T, [o.kind for o in own], over)
    return Metric(value=value, unit="ratio", n=len(own), ci95=ci95, seeds=seeds)


def difference(own: Sequence[Outcome], other: Sequence[Outcome], seeds: tuple[int, ...]) -> Metric:
    """Final accuracy, paired by task."""
    found = bootstrap_ci(
        [a.final - b.final for a, b in zip(own, other, strict=True)], [o.kind for o in own]
    )
    return Metric(value=found.value, unit="rate", n=found.trials, ci95=found.ci95, seeds=seeds)


def picture(starts: Mapping[str, By], config: ProtocolConfig, path: Path) -> None:
    """Over the task's index: examples to the threshold above, final accuracy below."""
    from matplotlib.figure import Figure

    panels: dict[str, Callable[[Outcome], float]] = {
        f"examples to {config.threshold:.0%}": lambda o: spent(o, config),
        "final accuracy": lambda o: o.final,
    }
    figure = Figure(figsize=(9.0, 5.6), layout="constrained")
    for line, (label, value) in enumerate(panels.items()):
        for column, (start, by) in enumerate(starts.items()):
            axes: Any = figure.add_subplot(2, len(starts), 1 + column + line * len(starts))
            for number, (row, title) in enumerate(TITLES.items()):
                if row in by:
                    axes.plot(*smooth(by[row], value), label=title, color=f"C{number}")
            axes.set_ylabel(label, fontsize=9)
            axes.set_xlabel("task", fontsize=9)
            axes.set_title(start, fontsize=10)
    figure.axes[0].legend(fontsize=7)
    figure.savefig(path, dpi=110)


def smooth(outcomes: Sequence[Outcome], value: Callable[[Outcome], float]) -> tuple[Floats, Floats]:
    """Middle of each window of tasks, counted from 1, and the mean over it and over orders."""
    index = np.array([o.index for o in outcomes])
    values = np.array([value(o) for o in outcomes])
    means = np.array([values[index == i].mean() for i in np.unique(index)])
    width = min(WINDOW, len(means))
    smooth = np.convolve(means, np.ones(width) / width, "valid")
    return index.min() + 1 + np.arange(len(smooth)) + (width - 1) / 2, smooth
