"""Every method along every order of the tasks of Rainbow MNIST, from both starts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from robot_meta.data import rainbow
from robot_meta.data.classes import ClassSet
from robot_meta.few_shot import Examples
from robot_meta.online_learning.joint import Joint
from robot_meta.online_learning.methods import FROM_EMPTY, METHODS, net
from robot_meta.online_learning.outcomes import kept
from robot_meta.online_learning.protocol import (
    Outcome,
    ProtocolConfig,
    accuracy,
    follow,
    part,
    preload,
)
from robot_meta.online_learning.scratch import Scratch
from robot_meta.online_learning.settings import Settings, told
from robot_meta.results import Metric
from robot_meta.statistics import bootstrap_ci

SHARE = 0.95
"""Of the accuracy of a model of all data, where the threshold is above that."""
Tasks = Sequence[tuple[str, Examples]]
Watch = Callable[[Iterable[list[Outcome]], str, int], Iterable[list[Outcome]]]
"""Passes tasks through while showing progress (tasks, what, total)."""


def compare(
    digits: ClassSet, settings: Settings, folder: Path, watch: Watch
) -> tuple[dict[str, dict[str, list[Outcome]]], Metric]:
    """Outcomes by start and row, and the accuracy of a model of all tasks at once."""
    dealt = rainbow.deal(digits, np.random.default_rng(0), settings.each)
    tasks = [(name(task.kind), task.examples) for task in dealt]
    alone = kept(
        folder / "scratch.json", told(settings, "scratch"), lambda: _alone(tasks, settings, watch)
    )
    by_kind = {outcome.kind: outcome for outcome in alone}
    starts: dict[str, dict[str, list[Outcome]]] = {}
    for begin, start, orders, methods in (
        (settings.preloaded, f"{settings.preloaded} tasks preloaded", settings.orders, METHODS),
        (0, "empty buffer", settings.empty_orders, FROM_EMPTY),
    ):
        rows = starts.setdefault(start, {})
        for order in orders:
            ordered = [tasks[i] for i in arranged(order, settings)]
            for method in methods:
                made = partial(_online, method, ordered, begin, order, settings, watch)
                file = folder / f"{method}-{begin}-{order}.json"
                for outcome in kept(file, told(settings, method), made):
                    rows.setdefault(outcome.row, []).append(outcome)
            rows.setdefault("scratch", []).extend(
                replace(by_kind[kind], index=index)
                for index, (kind, _) in enumerate(ordered)
                if index >= begin
            )
    at_once = kept(
        folder / "all-data.json", told(settings, "all-data"), lambda: _all_data(tasks, settings)
    )
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


def name(kind: rainbow.Kind) -> str:
    """`red x0.5 90`."""
    return f"{kind.colour} x{kind.scale:g} {90 * kind.turns}"


def arranged(order: int, settings: Settings) -> list[int]:
    """Which kinds come, one after another."""
    drawn = np.random.default_rng([order, 1]).permutation(len(rainbow.KINDS))
    return [int(i) for i in drawn[: settings.kinds]]
