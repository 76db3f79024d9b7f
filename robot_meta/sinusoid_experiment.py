"""MAML on sinusoids beside pre-training with fine-tuning and an oracle: error over gradient steps.

Finn et al. 2017, section 5.1 and figure 3. Everything is trained here, in minutes.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.func import vmap

from robot_meta import few_shot_tasks, report
from robot_meta.few_shot import Episodes, Examples
from robot_meta.few_shot_training import prepare
from robot_meta.learners.maml import Maml
from robot_meta.loops import TrainConfig
from robot_meta.results import Metric
from robot_meta.statistics import bootstrap_ci
from robot_meta.trained import Watch, averaged
from robot_meta.types import Params

NAME = "sinusoid"
STEPS, QUICK_STEPS, BATCH, SHOT = 15_000, 1_500, 25, 10
RATE = 2e-3
CURVE = 10
"""Gradient steps in tests."""
TESTS, SHOTS = 600, (5, 10, 20)
ALPHAS = (0.001, 0.003, 0.01, 0.03)
"""Step sizes that fine-tuning may choose from, on validation tasks."""


@dataclass(frozen=True)
class Method:
    """A row."""

    title: str
    settings: Mapping[str, Any]
    told: bool = False
    """Whether amplitude and phase are part of x."""
    tuned: bool = False
    """Whether the step size of tests is chosen on validation tasks."""


METHODS = {
    "maml": Method("MAML", {"alpha": 0.01}),
    "first_order": Method("first-order MAML", {"alpha": 0.01, "second_order": False}),
    "pretrained": Method("pre-trained, fine-tuned", {"steps": 0}, tuned=True),
    "oracle": Method("oracle (told A and phase)", {"steps": 0}, told=True),
}


def run(
    *, quick: bool = False, out: Path | None = None, watch: Watch = lambda steps, *_: steps
) -> dict[str, Metric]:
    """Train and evaluate every method; write the results file and its figure.

    Args:
        quick: few steps of training.
        out: results file; results/sinusoid.json, or -quick, if not given.
        watch: passes steps through while showing progress (steps, what, total).
    """
    began = time.monotonic()
    steps = QUICK_STEPS if quick else STEPS
    curves: dict[str, dict[int, NDArray[np.float64]]] = {}
    chosen: dict[str, float] = {}
    for name, method in METHODS.items():
        learner, theta = _trained(name, method, steps, quick, watch)
        if method.tuned:
            learner = min(_retuned(learner), key=lambda each: _validation(each, theta))
            chosen[name] = learner.config.alpha
        curves[name] = {shot: _curve(learner, theta, method, shot, "test") for shot in SHOTS}
    metrics = {
        f"mse_{name}_{shot}_shots_{k}_steps": _metric(values[:, k])
        for name, by_shot in curves.items()
        for shot, values in by_shot.items()
        for k in range(values.shape[1])
    }
    path = report.publish(
        NAME,
        f"{TESTS} test sinusoids (A in [0.1, 5], phase in [0, pi], x in [-5, 5]), "
        f"{few_shot_tasks.POINTS} points each to be judged by, after 0 to {CURVE} gradient steps "
        f"on 5, 10 or 20 points. Every method: 1-40-40-1 ReLU, {steps} Adam steps of {BATCH} tasks "
        f"of {SHOT} + {SHOT} points, one training seed. MAML trains one inner step of 0.01. "
        "Pre-training fits all tasks at once; the step of its fine-tuning is chosen on validation "
        "tasks. The oracle is told amplitude and phase and takes no step. The paper prints curves "
        "and no table. Intervals by bootstrap over tasks.",
        metrics,
        config={"steps": steps, "batch": BATCH, "fine_tuning": chosen},
        began=began,
        quick=quick,
        out=out,
    )
    picture(curves, path.with_suffix(".png"))
    report.show({key: m for key, m in metrics.items() if "10_shots" in key and _told(key)})
    return metrics


def _told(key: str) -> bool:
    return key.endswith(("_0_steps", "_1_steps", "_10_steps"))


def _trained(
    name: str, method: Method, steps: int, quick: bool, watch: Watch
) -> tuple[Maml, Params]:
    """The averaged parameters of a run, which goes on where it was stopped unless it is quick."""
    tasks = few_shot_tasks.sinusoid(SHOT, SHOT, told=method.told)
    run = prepare("maml", tasks, {"test_steps": 1, **method.settings}, BATCH)
    config = TrainConfig(steps=steps, tasks=1, rate=RATE, average=0.99)
    folder = None if quick else Path(f"runs/few-shot/{NAME}-{name}")
    theta = averaged(run, config, folder, method.title, watch)
    assert isinstance(run.learner, Maml)
    return run.learner, theta


def _retuned(learner: Maml) -> list[Maml]:
    return [Maml(replace(learner.config, alpha=alpha)) for alpha in ALPHAS]


def _validation(learner: Maml, theta: Params) -> float:
    """Error after all steps."""
    method = Method("", {})
    return float(_curve(learner, theta, method, SHOT, "val")[:, -1].mean())


def _curve(
    learner: Maml, theta: Params, method: Method, shot: int, split: few_shot_tasks.Split
) -> NDArray[np.float64]:
    """(tasks, steps + 1) mean squared errors; the oracle takes no steps."""
    tasks = few_shot_tasks.sinusoid(shot, shot, told=method.told)
    drawn = tasks.draws[split](few_shot_tasks.stream(split, NAME, 0), TESTS)
    return curve(learner, theta, drawn, 0 if method.told else CURVE)


def curve(learner: Maml, theta: Params, tasks: Episodes, steps: int) -> NDArray[np.float64]:
    """(B, steps + 1): mean squared error of each task's queries after 0 .. steps inner steps."""

    def one(support: Examples, query: Examples) -> torch.Tensor:
        path = islice(learner.path(theta, support), steps + 1)
        errors = [(learner.predict(phi, query.x) - query.y).square().mean() for phi in path]
        return torch.stack(errors)

    with torch.no_grad():
        found: torch.Tensor = vmap(one)(tasks.support, tasks.query)
    return found.double().numpy()


def _metric(values: NDArray[np.float64]) -> Metric:
    found = bootstrap_ci(values, list(range(len(values))))
    return Metric(value=found.value, unit="mse", n=found.trials, ci95=found.ci95, seeds=(0,))


def picture(curves: Mapping[str, Mapping[int, NDArray[np.float64]]], path: Path) -> None:
    """Error over gradient steps, one panel a number of shots."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 3.0), layout="constrained")
    for column, shot in enumerate(SHOTS):
        axes: Any = figure.add_subplot(1, len(SHOTS), column + 1)
        for name, by_shot in curves.items():
            mean = by_shot[shot].mean(0)
            if len(mean) == 1:
                mean = np.repeat(mean, CURVE + 1)
            axes.plot(np.arange(len(mean)), mean, label=METHODS[name].title, marker=".")
        axes.set_yscale("log")
        axes.set_title(f"{shot} points", fontsize=10)
        axes.set_xlabel("gradient steps", fontsize=9)
        if not column:
            axes.set_ylabel("mean squared error", fontsize=9)
            axes.legend(fontsize=7)
    figure.savefig(path, dpi=110)
