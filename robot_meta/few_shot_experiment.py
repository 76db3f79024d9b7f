"""Every few-shot learner that has trained parameters, side by side on Omniglot.

Evaluation only: docs/few-shot.md has the commands that train. What has no parameters is left out,
and said to be.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from robot_meta import few_shot_evaluation as figures
from robot_meta import few_shot_tasks, learners, report
from robot_meta.errors import DataError
from robot_meta.few_shot_evaluation import Figures
from robot_meta.few_shot_published import CASES, published
from robot_meta.results import Metric, append_test_log

NAME = "few-shot"
TASKS, SEEDS = 600, (0, 1, 2, 3, 4)
QUICK_TASKS, QUICK_SEEDS = 60, (0,)
ALONE, EVERY = 30, 5
"""Tasks of a seed, and which of their queries, that are judged without the other queries."""
Watch = Callable[[Iterable[Figures], str, int], Iterable[Figures]]
"""Passes figures through while showing progress (figures, what, total)."""


def run(
    *, quick: bool = False, out: Path | None = None, watch: Watch = lambda parts, *_: parts
) -> dict[str, Metric]:
    """Evaluate all that is trained, write the results file and its figure.

    Args:
        quick: few tasks.
        out: results file; results/few-shot.json, or -quick, if not given.
        watch: passes figures through while showing progress (figures, what, total).

    Raises:
        DataError: nothing is trained, or no data.
    """
    began = time.monotonic()
    count, seeds = (QUICK_TASKS, QUICK_SEEDS) if quick else (TASKS, SEEDS)
    found: dict[str, Metric] = {}
    printed, hashes, missing = {}, {}, []
    for name in learners.few_shot_names():
        for way, shot in CASES:
            row = f"{name}_{way}_way_{shot}_shot"
            path = figures.shipped(name, "omniglot", way, shot)
            if not path.exists():
                missing.append(row)
                continue
            learner, theta, hashes[row] = figures.load(path, way)
            drawn = seeds if way == 5 else seeds[:1]  # 20-way tasks hold many more queries
            tasks = few_shot_tasks.make("omniglot", way=way, shot=shot)
            parts: list[Figures] = []
            for seed in drawn:
                news = figures.evaluate(learner, theta, tasks, "test", count, seed, ALONE, EVERY)
                what = f"{row.replace('_', ' ')}, seed {seed}"
                parts += watch(news, what, -(-count // figures.TOGETHER))
            metrics = figures.metrics(parts, drawn)
            found |= {f"{row}_{key}": metric for key, metric in metrics.items()}
            told = {key: metric.value for key, metric in metrics.items()}
            summary = {"seeds": list(drawn), "metrics": told}
            append_test_log(report.RESULTS, f"experiment {NAME}: {row}", hashes[row], summary)
            if other := published(name, way, shot):
                printed[f"{row}_accuracy"] = other
    if not found:
        raise DataError(
            "checkpoints/few-shot: no parameters; train some with `robot-meta train maml omniglot`"
        )
    path = report.publish(
        NAME,
        f"Evaluation seeds {seeds}, of 20-way tasks the first alone, each: "
        f"{figures.protocol('omniglot', 'test', count)} The non-transductive figure is of the "
        f"first {ALONE} tasks of each seed and each {EVERY}th of their queries.",
        found,
        published=printed,
        config={"checkpoints": hashes, "without_parameters": missing},
        began=began,
        quick=quick,
        out=out,
    )
    picture(found, path.with_suffix(".png"))
    report.show(found)
    return found


def picture(found: Mapping[str, Metric], path: Path) -> None:
    """Accuracy of each learner and case, ours as a bar and what was printed as a line."""
    from matplotlib.figure import Figure

    end = "_accuracy"
    rows = [key[: -len(end)] for key in found if key.endswith(end)]
    figure = Figure(figsize=(6.4, 0.8 + 0.3 * len(rows)), layout="constrained")
    axes: Any = figure.add_subplot()
    for at, row in enumerate(reversed(rows)):
        ours, alone = found[row + end].value, found[f"{row}_accuracy_non_transductive"].value
        axes.barh(at + 0.2, ours, 0.35, color="#c44e52", label="ours" if not at else None)
        label = "ours, not transductive" if not at else None
        axes.barh(at - 0.2, alone, 0.35, color="#8c9bb0", label=label)
        name, way, _, shot, _ = row.rsplit("_", 4)
        if other := published(name, int(way), int(shot)):
            axes.plot([other.value] * 2, [at - 0.4, at + 0.4], color="black", linewidth=1.5)
    axes.set_yticks(range(len(rows)), [row.replace("_", " ") for row in reversed(rows)], fontsize=8)
    axes.set_xlim(min(0.8, min(metric.value for metric in found.values()) - 0.02), 1.0)
    axes.set_xlabel("accuracy on test characters (black: published)", fontsize=9)
    axes.legend(fontsize=7, loc="lower left")
    figure.savefig(path, dpi=110)
