"""GrBAL by what it adapts on, what it is trained for, and how much motion there is to train on.

M steps to adapt on, K steps that training asks for afterwards; shares of a world's set. What is
measured is the error of the same future steps for all, and, of shares, the return too. Everything
is trained here, shortly; M and K begin with the shipped MB.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from robot_meta import checkpoint, report
from robot_meta import evaluate_online as online
from robot_meta.config import as_dict
from robot_meta.cpu import multiplies_bfloat16
from robot_meta.data.motion_set import MotionSet
from robot_meta.evaluate_online import ERROR_WINDOWS, Method, Trials
from robot_meta.frame import framed_chunk
from robot_meta.locomotion import PLANNER, STEPS, World
from robot_meta.loops import TrainConfig
from robot_meta.motion import Chunk, MotionLearner, Steps, future_error
from robot_meta.motion_commands import motion_path
from robot_meta.motion_training import Start, prepare
from robot_meta.online import OnlineConfig
from robot_meta.results import Metric, append_test_log
from robot_meta.statistics import bootstrap_ci
from robot_meta.trained import Watch, averaged
from robot_meta.types import Params

NAME = "online-sweep"
WORLD = World(robot="half_cheetah", fault="disabled_joint")
PASTS, FUTURES, SHARES = (2, 5, 10, 20, 40), (1, 5, 10, 20), (1 / 32, 1 / 8, 1 / 2, 1.0)
USUAL = 10
"""M and K where the other one is swept."""
JUDGED = 10
"""Future steps that all are judged by."""
HIDDEN = {"net": {"hidden": [256, 256, 256]}}
RATE, WINDOWS = 1e-3, 32
Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much is trained and tried."""

    steps: int = 500
    """Of GrBAL."""
    plain_steps: int = 1500
    """Of MB, where it is trained anew."""
    trials: int = 10
    control_steps: int = STEPS


FULL, QUICK = Effort(), Effort(steps=10, plain_steps=20, trials=2, control_steps=20)


@dataclass(frozen=True, eq=False)
class Point:
    """One training and what came of it."""

    key: str
    errors: Array
    """(W,) after adapting."""
    before: Array
    """(W,) without."""
    returns: Array | None = None
    """(N,)."""


def run(
    *, quick: bool = False, out: Path | None = None, watch: Watch = lambda steps, *_: steps
) -> dict[str, Metric]:
    """Train and judge every point; results file, picture, figures.

    Raises:
        DataError: the world's set is not there: `robot-meta collect` makes it.
        CheckpointError: MB is not there.
    """
    began, effort = time.monotonic(), QUICK if quick else FULL
    motion = MotionSet.load(motion_path(WORLD, "train"))
    plain = checkpoint.load(online.path_of("mb", WORLD, 0))
    begin = Start(plain.params, plain.config["normal"])
    log = online.frozen_log(WORLD)
    points = [*_windows(motion, begin, log, effort, quick, watch)]
    points += _shares(motion, log, effort, quick, watch)
    found = figures(points)
    told = {"seed": 0, "world": str(WORLD), "metrics": {k: m.value for k, m in found.items()}}
    append_test_log(report.RESULTS, f"experiment {NAME}", plain.sha256, told)
    path = report.publish(
        NAME,
        f"{WORLD}: GrBAL, {effort.steps} steps of {WINDOWS} windows from the shipped MB, with M or "
        f"K swept and the other {USUAL}; and from MB of {effort.plain_steps} steps on shares of "
        f"the set of {len(motion)} transitions. Errors: of the next {JUDGED} steps on "
        f"{ERROR_WINDOWS} windows of a frozen log of the test fault, the same for all, in spreads "
        f"of changes. Returns: {effort.trials} trials of {effort.control_steps} control steps. "
        "One training seed; intervals by bootstrap over windows and trials.",
        found,
        config={"effort": effort, "mb": plain.sha256},
        began=began,
        quick=quick,
        out=out,
    )
    picture(found, path.with_suffix(".png"))
    report.show(found)
    return found


def _windows(
    motion: MotionSet, start: Start, log: MotionSet, effort: Effort, quick: bool, watch: Watch
) -> Iterator[Point]:
    sizes = {(m, USUAL): None for m in PASTS} | {(USUAL, k): None for k in FUTURES}
    for past, future in sizes:
        settings = {**HIDDEN, "past": past, "future": future}
        title = f"M {past}, K {future}"
        learner, theta = _grbal(motion, start, settings, effort, _folder(title, quick), watch)
        keys = [f"past_{past}"] * (future == USUAL) + [f"future_{future}"] * (past == USUAL)
        for key in keys:
            yield Point(key, *_errors(learner, theta, log))


def _shares(
    motion: MotionSet, log: MotionSet, effort: Effort, quick: bool, watch: Watch
) -> Iterator[Point]:
    for share in SHARES:
        # Every so-manyth episode: the set is in the order in which it was collected.
        part = MotionSet(*(x[:: round(1.0 / share)] for x in (motion.states, motion.actions)))
        run = prepare("mb", WORLD, part, HIDDEN, 2 * WINDOWS)
        config = TrainConfig(steps=effort.plain_steps, tasks=1, rate=RATE, average=0.99)
        title = f"MB, {len(part)} transitions"
        theta = averaged(run, config, _folder(title, quick), title, watch)
        start = Start(theta, as_dict(run.learner.config.normal))
        title = f"GrBAL, {len(part)} transitions"
        learner, theta = _grbal(part, start, HIDDEN, effort, _folder(title, quick), watch)
        trials = Trials(world=WORLD, count=effort.trials, steps=effort.control_steps)
        settings = OnlineConfig(planner=PLANNER, half=multiplies_bfloat16())
        returns = online.run(trials, Method(learner, theta, settings, "")).rewards.sum(1)
        yield Point(f"transitions_{len(part)}", *_errors(learner, theta, log), returns)


def _folder(title: str, quick: bool) -> Path | None:
    name = title.lower().replace(",", "").replace(" ", "-")
    return None if quick else Path(f"runs/{NAME}/{name}")


def _grbal(
    motion: MotionSet,
    start: Start,
    settings: Mapping[str, Any],
    effort: Effort,
    folder: Path | None,
    watch: Watch,
) -> tuple[MotionLearner, Params]:
    run = prepare("grbal", WORLD, motion, settings, WINDOWS, start=start)
    config = TrainConfig(steps=effort.steps, tasks=1, rate=RATE, average=0.99)
    title = f"GrBAL, M {run.learner.config.past}, K {run.learner.config.future}"
    return run.learner, averaged(run, config, folder, title, watch)  # type: ignore[return-value]


def _errors(learner: MotionLearner, theta: Params, log: MotionSet) -> tuple[Array, Array]:
    """Errors (W,) after adapting and before, of the same future steps whatever M is."""
    drawn = log.draw(max(PASTS), JUDGED, ERROR_WINDOWS, np.random.default_rng(0))
    chunk = framed_chunk(learner.config.body, drawn)
    last = Steps(*(x[:, -learner.config.past :] for x in chunk.past))
    still = type(learner)(replace(learner.config, steps=0))  # type: ignore[call-arg]
    with torch.no_grad():
        after, before = (
            future_error(each, theta, Chunk(last, chunk.future)).mean(1).double().numpy()
            for each in (learner, still)
        )
    return after, before


def figures(points: Sequence[Point]) -> dict[str, Metric]:
    """Of every point: errors after adapting and before, their ratio, and the return."""
    out: dict[str, Metric] = {}
    for point in points:
        for name, values, unit in (
            ("error", point.errors, "variances"),
            ("error_before", point.before, "variances"),
            ("return", point.returns, "m/s, sum"),
        ):
            if values is not None:
                told = bootstrap_ci(values, list(range(len(values))))
                out[f"{name}_{point.key}"] = Metric(
                    value=told.value, unit=unit, n=told.trials, ci95=told.ci95, seeds=(0,)
                )
        ratio = float(point.errors.mean() / point.before.mean())
        out[f"error_ratio_{point.key}"] = Metric(value=ratio, unit="ratio", n=len(point.errors))
    return out


def picture(found: Mapping[str, Metric], path: Path) -> None:
    """Errors over M, over K and over transitions, and returns over transitions."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12.0, 3.2), layout="constrained")
    panels = (
        ("past", "error", "M, steps to adapt on"),
        ("future", "error", "K, steps that training asks for"),
        ("transitions", "error", "transitions to train on"),
        ("transitions", "return", "transitions to train on"),
    )
    for column, (what, name, label) in enumerate(panels):
        axes: Any = figure.add_subplot(1, len(panels), column + 1)
        for kind, colour in ((name, "#c44e52"), (f"{name}_before", "#8c9bb0")):
            rows = {
                int(key.rsplit("_", 1)[1]): metric
                for key, metric in found.items()
                if key.startswith(f"{kind}_{what}_")
            }
            if rows:
                ends = np.array([m.ci95 or (m.value, m.value) for m in rows.values()]).T
                axes.plot(list(rows), [m.value for m in rows.values()], "o-", color=colour)
                axes.fill_between(list(rows), *ends, color=colour, alpha=0.2)
        axes.set_xscale("log")
        axes.set_xlabel(label, fontsize=9)
        axes.set_ylabel("return" if name == "return" else "squared error", fontsize=9)
        axes.legend(["adapted", "not adapted"][: len(axes.lines)], fontsize=8)
    figure.savefig(path, dpi=110)
