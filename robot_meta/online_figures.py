"""The figures of online adaptation: what was run for them, and how they are made of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from robot_meta import evaluate_online as online
from robot_meta.data.motion_set import MotionSet
from robot_meta.errors import DataError
from robot_meta.evaluate_online import METHODS, ONSETS, Method, Trials
from robot_meta.locomotion import STEPS, World, body_of
from robot_meta.results import Metric
from robot_meta.statistics import Interval, bootstrap_ci, paired_difference

Array = NDArray[np.float64]
TRUE, HEALTHY = "oracle_sim", "healthy"
TICK_SECONDS = 10


@dataclass(frozen=True, eq=False)
class Run:
    """One method under one training seed."""

    name: str
    seed: int
    """Of training; 0 for what was not trained."""
    sha256: str
    returns: Array
    """(N,) of trials with the fault there from the start."""
    speeds: Array | None = None
    """(N, T) of trials with the fault in mid-episode."""
    errors: Array | None = None
    """(W,) squared errors of the next K steps on the frozen log."""
    prior_errors: Array | None = None
    """(W,) the same without adaptation, of learners that can go without."""
    tick_ms: Array | None = None


@dataclass(frozen=True, kw_only=True)
class Work:
    """All runs of one evaluation."""

    world: World
    count: int = 20
    seed: int = 0
    steps: int = STEPS
    names: tuple[str, ...] = field(default_factory=lambda: tuple(METHODS))

    @cached_property
    def log(self) -> MotionSet:
        """The frozen log of the test fault."""
        return online.frozen_log(self.world)

    @property
    def trials(self) -> Trials:
        """The fault is there from the start."""
        return Trials(world=self.world, count=self.count, seed=self.seed, steps=self.steps)

    def total(self, learner: str) -> int:
        """How many runs there are."""
        return sum(len(online.training_seeds(self.world, METHODS[n][0])) for n in self.names) + 2

    def runs(self, learner: str) -> Iterator[Run]:
        """Run everything, one method and training seed after the other.

        Raises:
            DataError: the learner that is evaluated has no trained parameters.
        """
        if not online.training_seeds(self.world, learner):
            raise DataError(
                f"no parameters {online.path_of(learner, self.world, 0)}; train some with "
                f"`robot-meta train {learner} {self.world.robot} --fault {self.world.fault}`"
            )
        yield Run(TRUE, 0, "", online.run(self.trials, None).rewards.sum(1))
        for name in self.names:
            for seed in online.training_seeds(self.world, METHODS[name][0]):
                method = online.load_method(name, self.world, seed)
                assert method is not None
                yield self._run(name, seed, method)
                if name == "adapted" and seed == 0:
                    whole = online.run(replace(self.trials, healthy=True), method)
                    yield Run(HEALTHY, seed, method.sha256, whole.rewards.sum(1))

    def _run(self, name: str, seed: int, method: Method) -> Run:
        roamed = online.run(self.trials, method)
        middle = online.run(replace(self.trials, onset=True), method)
        body = method.learner.config.body
        prior = None
        if name == "adapted":
            prior = online.prediction_errors(online.without_adaptation(method), self.log)
        return Run(
            name=name,
            seed=seed,
            sha256=method.sha256,
            returns=roamed.rewards.sum(1),
            speeds=online.speeds(middle, body.forward, body.dt_s),
            errors=online.prediction_errors(method, self.log),
            prior_errors=prior,
            tick_ms=online.tick_ms(method, TICK_SECONDS, roamed.states[0, 0])
            if name == "adapted" and seed == 0
            else None,
        )


def metrics(work: Work, runs: Sequence[Run]) -> dict[str, Metric]:
    """The figures of the evaluation contract."""
    n, seeds = work.count, (work.seed,)
    by: dict[str, dict[int, Run]] = {}
    for run in runs:
        by.setdefault(run.name, {})[run.seed] = run
    labels = list(range(n))
    out: dict[str, Metric] = {}

    def told(interval: Interval, unit: str) -> Metric:
        return Metric(
            value=interval.value, unit=unit, n=interval.trials, ci95=interval.ci95, seeds=seeds
        )

    for name, group in by.items():
        mean = np.mean([run.returns for run in group.values()], 0)
        out[f"return_{name}"] = told(bootstrap_ci(mean, labels), "m/s, sum over 200 steps")
    returns = {name: {s: r.returns for s, r in group.items()} for name, group in by.items()}
    for key, name in (("mb", "no_adaptation"), ("mb_de", "mb_de"), ("history", "history")):
        if "adapted" in by and set(returns.get(name, {})) == set(returns["adapted"]):
            found = paired_difference(returns["adapted"], returns[name], labels)
            out[f"adapted_minus_{key}"] = told(found, "m/s, sum over 200 steps")
            low = Metric(value=found.ci95[0], unit="m/s, sum over 200 steps", n=n, seeds=seeds)
            out[f"adapted_minus_{key}_ci_low"] = low
    if {"adapted", "no_adaptation", "oracle"} <= set(by):
        out |= _score(returns, n, seeds)
        out |= _recovery(work, by)
    out |= _errors(by, seeds)
    ticks = [run.tick_ms for run in runs if run.tick_ms is not None]
    if ticks:
        out["tick_ms_p50"] = Metric(value=float(np.median(ticks[0])), unit="ms", n=len(ticks[0]))
        p99 = float(np.quantile(ticks[0], 0.99))
        out["tick_ms_p99"] = Metric(value=p99, unit="ms", n=len(ticks[0]))
    return out


def _score(
    returns: Mapping[str, Mapping[int, Array]], n: int, seeds: tuple[int, ...]
) -> dict[str, Metric]:
    """(adapted - MB) / (oracle - MB), and whether there is anything to gain at all."""
    adapted, plain, oracle = (
        np.mean(list(returns[name].values()), 0) for name in ("adapted", "no_adaptation", "oracle")
    )
    room = bootstrap_ci(oracle - plain, list(range(n)))
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, n, (10_000, n))
    gained = (adapted - plain)[drawn].mean(1)
    possible = (oracle - plain)[drawn].mean(1)
    out = {
        "oracle_minus_mb": Metric(
            value=room.value, unit="m/s, sum over 200 steps", n=n, ci95=room.ci95, seeds=seeds
        )
    }
    if room.excludes_zero:  # else the fault is too mild to say how much of it is made good
        low, high = np.quantile(gained / possible, (0.025, 0.975))
        value = float((adapted - plain).mean() / (oracle - plain).mean())
        out["adaptation_score"] = Metric(
            value=value, unit="ratio", n=n, ci95=(float(low), float(high)), seeds=seeds
        )
    return out


def _recovery(work: Work, by: Mapping[str, Mapping[int, Run]]) -> dict[str, Metric]:
    """How many are back at 70 % of the oracle's speed in 1.5 s of a fault in mid-episode."""
    env = work.world.make()
    dt_s = body_of(env).dt_s
    rngs = online.fault_streams(work.trials)
    onsets = [online.draw_trial(work.trials, env, rng)[1] for rng in rngs]
    goal = np.mean([r.speeds for r in by["oracle"].values() if r.speeds is not None], 0)
    out: dict[str, Metric] = {}
    for name, key in (
        ("adapted", "recovered_fraction"),
        ("no_adaptation", "recovered_fraction_mb"),
    ):
        times = np.array(
            [
                [
                    online.recovery_s(
                        run.speeds[i], online.RECOVERY_SHARE * goal[i], onsets[i], dt_s
                    )
                    for i in range(work.count)
                ]
                for run in by[name].values()
                if run.speeds is not None
            ]
        )
        labels = list(range(work.count))
        share = bootstrap_ci((times <= online.RECOVERY_S).mean(0), labels)
        out[key] = Metric.rate(share, [work.seed])
        if name == "adapted":
            # What never recovers counts as censored at the end.
            end_s = (work.steps - min(ONSETS)) * dt_s
            p50 = float(np.median(np.minimum(times, end_s)))
            out["recovery_s_p50"] = Metric(value=p50, unit="s", n=times.size, seeds=(work.seed,))
    return out


def _errors(by: Mapping[str, Mapping[int, Run]], seeds: tuple[int, ...]) -> dict[str, Metric]:
    """Prediction on the frozen log, before and after adaptation."""
    out: dict[str, Metric] = {}
    for name, group in by.items():
        found = [run.errors for run in group.values() if run.errors is not None]
        if found:
            value = float(np.mean(found))
            out[f"pred_error_{name}"] = Metric(value=value, unit="variances", n=len(found[0]))
    before = [r.prior_errors for r in by.get("adapted", {}).values() if r.prior_errors is not None]
    if before and "no_adaptation" in by:
        prior = float(np.mean(before))
        out["pred_error_prior"] = Metric(value=prior, unit="variances", n=len(before[0]))
        plain = out["pred_error_no_adaptation"].value
        ratio = out["pred_error_adapted"].value / min(prior, plain)
        out["pred_error_ratio"] = Metric(value=ratio, unit="ratio", n=len(before[0]), seeds=seeds)
    return out


def protocol(work: Work) -> str:
    """The paragraph of a results file."""
    planner = work.world.planner
    return (
        f"{work.count} trials of {work.steps} control steps of {work.world.robot} under test "
        f"faults of the kind {work.world.fault}, which no training episode has; evaluation seed "
        f"{work.seed}; every method on the same faults, first states and random candidates; the "
        f"same planner ({planner.method}, {planner.candidates} x {planner.horizon} x "
        f"{planner.rounds} rounds), one control step late; adaptation on the last 0.5 s; returns "
        "are sums of speed less cost of effort; oracle: the same network trained on the test "
        "fault; oracle_sim: a planner on true physics; prediction on a frozen log of the test "
        "fault, always of steps after those adapted on; intervals by bootstrap over trials, "
        "paired, over the training seeds' mean."
    )
