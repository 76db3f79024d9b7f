"""Click a thing in one picture of the table, get its mask in another: four ways.

Guided networks and OSLSM beside fine-tuning a network that tells things from the table, and a rule
of colours. All is rendered and trained here.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_meta import report
from robot_meta.checkpoint import digest
from robot_meta.data.table_pictures import TableSet, Wanted, load
from robot_meta.results import Metric, Published, append_test_log
from robot_meta.segmentation import table, training
from robot_meta.segmentation.episodes import Clicking, Segmenter
from robot_meta.segmentation.training import overlaps
from robot_meta.statistics import bootstrap_ci
from robot_meta.trained import Watch
from robot_meta.types import Params

NAME = "segmentation"
FAMILIES, VIEWS = ("reach", "place"), 6
SEEDS = (0, 1, 2)
CLICKS, SHOTS = (1, 3, 5), (1, 5)
ROWS = {
    "guided": "guided network",
    "oslsm": "OSLSM",
    "foreground": "fine-tuned last layer",
    "colour": "nearest colour",
}
CHOICES: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "guided": ({},),
    "oslsm": ({},),
    "foreground": tuple({"alpha": a, "steps": n} for a in (0.3, 1.0, 3.0) for n in (5, 20)),
    "colour": tuple({"tolerance": t} for t in (0.05, 0.1, 0.15, 0.2, 0.3)),
}
"""Settings of tests, from which validation tasks choose."""
PUBLISHED = {
    "miou_oslsm_1_shot_5_clicks": Published(
        value=0.408,
        source="Shaban et al. 2017, one shot, PASCAL-5i, mean over folds",
        differs="theirs are photographs, whole masks and mean over classes; ours are rendered, a "
        "few pixels and mean over scenes",
    ),
    "miou_oslsm_5_shots_5_clicks": Published(
        value=0.439,
        source="Shaban et al. 2017, five shots, PASCAL-5i, mean over folds",
        differs="as with one shot",
    ),
}


@dataclass(frozen=True)
class Effort:
    """Of a run."""

    tasks: Mapping[str, int]
    """Scenes of each family, by split."""
    steps: int
    """Of training."""
    seeds: tuple[int, ...]


FULL = Effort({"train": 210, "val": 60, "test": 90}, 1500, SEEDS)
QUICK = Effort({"train": 30, "val": 6, "test": 30}, 150, SEEDS[:1])


def run(
    *, quick: bool = False, out: Path | None = None, watch: Watch = lambda things, *_: things
) -> dict[str, Metric]:
    """Train and evaluate every way; write the results file and its figure.

    Args:
        quick: few pictures and steps.
        out: results file; results/segmentation.json, or -quick, if not given.
        watch: passes things through while showing progress (things, what, total).
    """
    began = time.monotonic()
    effort = QUICK if quick else FULL
    sets = {split: pictures(split, count, watch) for split, count in effort.tasks.items()}
    metrics: dict[str, Metric] = {}
    chosen: dict[str, Any] = {}
    hashes: dict[str, str] = {}
    values: dict[str, NDArray[np.float64]] = {}
    for name in ROWS:
        folder = None if quick else Path(f"runs/{NAME}-{name}")
        params = trained(name, sets["train"], effort.steps, folder, watch)
        hashes[name] = digest(params)
        settings = chosen[name] = _chosen(name, params, sets["val"])
        learner = table.make(name, settings)
        for shots, clicks in ((s, c) for s in SHOTS for c in CLICKS):
            case = case_of(shots, clicks)
            found = _all(learner, params, sets["test"], shots, clicks, effort.seeds)
            values[f"{name}_{case}"] = found
            metrics[f"miou_{name}_{case}"] = _metric(found, effort.seeds)
            if name != "guided":
                more = values[f"guided_{case}"] - found
                metrics[f"guided_minus_{name}_{case}"] = _metric(more, effort.seeds)
        told = {k: m.value for k, m in metrics.items() if k.startswith(f"miou_{name}")}
        summary = {"seeds": list(effort.seeds), "metrics": told}
        append_test_log(report.RESULTS, f"experiment {NAME}: {name}", hashes[name], summary)
    path = report.publish(
        NAME,
        _protocol(effort),
        metrics,
        published=PUBLISHED,
        config={"effort": effort, "settings": chosen, "checkpoints": hashes},
        began=began,
        quick=quick,
        out=out,
    )
    picture(metrics, path.with_suffix(".png"))
    report.show({key: m for key, m in metrics.items() if key.startswith("miou")})
    return metrics


def pictures(split: str, tasks: int, watch: Watch) -> TableSet:
    """Scenes of both families of a split."""
    wanted = [Wanted(family=f, split=split, tasks=tasks, views=VIEWS) for f in FAMILIES]
    show: Any = watch
    return TableSet.joined([load(each, watch=show) for each in wanted])


def trained(name: str, data: TableSet, steps: int, folder: Path | None, watch: Watch) -> Params:
    """Parameters of a row; none for the rule of colours."""
    learner = table.make(name, {})
    return training.train(learner, data, steps, folder, watch) if name != "colour" else {}


def _chosen(name: str, params: Params, data: TableSet) -> Mapping[str, Any]:
    """The settings with the largest mean overlap after 3 clicks on validation scenes."""
    choices = CHOICES[name]
    if len(choices) == 1:
        return choices[0]
    return max(
        choices,
        key=lambda c: float(_all(table.make(name, c), params, data, 1, 3, (0,)).mean()),
    )


def _all(
    learner: Segmenter,
    params: Params,
    data: TableSet,
    shots: int,
    clicks: int,
    seeds: Sequence[int],
) -> NDArray[np.float64]:
    """(scenes,) overlaps, means over seeds; without the scenes of which nothing could be asked."""
    how = Clicking(shots=shots, positive=clicks)
    rows = np.stack([np.concatenate(list(overlaps(learner, params, data, how, s))) for s in seeds])
    mean: NDArray[np.float64] = np.nanmean(rows[:, ~np.isnan(rows).all(0)], 0)
    return mean


def _metric(values: NDArray[np.float64], seeds: tuple[int, ...]) -> Metric:
    found = bootstrap_ci(values, list(range(len(values))))
    return Metric(value=found.value, unit="IoU", n=found.trials, ci95=found.ci95, seeds=seeds)


def _protocol(effort: Effort) -> str:
    counts = ", ".join(
        f"{2 * n} scenes to {w}"
        for n, w in zip(effort.tasks.values(), ("train on", "choose by", "test on"), strict=True)
    )
    return (
        "Tables of three things, solid ones in half of the scenes and open containers in the "
        f"other, 80x80 pixels: {counts}, whose looks and shapes are of disjoint splits; {VIEWS} "
        "pictures of each scene, the things put elsewhere, light and camera drawn anew. Some "
        "pixels of a thing are labelled in 1 or 5 pictures; its mask is wanted in another. `miou`: "
        "intersection over union of things of which 12 pixels or more show, mean over a scene's "
        f"things, then over scenes; evaluation seeds {effort.seeds} draw pictures and clicks. "
        f"{effort.steps} steps of {training.BATCH} scenes, one training seed. Settings of tests "
        "are chosen on validation scenes at 3 clicks. `guided_minus`: the mean difference on "
        "the same pixels. Intervals by bootstrap over scenes."
    )


def picture(metrics: Mapping[str, Metric], path: Path) -> None:
    """Overlap over clicks, one panel a number of pictures shown."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 3.0), layout="constrained")
    for column, shots in enumerate(SHOTS):
        axes: Any = figure.add_subplot(1, len(SHOTS), column + 1)
        for name, title in ROWS.items():
            row = [metrics[f"miou_{name}_{case_of(shots, clicks)}"] for clicks in CLICKS]
            low, high = (
                [abs(m.value - m.ci95[end]) if m.ci95 else 0.0 for m in row] for end in (0, 1)
            )
            axes.errorbar(CLICKS, [m.value for m in row], [low, high], label=title, marker=".")
        axes.set_title(f"{shots} picture{'s' * (shots > 1)} shown", fontsize=10)
        axes.set_xlabel("clicks in each", fontsize=9)
        axes.set_xticks(CLICKS)
        axes.set_ylim(0, 1)
        if not column:
            axes.set_ylabel("intersection over union", fontsize=9)
            axes.legend(fontsize=7)
    figure.savefig(path, dpi=110)


def case_of(shots: int, clicks: int) -> str:
    """As keys name it."""
    return f"{shots}_shot{'s' * (shots > 1)}_{clicks}_click{'s' * (clicks > 1)}"
