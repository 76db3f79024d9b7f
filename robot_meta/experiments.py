"""Experiments by name: success on every evaluation seed, all controls on the first, one verdict.

`robot-meta experiment mil-place` earns the figures that the README quotes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from robot_meta import checkpoint, report
from robot_meta.data.batches import Evidence
from robot_meta.errors import ConfigError
from robot_meta.evaluate import Case, EvalConfig, evaluate, metrics
from robot_meta.results import Metric, Published, append_test_log, write_result
from robot_meta.statistics import judge

Watch = Callable[[Iterable[Any], str, int], Iterable[Any]]
"""Passes cases through while showing progress (cases, what, total)."""
SEEDS = (0, 1, 2, 3, 4)
MARGIN = 0.07
"""How far above chance a control may lie that must not know the task."""


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One figure of merit and how it is earned."""

    learner: str
    family: str
    trials: int
    target: float
    """Success that the pass rule asks for."""
    published: Mapping[str, Published]
    evidence: Evidence = "robot"
    """What shows each task."""


def _daml(value: float, what: str) -> Published:
    return Published(
        value=value,
        source=f"Yu et al. 2018, DAML with temporal loss, real PR2, {what}",
        differs="real people, a real robot and real things; ours is a rendered hand before a "
        "camera of its own, and a simulated arm",
    )


EXPERIMENTS = {
    "mil-place": Experiment(
        learner="mil",
        family="place",
        trials=300,
        target=0.95,
        published={
            "success": Published(
                value=0.90,
                source="Finn et al. 2017, One-Shot Visual Imitation Learning, real PR2",
                differs="a real robot and real things; 18 held-out containers; 2 distractors",
            )
        },
    ),
    "mil-push": Experiment(
        learner="mil",
        family="push",
        trials=444,
        target=0.90,
        published={
            "success_published_threshold": Published(
                value=0.8581,
                source="Finn et al. 2017, simulated pushing, video, state and action",
                differs="another arm, things and camera; one distractor",
            )
        },
    ),
    "daml-place": Experiment(
        learner="daml",
        family="place",
        trials=300,
        target=0.93,
        published={"success": _daml(0.938, "placing")},
        evidence="human",
    ),
    "daml-push": Experiment(
        learner="daml",
        family="push",
        trials=444,
        target=0.88,
        published={"success": _daml(0.889, "pushing")},
        evidence="human",
    ),
    "daml-pick-place": Experiment(
        learner="daml",
        family="pick_place",
        trials=300,
        target=0.80,
        published={"success": _daml(0.800, "pick-and-place")},
        evidence="human",
    ),
}


def published(learner: str, config: EvalConfig) -> Mapping[str, Published]:
    """Others' figures of what `config` measures; none where it is no experiment's protocol."""
    if config.split != "test" or config.film != "train":
        return {}
    asked = (learner, config.family, config.evidence)
    for plan in EXPERIMENTS.values():
        if (plan.learner, plan.family, plan.evidence) == asked:
            return plan.published
    return {}


@dataclass(frozen=True)
class Check:
    """One bound of the evaluation contract."""

    text: str
    kept: bool


def run(
    name: str,
    *,
    seeds: Sequence[int] = SEEDS,
    trials: int | None = None,
    workers: int = 2,
    theta: Path | None = None,
    blind: Path | None = None,
    out: Path | None = None,
    watch: Watch = lambda cases, *_: cases,
) -> list[Check]:
    """Evaluate all seeds, write `results/<name>.json` and return how each bound fared.

    Args:
        name: of the experiment.
        seeds: evaluation seeds.
        trials: of each seed; None for the experiment's number.
        workers: processes.
        theta: trained parameters; None for the shipped ones.
        blind: those of the blind control; None for the shipped ones, left out if there are none.
        out: results file; None for `results/<name>.json`.
        watch: passes cases through while showing progress (cases, what, total).

    Raises:
        ConfigError: no such experiment.
        CheckpointError: no good parameters.
    """
    if name not in EXPERIMENTS:
        raise ConfigError(f"experiment {name!r} is unknown; there are {', '.join(EXPERIMENTS)}")
    plan = EXPERIMENTS[name]
    theta = report.chosen(theta, plan.learner, plan.family)
    without = blind or report.blind(plan.learner, plan.family)
    sha = checkpoint.load(theta).sha256
    config = EvalConfig(
        family=plan.family, trials=trials or plan.trials, workers=workers, evidence=plan.evidence
    )
    began = time.monotonic()
    every: list[Case] = []
    by_seed: dict[int, float] = {}
    for seed in seeds:
        one = replace(config, seed=seed)
        if seed != seeds[0]:
            one = replace(one, controls=(), shots=(1,))
        news = evaluate(str(theta), str(without) if without.exists() else None, one)
        cases = list(watch(news, f"{name} seed {seed}", one.tasks))
        figures = {key: metric.value for key, metric in metrics(cases, one).items()}
        append_test_log(
            report.RESULTS, f"experiment {name}", sha, {"seed": seed, "metrics": figures}
        )
        by_seed[seed] = figures["success"]
        every += cases
    pooled = pool(every, by_seed, config)
    write_result(
        out or report.RESULTS / f"{name}.json",
        name,
        report.protocol(plan.family, config.split, config.trials, config.tasks, plan.evidence)
        + f" Evaluation seeds {list(seeds)} pooled, controls on the first of them;"
        " success_worst is the lowest seed's.",
        pooled,
        published=plan.published,
        config={
            "learner": plan.learner,
            "checkpoint": sha,
            "eval": config,
            "success_by_seed": {str(seed): value for seed, value in by_seed.items()},
        },
        wall_s=time.monotonic() - began,
    )
    report.show(pooled)
    return checks(pooled, list(by_seed.values()), plan.target)


_EVERY_SEED = ("success", "success_published_threshold", "adapt_ms_p50", "steps_to_success")
"""Figures that are measured on every seed; the others on the first alone."""


def pool(
    cases: Sequence[Case], by_seed: Mapping[int, float], config: EvalConfig
) -> dict[str, Metric]:
    """Figures over all seeds, with the mean and the worst seed's success."""
    seeds = tuple(by_seed)
    out = {
        key: replace(m, seeds=seeds if key in _EVERY_SEED else seeds[:1])
        for key, m in metrics(cases, config).items()
    }
    worst = min(by_seed.values())
    out["success_worst"] = Metric(value=worst, unit="rate", n=out["success"].n, seeds=seeds)
    mean = float(np.mean(list(by_seed.values())))
    out["success_mean"] = Metric(value=mean, unit="rate", n=out["success"].n, seeds=seeds)
    return out


def checks(figures: Mapping[str, Metric], success: Sequence[float], target: float) -> list[Check]:
    """The pass rule and the bounds on the controls that were measured."""
    verdict = judge(success, target)
    out = [
        Check(
            f"success: mean {verdict.mean:.3f} >= {target}, worst {verdict.worst:.3f} "
            f">= {target - 0.04:.2f}",
            verdict.passed,
        )
    ]
    chance = figures["chance"].value
    high: dict[str, float] = {
        "success_blind": chance + MARGIN,
        "success_wrong_demo": 0.10,
        "success_replay": chance + MARGIN,
        "success_final_pose": chance + MARGIN,
    }
    for key, bound in high.items():
        if key in figures:
            value = figures[key].value
            out.append(Check(f"{key} {value:.3f} <= {bound:.3f}", value <= bound))
    if "wrong_demo_followed" in figures:
        value, least = figures["wrong_demo_followed"].value, figures["success"].value - 0.10
        out.append(Check(f"wrong_demo_followed {value:.3f} >= {least:.3f}", value >= least))
    return out


def tell(found: Sequence[Check]) -> int:
    """Print every bound; 0 if all are kept, else 1."""
    for check in found:
        print(f"{'kept  ' if check.kept else 'BROKEN'}  {check.text}")
    return int(not all(check.kept for check in found))
