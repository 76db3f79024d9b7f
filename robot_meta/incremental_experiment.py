"""Classes that arrive five at a time: does the next task of five new classes get easier?

After Finn et al. 2019, section 6 (there: CIFAR-100), on shapes composed and rendered here. What is
learned is kept; each new task is five classes that nobody has seen, with few labelled pictures.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from robot_meta import checkpoint, report
from robot_meta.data.class_sequence import Arrival, sequence
from robot_meta.data.objects import class_set
from robot_meta.few_shot import Examples, correct
from robot_meta.learners import maml
from robot_meta.online_learning.ftml import Ftml, FtmlConfig
from robot_meta.online_learning.joint import Joint, JointConfig
from robot_meta.online_learning.learner import OnlineLearner, RoundConfig
from robot_meta.online_learning.protocol import part
from robot_meta.online_learning.scratch import Scratch
from robot_meta.results import Metric, append_test_log
from robot_meta.statistics import bootstrap_ci
from robot_meta.types import Params

NAME = "incremental"
CLASSES, QUICK_CLASSES, WAY = 100, 30, 5
STREAMED, KEPT, SIZE = 50, 15, 32
"""Pictures of a class to learn from, and to be judged by; pixels."""
STAGES = (50, 250)
"""Labelled pictures of the task at hand, all classes together, at which it is judged."""
ORDERS, QUICK_ORDERS = (0, 1), (0,)
ROUND, ALONE = 15, 40
"""Training steps at each stage; from scratch."""
RATE, INNER = 2e-3, 1
"""Adam's step size; inner steps in FTML's training."""
ADAPT = {"ftml": (0.3, 15), "ftml_head": (1.0, 15), "joint": (0.2, 10)}
"""Step size and number of gradient steps on the task at hand, chosen on validation classes."""
LATE = 10
"""Tasks counted as late: everything learned before can help them."""
NET = {"kind": "conv", "inputs": [3, SIZE, SIZE], "widths": [16, 32, 32, 32]}
Watch = Callable[[Iterable["Judged"], str, int], Iterable["Judged"]]


@dataclass(frozen=True)
class Judged:
    """Accuracy of each row on one task at one stage."""

    task: int
    stage: int
    rows: Mapping[str, float]
    last: Params
    """Parameters of one of the rows, for the log of tests."""


TITLES = {
    "ftml": "FTML, all parameters adapt",
    "ftml_head": "FTML, the last layer adapts",
    "toe": "train on everything",
    "ftl": "train on everything, fine-tune",
    "scratch": "from scratch",
}


def run(
    *, quick: bool = False, out: Path | None = None, watch: Watch = lambda parts, *_: parts
) -> dict[str, Metric]:
    """Follow every learner through the sequence; write the results file and its figure.

    Args:
        quick: fewer classes, one order.
        out: results file; results/incremental.json, or -quick, if not given.
        watch: passes what is judged through while showing progress (parts, what, total).

    Raises:
        DataError: a damaged file of rendered pictures.
    """
    began = time.monotonic()
    classes, orders = (QUICK_CLASSES, QUICK_ORDERS) if quick else (CLASSES, ORDERS)
    data = class_set("test", classes, STREAMED + KEPT, SIZE)
    tasks = classes // WAY
    found: dict[str, NDArray[np.float64]] = {
        row: np.zeros((len(orders), tasks, len(STAGES))) for row in TITLES
    }
    for at, order in enumerate(orders):
        arrivals = sequence(data, WAY, KEPT, np.random.default_rng([11, order]))
        for name, learner in learners(classes, order).items():
            rng = np.random.default_rng([12, order])
            news = follow(learner, arrivals, rng, joint=name == "joint")
            for one in watch(news, f"{name}, order {order}", tasks * len(STAGES)):
                for row, accuracy in one.rows.items():
                    found[row][at, one.task, STAGES.index(one.stage)] = accuracy
            told = {r: float(found[r][at, :, -1].mean()) for r in one.rows}
            command = f"experiment {NAME}: {name}"
            summary = {"order": order, "accuracy": told}
            append_test_log(report.RESULTS, command, checkpoint.digest(one.last), summary)
    metrics = figures(found, orders)
    path = report.publish(
        NAME,
        _protocol(classes, orders),
        metrics,
        config={
            "net": NET,
            "round": ROUND,
            "alone": ALONE,
            "rate": RATE,
            "inner_steps": INNER,
            "alpha_and_steps_in_tests": {name: list(pair) for name, pair in ADAPT.items()},
            "accuracy_by_order_task_stage": {r: v.round(4).tolist() for r, v in found.items()},
        },
        began=began,
        quick=quick,
        out=out,
    )
    picture(found, path.with_suffix(".png"))
    report.show(metrics)
    return metrics


def learners(classes: int, seed: int) -> dict[str, Any]:
    """All that are compared; `joint` has an output a class and gives the rows `toe` and `ftl`."""

    def net(name: str, outputs: int, **more: Any) -> maml.Maml:
        alpha, steps = ADAPT[name]
        taken = {"alpha": alpha, "steps": INNER, "test_steps": steps}
        return maml.make({"encoder": NET, "outputs": outputs, **taken, **more})

    round_ = RoundConfig(steps=ROUND, rate=RATE)
    ftml = FtmlConfig(round=round_, tasks=3, support=2 * WAY, query=2 * WAY)
    together = JointConfig(round=round_, tasks=3, batch=20)
    alone = JointConfig(round=RoundConfig(steps=ALONE, rate=RATE), tasks=1, batch=50)
    return {
        "ftml": Ftml(net("ftml", WAY), ftml, seed),
        "ftml_head": Ftml(net("ftml_head", WAY, fast=["head"]), ftml, seed, row="ftml_head"),
        "joint": Joint(net("joint", classes), together, seed),
        "scratch": Scratch(net("ftml", WAY), alone, seed),
    }


def follow(
    learner: OnlineLearner, arrivals: Sequence[Arrival], rng: np.random.Generator, *, joint: bool
) -> Iterator[Judged]:
    """Learn task after task, judged at each stage after a round of training.

    Args:
        learner: learns on.
        arrivals: the tasks.
        rng: all randomness of the learner.
        joint: whether labels are those of the whole set of classes (one output each) and answers
            are chosen among the task's: as many heads as tasks.
    """
    for number, task in enumerate(arrivals):
        classes = torch.tensor(task.classes)
        begin = 0
        for stage in STAGES:
            new = part(task.stream, begin, stage)
            labels = classes[new.y] if joint else new.y
            learner.see(Examples(new.x, labels), rng, begin=not begin)
            learner.learn(rng)
            answers = learner.answers()
            rows = {
                row: _accuracy(learner, phi, task.kept, classes if joint else None)
                for row, phi in answers.items()
            }
            yield Judged(number, stage, rows, next(iter(answers.values())))
            begin = stage


def _accuracy(
    learner: OnlineLearner, phi: Params, kept: Examples, classes: torch.Tensor | None
) -> float:
    """Share that is right among the task's classes, normalised together."""
    with torch.no_grad():
        outputs = learner.predict(phi, kept.x)
    chosen = outputs if classes is None else outputs[:, classes]
    return float(correct(chosen, kept.y).float().mean())


def figures(found: Mapping[str, NDArray[np.float64]], orders: Sequence[int]) -> dict[str, Metric]:
    """Mean accuracy over the late tasks by row and stage, and the gain over the first tasks."""
    out: dict[str, Metric] = {}
    for row, values in found.items():
        half = values.shape[1] // 2
        late = min(LATE, half)
        for s, stage in enumerate(STAGES):
            out[f"accuracy_{row}_{stage}_images"] = _metric(values[:, -late:, s], orders)
            out[f"accuracy_{row}_{stage}_images_first"] = _metric(values[:, :late, s], orders)
    for row in ("ftml", "ftml_head", "toe", "ftl"):
        for s, stage in enumerate(STAGES):
            late = min(LATE, found[row].shape[1] // 2)
            gap = (found[row] - found["scratch"])[:, -late:, s]
            out[f"more_than_scratch_{row}_{stage}_images"] = _metric(gap, orders)
    return out


def _metric(values: NDArray[np.float64], orders: Sequence[int]) -> Metric:
    """Of (orders, tasks), with an interval over all tasks: no two orders share one."""
    flat = values.ravel()
    interval = bootstrap_ci(flat, list(range(len(flat))))
    return Metric.rate(interval, orders)


def _protocol(classes: int, orders: Sequence[int]) -> str:
    return (
        f"{classes} shapes of the test split, rendered in MuJoCo at {SIZE} pixels, in colour, come "
        f"{WAY} at a time in {len(orders)} orders. Of each class {STREAMED} pictures are learned "
        f"from and {KEPT} others judged by. A task is judged when {' and '.join(map(str, STAGES))} "
        f"of its pictures have come, each time after {ROUND} training steps on all that is "
        f"remembered (from scratch: {ALONE} on the task alone) and, but for `toe` and `scratch`, "
        f"{ADAPT['ftml'][1]} (`ftl`: {ADAPT['joint'][1]}) gradient steps on the task. `toe` "
        "and `ftl` have an output for each class and choose among the task's. Figures are means "
        f"over the last {LATE} tasks (`_first`: the first {LATE}), or over halves where there are "
        "fewer; queries are normalised together. Settings were chosen on classes of the validation "
        "split. Nothing is loaded before the first task. Intervals by bootstrap over tasks."
    )


def picture(found: Mapping[str, NDArray[np.float64]], path: Path) -> None:
    """Accuracy on the task at hand over the number of the task, a panel a stage."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.6, 3.2), layout="constrained")
    for s, stage in enumerate(STAGES):
        axes: Any = figure.add_subplot(1, len(STAGES), s + 1)
        for row, values in found.items():
            mean = values[:, :, s].mean(0)
            window = min(5, len(mean))
            smooth = np.convolve(mean, np.ones(window) / window, "valid")
            axes.plot(np.arange(len(smooth)) + window, smooth, label=TITLES[row], linewidth=1.5)
        axes.set_title(f"{stage} pictures of the new task", fontsize=9)
        axes.set_xlabel(f"tasks of {WAY} classes that came (mean of 5)", fontsize=9)
        axes.set_ylim(1 / WAY, 1)
        if not s:
            axes.set_ylabel("accuracy on the new task", fontsize=9)
            axes.legend(fontsize=7)
    figure.savefig(path, dpi=110)
