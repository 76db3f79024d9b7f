"""Online adaptation, every world and method side by side: one table and one figure.

Evaluation only: parameters are trained beforehand (docs/online-adaptation.md has the commands) and
lie in `checkpoints/online/`. Worlds without parameters are left out, and said to be.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from robot_meta import report
from robot_meta.errors import DataError
from robot_meta.evaluate_online import training_seeds
from robot_meta.locomotion import STEPS, World
from robot_meta.online_figures import HEALTHY, TRUE, Run, Work, metrics, protocol
from robot_meta.results import Metric, append_test_log

NAME = "online-adaptation"
WORLDS = (
    World(robot="half_cheetah", fault="disabled_joint"),
    World(robot="half_cheetah", fault="hfield"),
    World(robot="half_cheetah", fault="pier"),
    World(robot="ant", fault="crippled_leg"),
)
TRIALS, QUICK_TRIALS, QUICK_STEPS = 20, 4, 60
ORDER = (HEALTHY, "no_adaptation", "mb_de", "rls", "history", "rebal", "adapted", "oracle", TRUE)
TITLES = {
    HEALTHY: "GrBAL, nothing broken",
    "no_adaptation": "MB",
    "mb_de": "MB+DE",
    "rls": "RLS",
    "history": "history (GRU)",
    "rebal": "ReBAL",
    "adapted": "GrBAL",
    "oracle": "oracle",
    TRUE: "true physics",
}
Watch = Callable[[Iterable[Run], str, int], Iterable[Run]]
"""Passes runs through while showing progress (runs, what, total)."""


def run(
    *,
    quick: bool = False,
    out: Path | None = None,
    watch: Watch = lambda runs, *_: runs,
    worlds: Sequence[World] = WORLDS,
) -> dict[str, Metric]:
    """Evaluate all worlds that have parameters, write the results file and its figure.

    Args:
        quick: few and short trials.
        out: results file; results/online-adaptation.json, or -quick, if not given.
        watch: passes runs through while showing progress (runs, what, total).
        worlds: which.

    Raises:
        DataError: no world has parameters.
    """
    there = [world for world in worlds if training_seeds(world)]
    if not there:
        raise DataError(
            "checkpoints/online: no parameters for any world; train some with "
            "`robot-meta train grbal half_cheetah --fault disabled_joint`"
        )
    began = time.monotonic()
    found: dict[str, Metric] = {}
    hashes: list[str] = []
    for world in there:
        work = Work(
            world=world,
            count=QUICK_TRIALS if quick else TRIALS,
            steps=QUICK_STEPS if quick else STEPS,
        )
        runs = list(watch(work.runs("grbal"), str(world), work.total("grbal")))
        figures = metrics(work, runs)
        hashes += sorted({each.sha256 for each in runs if each.sha256})
        values = {key: metric.value for key, metric in figures.items()}
        told = {"seed": work.seed, "world": str(world), "metrics": values}
        append_test_log(report.RESULTS, f"experiment {NAME}", ",".join(hashes), told)
        found |= {f"{world}_{key}": metric for key, metric in figures.items()}
    left = [str(world) for world in worlds if world not in there]
    path = report.publish(
        NAME,
        protocol(work) + f" Worlds: {', '.join(map(str, there))}.",
        found,
        config={"checkpoints": hashes, "without_parameters": left},
        began=began,
        quick=quick,
        out=out,
    )
    picture(found, there, path.with_suffix(".png"))
    report.show(found)
    return found


def picture(found: dict[str, Metric], worlds: Sequence[World], path: Path) -> None:
    """Returns of every method in every world, with intervals over trials."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.4 * len(worlds) + 1.2, 3.6), layout="constrained")
    for column, world in enumerate(worlds):
        axes: Any = figure.add_subplot(1, len(worlds), column + 1)
        names = [name for name in ORDER if f"{world}_return_{name}" in found]
        rows = [found[f"{world}_return_{name}"] for name in names]
        at = np.arange(len(names))[::-1]
        values = np.array([row.value for row in rows])
        ends = np.array([row.ci95 or (row.value, row.value) for row in rows]).T
        colours = ["#c44e52" if name == "adapted" else "#8c9bb0" for name in names]
        axes.barh(at, values, xerr=np.abs(ends - values), color=colours, ecolor="#444444")
        axes.set_yticks(at, [TITLES[name] for name in names], fontsize=9)
        axes.set_title(str(world).replace("_", " ").replace("-", ": "), fontsize=10)
        axes.set_xlabel("return (speed less effort, summed)", fontsize=9)
        axes.axvline(0.0, color="black", linewidth=0.6)
    figure.savefig(path, dpi=110)
