"""FTML beside FTL, training on everything and from scratch, on Rainbow MNIST; and its theorem.

Finn et al. 2019, sections 4 and 6. Everything is trained here. docs/ftml.md tells what is what.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from robot_meta import report
from robot_meta.data import idx, rainbow
from robot_meta.few_shot import Examples
from robot_meta.learners.maml import Maml, MamlConfig
from robot_meta.nets.encoder import EncoderConfig
from robot_meta.online_learning import figures, theorem
from robot_meta.online_learning.ftml import Ftml, FtmlConfig
from robot_meta.online_learning.joint import Joint, JointConfig
from robot_meta.online_learning.learner import OnlineLearner, RoundConfig
from robot_meta.online_learning.outcomes import cpu_hours, kept
from robot_meta.online_learning.protocol import (
    Outcome,
    ProtocolConfig,
    accuracy,
    follow,
    part,
    preload,
)
from robot_meta.online_learning.scratch import Scratch
from robot_meta.results import Metric, append_test_log, write_result
from robot_meta.statistics import bootstrap_ci

NAME = "ftml"
SHARE = 0.95
"""Of the accuracy of a model of all data, where the threshold is above that."""
ROUND = RoundConfig(steps=1, rate=1e-2)
Tasks = Sequence[tuple[str, Examples]]
Watch = Callable[[Iterable[list[Outcome]], str, int], Iterable[list[Outcome]]]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Of a whole experiment."""

    protocol: ProtocolConfig = field(default_factory=ProtocolConfig)
    orders: tuple[int, ...] = (0, 1, 2)
    """Orders of the tasks; each with parameters and draws of its own."""
    empty_orders: tuple[int, ...] = (0, 1, 2)
    """Those that are followed from an empty buffer too."""
    kinds: int = len(rainbow.KINDS)
    """Tasks of an order."""
    preloaded: int = 20
    """Of them, those that are in memory before the first round, at the author's start."""
    preloading: int = 400
    """Rounds of training on those."""
    last: int = 20
    """Tasks at the end that the figures are of."""
    each: int | None = None
    """Pictures of a task; all that there are if not given."""
    widths: tuple[int, ...] = (8, 32, 32, 32)
    maml: Mapping[str, Any] = field(
        default_factory=lambda: {"alpha": 0.4, "steps": 1, "test_steps": 3}
    )
    fine_tuning: Mapping[str, Any] = field(default_factory=lambda: {"alpha": 0.1, "test_steps": 5})
    ftml: FtmlConfig = field(default_factory=lambda: FtmlConfig(round=ROUND))
    bounded: int = 1120
    """Examples that the bounded memory holds: at the end 20 a task."""
    joint: JointConfig = field(default_factory=lambda: JointConfig(round=ROUND))
    scratch: JointConfig = field(
        default_factory=lambda: JointConfig(round=RoundConfig(steps=10, rate=3e-3), batch=30)
    )
    all_data: int = 600
    """Rounds of the model that is trained on all tasks at once."""
    theorem_tasks: int = 100
    theorem_seeds: tuple[int, ...] = (0, 1, 2, 3, 4)


_TOLD_APART = ("orders", "empty_orders", "last", "all_data", "theorem_tasks", "theorem_seeds")
"""Settings that the outcomes of one method in one order do not depend on."""
FULL = Settings()
QUICK = replace(
    FULL,
    orders=(0,),
    empty_orders=(0,),
    kinds=16,
    preloaded=6,
    preloading=60,
    last=6,
    protocol=ProtocolConfig(batches=4),
    all_data=60,
    theorem_tasks=20,
    theorem_seeds=(0,),
)


def run(
    *, quick: bool = False, out: Path | None = None, watch: Watch = lambda tasks, *_: tasks
) -> dict[str, Metric]:
    """Follow every order with every method from both starts; check the theorem; write the result.

    Args:
        quick: one order of few tasks.
        out: results file; results/ftml.json, or -quick, if not given.
        watch: passes tasks through while showing progress (tasks, what, total).

    Raises:
        DataError: no MNIST.
    """
    began = time.monotonic()
    settings = QUICK if quick else FULL
    path = out or report.RESULTS / (f"{NAME}-quick.json" if quick else f"{NAME}.json")
    with tempfile.TemporaryDirectory(prefix="robot-meta-") as temporary:
        folder = Path(temporary) if quick else Path("runs") / NAME
        starts, reference = compare(settings, folder, watch)
        hours = cpu_hours(folder)
    aim = aimed_at(settings.protocol, reference.value)
    found = {
        "accuracy_all_data": reference,
        "threshold": Metric(value=aim.threshold, unit="rate", n=reference.n),
    }
    orders = (settings.orders, settings.empty_orders)
    for end, by, seeds in zip(("", "_empty"), starts.values(), orders, strict=True):
        these = figures.metrics(by, aim, settings.last, seeds)
        if aim != settings.protocol:
            these |= figures.harder(by, settings.protocol, settings.last, seeds)
        found |= {key + end: metric for key, metric in these.items()}
    found |= theorem_metrics(settings)
    told = {key: metric.value for key, metric in found.items()}
    append_test_log(report.RESULTS, f"experiment {NAME}", "", {"quick": quick, "metrics": told})
    write_result(
        path,
        NAME,
        protocol(settings, aim),
        found,
        config=asdict(settings),
        wall_s=time.monotonic() - began,
        hours=hours,
    )
    figures.picture(starts, aim, path.with_suffix(".png"))
    report.show({key: m for key, m in found.items() if not key.startswith("first")})
    return found


def compare(
    settings: Settings, folder: Path, watch: Watch
) -> tuple[dict[str, dict[str, list[Outcome]]], Metric]:
    """Outcomes by start and row, and the accuracy of a model of all tasks at once."""
    dealt = rainbow.deal(idx.load("mnist"), np.random.default_rng(0), settings.each)
    tasks = [(name(task.kind), task.examples) for task in dealt]
    plain = {key: value for key, value in asdict(settings).items() if key not in _TOLD_APART}
    alone = kept(folder / "scratch.json", plain, lambda: _alone(tasks, settings, watch))
    by_kind = {outcome.kind: outcome for outcome in alone}
    starts: dict[str, dict[str, list[Outcome]]] = {}
    for begin, start, orders in (
        (settings.preloaded, f"{settings.preloaded} tasks preloaded", settings.orders),
        (0, "empty buffer", settings.empty_orders),
    ):
        rows = starts.setdefault(start, {})
        for order in orders:
            ordered = [tasks[i] for i in arranged(order, settings)]
            for method in METHODS:
                made = partial(_online, method, ordered, begin, order, settings, watch)
                for outcome in kept(folder / f"{method}-{begin}-{order}.json", plain, made):
                    rows.setdefault(outcome.row, []).append(outcome)
            rows.setdefault("scratch", []).extend(
                replace(by_kind[kind], index=index)
                for index, (kind, _) in enumerate(ordered)
                if index >= begin
            )
    at_once = kept(folder / "all-data.json", plain, lambda: _all_data(tasks, settings))
    found = bootstrap_ci([each.final for each in at_once], [each.kind for each in at_once])
    reference = Metric(value=found.value, unit="rate", n=found.trials, ci95=found.ci95, seeds=(0,))
    return starts, reference


def aimed_at(config: ProtocolConfig, reached: float) -> ProtocolConfig:
    """The threshold, or `SHARE` of what one model of all data reaches where that is below it."""
    return config if reached >= config.threshold else replace(config, threshold=SHARE * reached)


def _online(
    method: str, ordered: Tasks, begin: int, order: int, settings: Settings, watch: Watch
) -> list[Outcome]:
    """One method through one order, the first `begin` tasks of which it has from the start."""
    learner, rng = METHODS[method](settings, order), np.random.default_rng([order, begin])
    if begin:
        known = [examples for _, examples in ordered[:begin]]
        preload(learner, known, settings.preloading, rng)
    steps = follow(learner, ordered[begin:], settings.protocol, rng, begin)
    what = f"{method}, {begin} tasks preloaded, order {order}"
    return [o for each in watch(steps, what, len(ordered) - begin) for o in each]


def name(kind: rainbow.Kind) -> str:
    """`red x0.5 90`."""
    return f"{kind.colour} x{kind.scale:g} {90 * kind.turns}"


def arranged(order: int, settings: Settings) -> list[int]:
    """Which kinds come, one after another."""
    drawn = np.random.default_rng([order, 1]).permutation(len(rainbow.KINDS))
    return [int(i) for i in drawn[: settings.kinds]]


def net(settings: Settings, inner: Mapping[str, Any]) -> Maml:
    """The network that every method has, with its steps of adaptation."""
    encoder = EncoderConfig(inputs=rainbow.INPUTS, widths=settings.widths)
    return Maml(MamlConfig(encoder=encoder, outputs=10, **inner))


def _ftml(settings: Settings, seed: int) -> OnlineLearner:
    return Ftml(net(settings, settings.maml), settings.ftml, seed)


def _bounded(settings: Settings, seed: int) -> OnlineLearner:
    config = replace(settings.ftml, capacity=settings.bounded)
    return Ftml(net(settings, settings.maml), config, seed, row="bounded")


def _joint(settings: Settings, seed: int) -> OnlineLearner:
    return Joint(net(settings, settings.fine_tuning), settings.joint, seed)


METHODS: dict[str, Callable[[Settings, int], OnlineLearner]] = {
    "ftml": _ftml,
    "joint": _joint,
    "bounded": _bounded,
}


def _alone(tasks: Tasks, settings: Settings, watch: Watch) -> list[Outcome]:
    """From scratch: no order and no start matters to it, so each kind is learned once."""
    learner = Scratch(net(settings, settings.fine_tuning), settings.scratch, 0)
    steps = follow(learner, tasks, settings.protocol, np.random.default_rng(0))
    return [o for each in watch(steps, "from scratch", len(tasks)) for o in each]


def _all_data(tasks: Tasks, settings: Settings) -> list[Outcome]:
    """One network, trained on what is streamed of all tasks at once: is 90 % within reach?"""
    n, rng = settings.protocol.streamed, np.random.default_rng(0)
    learner = Joint(net(settings, settings.fine_tuning), settings.joint, 0)
    preload(learner, [part(each, 0, n) for _, each in tasks], settings.all_data, rng)
    w = learner.answers()["toe"]
    return [
        Outcome("all_data", i, kind, (), accuracy(learner, w, part(each, n, len(each.y))))
        for i, (kind, each) in enumerate(tasks)
    ]


def theorem_metrics(settings: Settings) -> dict[str, Metric]:
    """The worst over draws of tasks."""
    seeds, count = settings.theorem_seeds, settings.theorem_tasks
    checks = [theorem.check(count, seed) for seed in seeds]

    def metric(value: float, unit: str) -> Metric:
        return Metric(value=value, unit=unit, n=count * len(seeds), seeds=seeds)

    return {
        "regret_over_bound_max": metric(max(c.over_bound for c in checks), "ratio"),
        "regret_after_all_tasks": metric(max(float(c.regret[-1]) for c in checks), "nats"),
        "curvature_least_over_bound": metric(min(c.least for c in checks), "ratio"),
        "curvature_most_over_bound": metric(max(c.most for c in checks), "ratio"),
        "curvature_beyond_step_bound": metric(min(c.beyond for c in checks), "eigenvalue"),
    }


def protocol(settings: Settings, aim: ProtocolConfig) -> str:
    """The paragraph of the results file."""
    p = settings.protocol
    return (
        f"Rainbow MNIST: {settings.kinds} tasks (7 colours x 2 scales x 4 rotations) of the 10,000 "
        "digits of MNIST's test set, each in one task only: 178 a task, the paper has 900. "
        f"{p.batches} batches of {p.batch} are learned from, then the others give "
        "`final_accuracy`, and are remembered after that. After each batch a method trains, and "
        "the next batch, which it has not seen, is the test; `examples_to_threshold` is how many "
        f"it had learned from when that was first {aim.threshold:.1%} right ({reason(aim, p)}; "
        f"{p.streamed} where it "
        "never was; `reached_fraction` says how often it was). Figures of the last "
        f"{settings.last} tasks: of orders {settings.orders} with {settings.preloaded} tasks "
        "preloaded as in the author's code, and, with `_empty`, of orders "
        f"{settings.empty_orders} from an empty buffer. Queries of a batch are normalised "
        "together. One encoder for all: 3x3 convolutions of stride 2, "
        f"{settings.widths} filters, batch norm, on 28x28 pictures. "
        "Regret: regularised logistic tasks in float64, the largest "
        "regret / (C log T), C = 32 G^2 / mu, over T >= 2 and all draws. Intervals by bootstrap "
        "over tasks."
    )


def reason(aim: ProtocolConfig, asked: ProtocolConfig) -> str:
    """Why the threshold is what it is."""
    if aim == asked:
        return "the paper's threshold"
    return (
        f"{SHARE:.0%} of what one network trained on all tasks at once reaches, as "
        f"{asked.threshold:.0%} is above that; `examples_to_90` is for {asked.threshold:.0%}"
    )
