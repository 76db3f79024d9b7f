"""Figures of translation and persona dialog: metrics for the results file, and the picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_meta import persona_talk, translation
from robot_meta.results import Metric
from robot_meta.statistics import bootstrap_ci


def translation_metrics(table: translation.Table) -> dict[str, Metric]:
    """BLEU and exact match by method and pairs, and BLEU of Meta-NMT less that of transfer."""
    out: dict[str, Metric] = {}
    for name, row in table.items():
        for size, scores in row.items():
            out[f"bleu_{name}_{size}_pairs"] = metric(scores.bleu, "BLEU")
            out[f"exact_{name}_{size}_pairs"] = metric(scores.exact, "rate")
    for size, scores in table["meta_nmt"].items():
        less = scores.bleu - table["transfer"][size].bleu
        out[f"bleu_meta_nmt_minus_transfer_{size}_pairs"] = metric(less, "BLEU")
    return out


def persona_metrics(table: persona_talk.Table) -> dict[str, Metric]:
    """Perplexity, C and right facts by method and dialogs, and PAML's C less that of the best."""
    out: dict[str, Metric] = {}
    for name, row in table.items():
        for count, scores in row.items():
            end = f"{name}_{count}_dialogs"
            loss = metric(scores.loss, "perplexity")
            assert loss.ci95 is not None
            low, high = np.exp(loss.ci95)
            out[f"perplexity_{end}"] = Metric(
                value=float(np.exp(loss.value)),
                unit=loss.unit,
                n=loss.n,
                ci95=(float(low), float(high)),
                seeds=loss.seeds,
            )
            out[f"consistency_{end}"] = metric(scores.consistency, "C")
            out[f"facts_{end}"] = metric(scores.right, "rate")
    for count, scores in table["paml"].items():
        less = scores.consistency - table["joint_tuned"][count].consistency
        out[f"consistency_paml_minus_joint_tuned_{count}_dialogs"] = metric(less, "C")
    return out


def metric(values: NDArray[np.float64], unit: str) -> Metric:
    """The mean over tasks with its interval."""
    found = bootstrap_ci(values, list(range(len(values))))
    return Metric(value=found.value, unit=unit, n=found.trials, ci95=found.ci95, seeds=(0,))


def picture(spoken: translation.Table, talked: persona_talk.Table, path: Path) -> None:
    """BLEU over pairs; C over dialogs; perplexity over dialogs."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 3.0), layout="constrained")
    panels: list[tuple[Mapping[str, Any], Mapping[str, Any], Any, str, str]] = [
        (spoken, translation.METHODS, lambda s: s.bleu.mean(), "sentence pairs", "BLEU"),
        (talked, persona_talk.METHODS, lambda s: s.consistency.mean(), "dialogs", "consistency C"),
        (talked, persona_talk.METHODS, lambda s: np.exp(s.loss.mean()), "dialogs", "perplexity"),
    ]
    for column, (table, methods, value, x, y) in enumerate(panels):
        axes: Any = figure.add_subplot(1, len(panels), column + 1)
        for name, row in table.items():
            title = methods[name].title
            axes.plot(list(row), [value(s) for s in row.values()], label=title, marker=".")
        axes.set_xscale("log")
        counts = list(next(iter(table.values())))
        axes.set_xticks(counts, [str(count) for count in counts], minor=False)
        axes.minorticks_off()
        axes.set_xlabel(f"{x} to adapt on", fontsize=9)
        axes.set_ylabel(y, fontsize=9)
        if column < 2:
            axes.legend(fontsize=7)
    figure.savefig(path, dpi=110)
