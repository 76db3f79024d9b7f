"""Pose of things that were never seen: do learners adapt to a new task, or remember the old ones?

Yin et al. 2020, section 6.2, on things composed and rendered here. Everything is trained here.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_meta import checkpoint, report, trained
from robot_meta.data import pose
from robot_meta.data.pose import PoseSet, PoseTasks
from robot_meta.few_shot import Episodes
from robot_meta.few_shot_tasks import Split, Tasks, stream
from robot_meta.few_shot_training import prepare
from robot_meta.learners.maml import Maml
from robot_meta.loops import TrainConfig
from robot_meta.results import Metric, Published, append_test_log
from robot_meta.sinusoid_experiment import curve
from robot_meta.statistics import bootstrap_ci
from robot_meta.trained import Watch
from robot_meta.types import Params

NAME = "pose"
BATCH, SHOT, QUERY = 5, 10, 10
HURRY = 10
"""Quick is so many times fewer steps."""
JUDGED, OLD = 20, 60
"""Queries of a task in validation and tests; training tasks that are looked at again."""
RATE, AVERAGE = 3e-3, 0.99
SEEDS, QUICK_SEEDS = (0,), (0,)
"""Of fresh parameters and of the tasks drawn in training."""
CURVE = 5
"""Most gradient steps in tests: with many more than were trained for, single tasks diverge."""
FINE = (0.003, 0.01, 0.03)
"""Step sizes that fine-tuning may choose from, on validation tasks."""
NET = {"kind": "plain", "inputs": [1, pose.SIZE, pose.SIZE], "widths": [8, 16, 32, 32]}
GUESS = 0.5
"""The error of whoever always answers with the mean label."""
SOURCE = "Yin et al. 2020, pose prediction"
DIFFERS = (
    "one number from 0 to 10 a turn (the mean label would err by 8.3), Pascal3D models at 128 "
    "pixels; ours are sine and cosine (the mean label errs by 0.5)"
)


@dataclass(frozen=True)
class Method:
    """A row."""

    title: str
    learner: str
    settings: Mapping[str, Any]
    steps: int = 1_500
    """Meta-steps."""
    tuned: bool = False
    """Whether the step size of tests is chosen on validation tasks too."""


HEAD_ALONE = {"alpha": 0.1, "steps": 3}
METHODS = {
    "finetune": Method("one network, fine-tuned", "maml", {"steps": 0}, tuned=True),
    "maml": Method("MAML", "maml", {"steps": 1, "alpha": 0.05}, 900),
    "anil": Method("MAML, the head alone", "mrmaml", {**HEAD_ALONE, "bottleneck": "none"}),
    "mr_weights": Method(
        "regularised: weights",
        "mrmaml",
        {**HEAD_ALONE, "bottleneck": "weights", "beta": 1e-5},
    ),
    "mr_activations": Method(
        "regularised: activations",
        "mrmaml",
        {**HEAD_ALONE, "bottleneck": "activations", "beta": 1e-3},
    ),
}
PUBLISHED = {"maml": 5.39, "mr_weights": 2.26}
ENDS: tuple[tuple[Split, str], ...] = (("test", ""), ("train", "_train"))
"""Splits that are told of, and the ends of their figures' names."""


def run(
    *, quick: bool = False, out: Path | None = None, watch: Watch = lambda steps, *_: steps
) -> dict[str, Metric]:
    """Train and evaluate every method; write the results file and its figure.

    Args:
        quick: few steps of training.
        out: results file; results/pose.json, or -quick, if not given.
        watch: passes steps through while showing progress (steps, what, total).
    """
    began = time.monotonic()
    splits: tuple[Split, ...] = ("train", "val", "test")
    sets = {split: pose.load(split) for split in splits}
    seeds = QUICK_SEEDS if quick else SEEDS
    judged = {split: judging(sets[split], split) for split in splits}
    curves: dict[str, dict[Split, NDArray[np.float64]]] = {}
    chosen: dict[str, list[tuple[float, int]]] = {}
    for name, method in METHODS.items():
        found: dict[Split, list[NDArray[np.float64]]] = {split: [] for split in splits}
        chosen[name] = []
        for seed in seeds:
            learner, theta = _trained(name, method, sets, seed, quick, watch)
            learner = _retuned(learner, theta, judged["val"]) if method.tuned else learner
            for split in splits:
                found[split].append(curve(learner, theta, judged[split], CURVE))
            best = int(found["val"][-1].mean(0).argmin())
            chosen[name].append((learner.config.alpha, best))
            summary = {"seed": seed, "mse": float(found["test"][-1][:, best].mean())}
            command = f"experiment {NAME}: {name}"
            append_test_log(report.RESULTS, command, checkpoint.digest(theta), summary)
        curves[name] = {split: np.stack(values) for split, values in found.items()}
    metrics = figures(curves, seeds)
    path = report.publish(
        NAME,
        _protocol(seeds, 1 / HURRY if quick else 1),
        metrics,
        published={
            f"mse_{name}": Published(value=value, source=SOURCE, differs=DIFFERS)
            for name, value in PUBLISHED.items()
        },
        config={
            "batch": BATCH,
            "meta_steps": {name: method.steps for name, method in METHODS.items()},
            "net": NET,
            "alpha_and_steps_in_tests": chosen,
            "methods": {name: method.settings for name, method in METHODS.items()},
        },
        began=began,
        quick=quick,
        out=out,
    )
    picture(curves, sets["test"], path.with_suffix(".png"))
    report.show({key: metric for key, metric in metrics.items() if "_steps" not in key})
    return metrics


def judging(data: PoseSet, split: Split) -> Episodes:
    """Every task of a split once (of training tasks some), each with pictures of its own draw."""
    sampler = PoseTasks(data, shot=SHOT, query=JUDGED)
    which = np.arange(len(data) if split != "train" else min(len(data), OLD))
    return sampler.of(which, stream(split, NAME, 0))


def _trained(
    name: str,
    method: Method,
    sets: Mapping[Split, PoseSet],
    seed: int,
    quick: bool,
    watch: Watch,
) -> tuple[Any, Params]:
    """The learner and its averaged parameters; goes on where it was stopped unless it is quick."""
    draws = {split: PoseTasks(data, shot=SHOT, query=QUERY).draw for split, data in sets.items()}
    tasks = Tasks(NAME, {"encoder": NET, "outputs": pose.OUTPUTS}, draws)
    run = prepare(method.learner, tasks, method.settings, BATCH, seed)
    steps = max(1, method.steps // HURRY) if quick else method.steps
    config = TrainConfig(steps=steps, tasks=1, rate=RATE, average=AVERAGE, seed=seed)
    folder = None if quick else Path(f"runs/few-shot/{NAME}-{name}-{steps}-seed{seed}")
    return run.learner, trained.averaged(run, config, folder, f"{method.title}, {seed}", watch)


def _retuned(learner: Maml, theta: Params, tasks: Episodes) -> Maml:
    """The learner with the step size that is best on validation tasks after all steps."""
    each = [Maml(replace(learner.config, alpha=alpha)) for alpha in FINE]
    return min(each, key=lambda one: float(curve(one, theta, tasks, CURVE).mean(0).min()))


def figures(
    curves: Mapping[str, Mapping[Split, NDArray[np.float64]]], seeds: Sequence[int]
) -> dict[str, Metric]:
    """By method: error on test tasks after the steps that validation chose, and after each number.

    `mse_METHOD`: on test tasks, after as many gradient steps as are best on validation tasks;
    `mse_METHOD_train`: likewise on training tasks; `..._K_steps`: after K; `less_than_anil_METHOD`:
    by how much less a regularised learner errs on the same test tasks.
    """
    out: dict[str, Metric] = {}
    kept: dict[str, NDArray[np.float64]] = {}
    for name, splits in curves.items():
        best = splits["val"].mean(1).argmin(1)
        for split, end in ENDS:
            values = np.stack([one[:, k] for one, k in zip(splits[split], best, strict=True)])
            out[f"mse_{name}{end}"] = _metric(values, seeds)
            kept[name + end] = values
            for k in range(splits[split].shape[2]):
                out[f"mse_{name}{end}_{k}_steps"] = _metric(splits[split][:, :, k], seeds)
    for name in ("mr_weights", "mr_activations"):
        if {"anil", name} <= set(kept):
            out[f"less_than_anil_{name}"] = _metric(kept["anil"] - kept[name], seeds)
    return out


def _metric(values: NDArray[np.float64], seeds: Sequence[int]) -> Metric:
    """Of (seeds, tasks), with an interval over tasks."""
    found = bootstrap_ci(values.mean(0), list(range(values.shape[1])))
    return Metric(
        value=found.value, unit="mse", n=found.trials, ci95=found.ci95, seeds=tuple(seeds)
    )


def _protocol(seeds: Sequence[int], share: float) -> str:
    (tasks, shapes), (held, _), (judged, _) = (pose.TASKS[s] for s in ("train", "val", "test"))
    steps = ", ".join(f"{name} {max(1, round(share * m.steps))}" for name, m in METHODS.items())
    return (
        f"{tasks} training tasks of {shapes} shapes of {len(pose.FAMILIES)} families, {held} "
        f"validation and {judged} test tasks of as many other shapes of the same families, "
        f"rendered in MuJoCo at {pose.SIZE} pixels, grey. A task is a shape and a camera at an "
        "unknown bearing; labels are sine and cosine of the thing's azimuth in the room's frame, "
        f"errors mean squared (the mean label errs by {GUESS}). {SHOT} labelled pictures to adapt "
        f"on, {JUDGED} to be judged by. Adam steps of {BATCH} tasks: {steps}; MAML adapts all "
        "parameters in one inner step (three times the work), the last three the head in 3. "
        f"Training seeds {tuple(seeds)}. The number of gradient steps in tests, 0 to "
        f"{CURVE}, is each method's best on validation tasks, as are the step size of fine-tuning "
        "and the weight of the information. Intervals by bootstrap over tasks."
    )


def picture(
    curves: Mapping[str, Mapping[Split, NDArray[np.float64]]], data: PoseSet, path: Path
) -> None:
    """Test pictures; error over gradient steps on tasks of training and on new ones."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 3.4), layout="constrained")
    grid = figure.add_gridspec(1, 3, width_ratios=(1.0, 1.2, 1.2))
    axes: Any = figure.add_subplot(grid[0])
    rows = [np.concatenate(list(data.images[t, :4]), 1) for t in range(min(5, len(data)))]
    axes.imshow(np.concatenate(rows), cmap="gray", vmin=0, vmax=255)
    axes.set_title("test tasks, a row each", fontsize=9)
    axes.set_axis_off()
    parts: tuple[tuple[Split, str], ...] = (("train", "training tasks"), ("test", "test tasks"))
    for column, (split, title) in enumerate(parts):
        axes = figure.add_subplot(grid[column + 1])
        for name, splits in curves.items():
            mean = splits[split].mean((0, 1))
            axes.plot(np.arange(len(mean)), mean, marker=".", label=METHODS[name].title)
        axes.axhline(GUESS, color="0.6", linestyle=":", linewidth=1)
        axes.set_title(f"{title} (dotted: the mean label)", fontsize=9)
        axes.set_xlabel("gradient steps", fontsize=9)
        axes.set_ylim(0, 1.7 * GUESS)
        if column:
            axes.legend(fontsize=7)
        else:
            axes.set_ylabel("mean squared error", fontsize=9)
    figure.savefig(path, dpi=110)
