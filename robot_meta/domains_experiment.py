"""A domain that was never trained on: MLDG beside training on all domains at once.

What shape is the thing in the picture? One of four domains (camera angle, surface, light, colour
cast) is left out of training in turn. All is rendered and trained here.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from robot_meta import report
from robot_meta.checkpoint import digest
from robot_meta.data import domain_crops
from robot_meta.data.domain_crops import DOMAINS, SHAPES, SIDE, Crops
from robot_meta.few_shot import Examples
from robot_meta.learners.mldg import Mldg, make
from robot_meta.loops import TrainConfig
from robot_meta.results import Metric, Published, append_test_log
from robot_meta.statistics import bootstrap_ci
from robot_meta.trained import Watch, averaged
from robot_meta.training import Run
from robot_meta.types import Params

NAME = "domains"
NET = {"kind": "plain", "inputs": [3, SIDE, SIDE], "widths": [16, 32, 32, 32]}
ROWS: Mapping[str, Sequence[Mapping[str, float]]] = {
    "pooled": ({"beta": 0.0},),
    "mldg": tuple({"beta": 1.0, "alpha": alpha} for alpha in (0.01, 0.1)),
}
"""Settings, from which pictures of training domains choose, of things that are not trained on."""
RATE, BATCH = 2e-3, 32
"""Adam's step size, and pictures of each domain a step."""
PUBLISHED = {
    "mldg_minus_pooled": Published(
        value=0.01,
        source="Li et al. 2018, PACS, AlexNet, mean over domains (about one point)",
        differs="theirs are photographs, paintings, cartoons and sketches of seven kinds of "
        "things, and a network trained on ImageNet; ours are renders of five shapes",
    )
}
Sets = Mapping[str, Mapping[str, Crops]]
"""By domain and split."""


@dataclass(frozen=True)
class Effort:
    """Of a run."""

    tasks: Mapping[str, int]
    """Scenes of each domain, by split."""
    steps: int
    seeds: tuple[int, ...]


FULL = Effort({"train": 150, "val": 60, "test": 90}, 400, (0, 1))
QUICK = Effort({"train": 30, "val": 30, "test": 30}, 60, (0,))


def run(
    *, quick: bool = False, out: Path | None = None, watch: Watch = lambda things, *_: things
) -> dict[str, Metric]:
    """Leave each domain out in turn; write the results file and its figure.

    Args:
        quick: few pictures and steps.
        out: results file; results/domains.json, or -quick, if not given.
        watch: passes things through while showing progress (things, what, total).
    """
    began = time.monotonic()
    effort = QUICK if quick else FULL
    sets = pictures(effort, watch)
    chosen = _chosen(sets, effort, quick, watch)
    right: dict[str, dict[str, NDArray[np.float64]]] = {name: {} for name in ROWS}
    for name, settings in chosen.items():
        hashes = []
        for held in DOMAINS:
            found = []
            for seed in effort.seeds:
                learner, theta = trained(sets, held, settings, seed, effort, quick, watch)
                hashes.append(digest(theta))
                found.append(correct(learner, theta, sets[held]["test"]))
            right[name][held] = np.mean(found, 0)
        told = {held: float(values.mean()) for held, values in right[name].items()}
        summary = {"seeds": list(effort.seeds), "metrics": told}
        append_test_log(report.RESULTS, f"experiment {NAME}: {name}", ",".join(hashes), summary)
    metrics = _metrics(right, sets, effort.seeds)
    path = report.publish(
        NAME,
        _protocol(effort),
        metrics,
        published=PUBLISHED,
        config={"effort": effort, "settings": chosen, "net": NET},
        began=began,
        quick=quick,
        out=out,
    )
    picture(metrics, path.with_suffix(".png"))
    report.show(metrics)
    return metrics


def pictures(effort: Effort, watch: Watch) -> Sets:
    """Of every domain and split."""
    show: Any = watch
    return {
        domain: {
            split: domain_crops.load(domain, split, count, 2, show)
            for split, count in effort.tasks.items()
        }
        for domain in DOMAINS
    }


def sources(held: str) -> tuple[str, ...]:
    """The domains to train on when `held` is left out."""
    return tuple(domain for domain in DOMAINS if domain != held)


def trained(
    sets: Sets,
    held: str,
    settings: Mapping[str, float],
    seed: int,
    effort: Effort,
    quick: bool,
    watch: Watch,
) -> tuple[Mldg, Params]:
    """A learner that saw every domain but `held`, and its averaged parameters."""
    learner = make({"encoder": NET, "outputs": len(SHAPES), **settings})
    seen = [sets[domain]["train"] for domain in sources(held)]
    run = Run(
        learner=learner,  # type: ignore[arg-type]
        trainable=learner,
        sample=lambda rng: drawn(seen, rng),
        start=learner.init(seed),
    )
    words = "-".join(str(value) for value in settings.values())
    folder = None if quick else Path(f"runs/{NAME}-{held}-{words}-{effort.steps}-seed{seed}")
    config = TrainConfig(steps=effort.steps, tasks=1, rate=RATE, average=0.98, warmup=20, seed=seed)
    return learner, averaged(run, config, folder, f"without {held}, {words}", watch)


def drawn(seen: Sequence[Crops], rng: np.random.Generator) -> Examples:
    """`BATCH` pictures of each domain, the domains in an order of chance."""
    order = rng.permutation(len(seen))
    index = [rng.integers(len(seen[d]), size=BATCH) for d in order]
    rgb = np.stack([seen[d].rgb[i] for d, i in zip(order, index, strict=True)])
    y = np.stack([seen[d].shape[i] for d, i in zip(order, index, strict=True)])
    return Examples(_pixels(rgb), torch.from_numpy(y))


def correct(learner: Mldg, theta: Params, crops: Crops) -> NDArray[np.float64]:
    """(M,): 1 for a picture whose shape is told, else 0."""
    with torch.no_grad():
        found = learner.predict(theta, _pixels(crops.rgb)).argmax(-1).numpy()
    return np.asarray(found == crops.shape, np.float64)


def _pixels(rgb: NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(np.moveaxis(rgb, -1, -3).copy()).float() / 255


def _chosen(
    sets: Sets, effort: Effort, quick: bool, watch: Watch
) -> dict[str, Mapping[str, float]]:
    """For each row the settings that are best on what may be looked at, with the first seed."""

    def score(settings: Mapping[str, float]) -> float:
        rows = []
        for held in DOMAINS:
            learner, theta = trained(sets, held, settings, effort.seeds[0], effort, quick, watch)
            rows += [correct(learner, theta, sets[d]["val"]).mean() for d in sources(held)]
        return float(np.mean(rows))

    return {
        name: max(choices, key=score) if len(choices) > 1 else choices[0]
        for name, choices in ROWS.items()
    }


def _metrics(
    right: Mapping[str, Mapping[str, NDArray[np.float64]]], sets: Sets, seeds: tuple[int, ...]
) -> dict[str, Metric]:
    """Accuracies by domain, their means, and what MLDG has more; intervals over scenes."""
    out: dict[str, Metric] = {}
    more = {held: right["mldg"][held] - right["pooled"][held] for held in DOMAINS}
    for name, rows in {**right, "mldg_minus_pooled": more}.items():
        key = f"accuracy_{name}" if name in right else name
        scenes = {held: sets[held]["test"].task.tolist() for held in DOMAINS}
        for held, values in rows.items():
            out[f"{key}_{held}"] = _metric(values, scenes[held], seeds)
        together = [f"{held}-{t}" for held in DOMAINS for t in scenes[held]]
        out[key] = _metric(np.concatenate([rows[held] for held in DOMAINS]), together, seeds)
    return out


def _metric(values: NDArray[np.float64], scenes: Sequence[Any], seeds: tuple[int, ...]) -> Metric:
    found = bootstrap_ci(values, list(scenes))
    return Metric(value=found.value, unit="rate", n=found.trials, ci95=found.ci95, seeds=seeds)


def _protocol(effort: Effort) -> str:
    train, val, test = effort.tasks.values()
    return (
        f"Which of {len(SHAPES)} shapes a thing has, in a picture of {SIDE}x{SIDE} pixels cut out "
        f"around it. Each of {len(DOMAINS)} domains is left out of training in turn; the others "
        f"give {train} scenes of three things to train on and {val} with looks of their own to "
        f"choose settings by; judged on {test} scenes of the domain left out, with looks that are "
        f"in neither. Two pictures a scene. {effort.steps} Adam steps of {BATCH} pictures a "
        f"domain; training seeds {effort.seeds}, of which the mean is taken. Intervals by "
        "bootstrap over scenes; `minus` is paired."
    )


def picture(metrics: Mapping[str, Metric], path: Path) -> None:
    """Accuracy in each domain that was left out."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.0, 3.0), layout="constrained")
    axes: Any = figure.add_subplot()
    titles = {"pooled": "all domains at once", "mldg": "MLDG"}
    for at, (name, colour) in enumerate(zip(ROWS, ("#8c9bb0", "#c44e52"), strict=True)):
        row = [metrics[f"accuracy_{name}_{held}"] for held in DOMAINS]
        ends = [[abs(m.value - m.ci95[end]) if m.ci95 else 0.0 for m in row] for end in (0, 1)]
        places = np.arange(len(DOMAINS)) + 0.36 * at - 0.18
        axes.bar(places, [m.value for m in row], 0.34, yerr=ends, color=colour, label=titles[name])
    axes.axhline(1 / len(SHAPES), color="black", linewidth=0.8, linestyle=":")
    axes.set_xticks(range(len(DOMAINS)), DOMAINS)
    axes.set_xlabel("domain left out of training (dotted: chance)", fontsize=9)
    axes.set_ylabel("accuracy", fontsize=9)
    axes.set_ylim(0, 1)
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=110)
