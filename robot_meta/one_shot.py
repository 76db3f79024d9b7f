"""One-shot imitators side by side: every method, task family and kind of evidence, on one page.

Evaluation only: each method's parameters are trained beforehand (docs/one-shot.md has the
commands) and lie in `checkpoints/one-shot/`, those of MIL and of cloning in `checkpoints/`. All
methods have one policy, one encoder and one set of data; they differ in how a demonstration becomes
the parameters that the policy acts with. So DAML stands here with the eyes that its rivals have,
not with the finer ones that are deployed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from robot_meta import checkpoint, report
from robot_meta.cpu import worker_pool
from robot_meta.data.batches import Evidence
from robot_meta.errors import ConfigError
from robot_meta.evaluate import Case, EvalConfig, compare
from robot_meta.experiments import Watch
from robot_meta.results import Metric, Published, append_test_log
from robot_meta.statistics import bootstrap_ci, paired_difference

FAMILIES = ("place", "push", "pick_place")
WIDE: tuple[Evidence, ...] = ("robot", "state", "video", "human")
NARROW: tuple[Evidence, ...] = ("robot", "human")
"""Kinds of evidence: all of them for `place`, these two for the other families."""
SEEDS = (0, 1, 2)
"""Training seeds of the two learned losses whose difference is claimed."""


@dataclass(frozen=True)
class Method:
    """One row."""

    key: str
    title: str
    takes: tuple[Evidence, ...] = WIDE
    """Kinds of evidence that it can use at all."""
    shipped: bool = False
    """Its parameters are among the shipped ones, not in `one-shot/`."""


METHODS = (
    Method("mil", "MIL", ("robot", "state"), shipped=True),
    Method("daml", "DAML, loss of poses (ours)"),
    Method("daml-temporal", "DAML, temporal loss"),
    Method("daml-linear", "DAML, linear loss"),
    Method("waypoints", "waypoints"),
    Method("contextual", "contextual"),
    Method("lstm", "LSTM"),
    Method("finetune", "cloning, fine-tuned", ("robot",), shipped=True),
)
ALIKE = {"daml", "daml-temporal", "daml-linear"}
"""Methods that look at pictures alone: all kinds of a robot's evidence are one to them."""

_MIL = "Finn et al. 2017, simulated pushing"
_DAML = "Yu et al. 2018, real PR2"
_FAR = "other things, arm and camera; one distractor in pushing"
PUBLISHED = {
    "push_mil_robot": Published(value=0.858, source=_MIL, differs=_FAR),
    "push_lstm_robot": Published(value=0.784, source=_MIL, differs=_FAR),
    **{
        f"{family}_{method}_human": Published(
            value=value, source=_DAML, differs="real people, robot and things; ours is rendered"
        )
        for method, values in {
            "lstm": (0.333, 0.333, 0.056),
            "contextual": (0.361, 0.167, 0.167),
            "daml-linear": (0.767, 0.278, 0.111),
            "daml-temporal": (0.938, 0.889, 0.800),
        }.items()
        for family, value in zip(FAMILIES, values, strict=True)
    },
}


@dataclass(frozen=True)
class Cell:
    """One figure of the matrix."""

    method: Method
    family: str
    evidence: Evidence
    seed: int = 0
    """Of the training."""

    @property
    def key(self) -> str:
        """Its name in the results."""
        seed = f"_seed{self.seed}" if self.seed else ""
        return f"{self.family}_{self.method.key}_{self.evidence}{seed}"

    @property
    def path(self) -> Path:
        """Where its parameters are."""
        if self.method.shipped:
            return report.shipped(self.method.key, self.family)
        seed = f"-seed{self.seed}" if self.seed else ""
        return report.shipped(f"one-shot/{self.method.key}{seed}", self.family)


def cells() -> Iterator[Cell]:
    """The whole matrix, then the further training seeds of the claim."""
    for family in FAMILIES:
        for method in METHODS:
            kinds = WIDE if family == "place" else NARROW
            for kind in kinds:
                if kind in method.takes and not (
                    method.key in ALIKE and kind in ("state", "video")
                ):
                    yield Cell(method, family, kind)
    for seed in SEEDS[1:]:
        for method in METHODS:
            if method.key in ("daml-temporal", "daml-linear"):
                yield Cell(method, "place", "human", seed)


def shown_alike(chosen: Sequence[Cell]) -> dict[tuple[str, Evidence], list[Cell]]:
    """Cells by family and evidence: those that one demonstration of a task serves."""
    out: dict[tuple[str, Evidence], list[Cell]] = {}
    for cell in chosen:
        out.setdefault((cell.family, cell.evidence), []).append(cell)
    return out


def run(
    *,
    quick: bool = False,
    trials: int | None = None,
    workers: int = 2,
    out: Path | None = None,
    watch: Watch = lambda cases, *_: cases,
) -> dict[str, Metric]:
    """Evaluate every cell whose parameters are there; write `results/one-shot.json` and a figure.

    Raises:
        ConfigError: there are no parameters at all.
    """
    began = time.monotonic()
    trials = trials or (20 if quick else 60)
    there = [cell for cell in cells() if cell.path.exists()]
    missing = sorted(
        {f"{c.method.key} {c.family}" for c in cells()}
        - {f"{c.method.key} {c.family}" for c in there}
    )
    if not there:
        raise ConfigError(f"one-shot: no parameters in {report.CHECKPOINTS}/one-shot")
    found: dict[str, list[Case]] = {}
    with worker_pool(workers) as pool:
        for (family, evidence), group in shown_alike(there).items():
            config = EvalConfig(
                family=family,
                trials=trials,
                trials_a_task=1,
                evidence=evidence,
                shots=(1,),
                controls=(),
                workers=workers,
            )
            news = compare([str(cell.path) for cell in group], config, pool=pool)
            done = list(watch(news, f"{family}, shown by {evidence}", config.tasks))
            for cell, cases in zip(group, zip(*done, strict=True), strict=True):
                found[cell.key] = sorted(cases, key=lambda case: case.task)
    figures = metrics(found)
    shas = {cell.key: checkpoint.load(cell.path).sha256 for cell in there}
    summary = {"seed": 0, "metrics": {key: m.value for key, m in figures.items()}}
    append_test_log(report.RESULTS, "experiment one-shot" + " --quick" * quick, "", summary)
    path = report.publish(
        "one-shot",
        f"{trials} tasks of the test split for each cell, a trial each, evaluation seed 0; one "
        "demonstration a task, the same for all methods, by the scripted expert (robot: pictures, "
        "states and actions; state: without actions; video: pictures alone) or by a rendered hand "
        "before another camera (human), in another arrangement; all methods have the same policy, "
        "encoder and data; "
        "success as sim/judge.py judges it; intervals by bootstrap over tasks. Without parameters: "
        f"{', '.join(missing) or 'none'}.",
        figures,
        published={key: value for key, value in PUBLISHED.items() if key in figures},
        config={"trials": trials, "checkpoints": shas, "quick": quick},
        began=began,
        quick=quick,
        out=out,
    )
    picture(figures, path.with_suffix(".png"))
    report.show(figures)
    return figures


def metrics(found: Mapping[str, Sequence[Case]]) -> dict[str, Metric]:
    """Success in each cell, and what the temporal loss gains on the linear one."""
    out = {key: _rate(cases) for key, cases in found.items()}
    pairs: dict[str, dict[int, Any]] = {"temporal": {}, "linear": {}}
    tasks: list[int] = []
    for form, values in pairs.items():
        for seed in SEEDS:
            key = f"place_daml-{form}_human" + (f"_seed{seed}" if seed else "")
            if key in found:
                outcomes = [(c.task, o.success) for c in found[key] for o in c.outcomes["success"]]
                tasks = [task for task, _ in outcomes]
                values[seed] = np.array([success for _, success in outcomes], float)
    if set(pairs["temporal"]) == set(pairs["linear"]) == set(SEEDS):
        gain = paired_difference(pairs["temporal"], pairs["linear"], tasks)
        out["temporal_minus_linear_place_human"] = replace(Metric.rate(gain, [0]), unit="1")
    return out


def _rate(cases: Sequence[Case]) -> Metric:
    pairs = [(o.success, c.task) for c in cases for o in c.outcomes["success"]]
    values, tasks = zip(*pairs, strict=True)
    return Metric.rate(bootstrap_ci(np.array(values, float), tasks), [0])


def picture(figures: Mapping[str, Metric], path: Path) -> None:
    """Bars of every cell with their intervals, the published figures as marks."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    drawing = Figure(figsize=(11, 7), layout="constrained")
    FigureCanvasAgg(drawing)
    rows = drawing.subplots(len(NARROW), len(FAMILIES), sharey=True, sharex=True)
    for i, kind in enumerate(NARROW):
        for j, family in enumerate(FAMILIES):
            axes = rows[i][j]
            for k, method in enumerate(METHODS):
                key = f"{family}_{method.key}_{kind}"
                if key in figures:
                    value, ci = figures[key].value, figures[key].ci95
                    low, high = ci or (value, value)
                    error = [[max(value - low, 0.0)], [max(high - value, 0.0)]]
                    axes.barh(k, value, xerr=error, color="#4c78a8", ecolor="#555555", height=0.7)
                else:
                    axes.text(0.02, k, "cannot use it" if kind not in method.takes else "-",
                              va="center", fontsize=8, color="#888888")  # fmt: skip
                if key in PUBLISHED:
                    axes.plot(PUBLISHED[key].value, k, "D", color="#e45756", markersize=6)
            axes.set_xlim(0, 1)
            axes.set_yticks(range(len(METHODS)), [m.title for m in METHODS])
            axes.set_title(f"{family.replace('_', ' and ')}, shown by a {kind}", fontsize=10)
            axes.grid(axis="x", alpha=0.3)
    rows[0][0].invert_yaxis()
    drawing.supxlabel("success after one demonstration (diamond: published, other robots)")
    drawing.savefig(path, dpi=110)
