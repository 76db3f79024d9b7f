"""How far people's films may leave what training saw: success under each preset, beside `train`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import get_args

from robot_meta import checkpoint, report
from robot_meta.cpu import worker_pool
from robot_meta.evaluate import EvalConfig, evaluate, metrics
from robot_meta.experiments import Check, Watch
from robot_meta.options import Film
from robot_meta.results import Metric, append_test_log, write_result

PRESETS: tuple[Film, ...] = get_args(Film)
"""`train` is what training saw; each of the others leaves it in one respect."""
KEPT = {preset: 0.95 if preset == "phone" else 0.75 for preset in PRESETS[1:]}
"""Share of the success under `train` that is to be kept."""


def run(
    *,
    quick: bool = False,
    trials: int | None = None,
    workers: int = 2,
    out: Path | None = None,
    watch: Watch = lambda cases, *_: cases,
) -> list[Check]:
    """Evaluate DAML's place under every preset; write `results/films.json`; how each bound fared.

    Raises:
        CheckpointError: no good parameters.
    """
    began = time.monotonic()
    theta = report.shipped("daml", "place")
    sha = checkpoint.load(theta).sha256
    config = EvalConfig(
        trials=trials or (30 if quick else 300),
        evidence="human",
        shots=(1,),
        controls=(),
        workers=workers,
    )
    found: dict[str, Metric] = {}
    with worker_pool(workers) as pool:
        for preset in PRESETS:
            one = replace(config, film=preset)
            news = evaluate(str(theta), None, one, pool=pool)
            cases = list(watch(news, f"films: {preset}", one.tasks))
            found[f"success_{preset}"] = metrics(cases, one)["success"]
    for preset in KEPT:
        found[f"kept_{preset}"] = Metric(
            value=found[f"success_{preset}"].value / max(found["success_train"].value, 1e-9),
            unit="ratio",
            n=found[f"success_{preset}"].n,
            seeds=(0,),
        )
    figures = {key: metric.value for key, metric in found.items()}
    append_test_log(
        report.RESULTS,
        "experiment films" + " --quick" * quick,
        sha,
        {"seed": 0, "metrics": figures},
    )
    write_result(
        out or report.RESULTS / ("films-quick.json" if quick else "films.json"),
        "films",
        report.protocol("place", "test", config.trials, config.tasks, "human")
        + " The same tasks and trials under each preset of people and cameras (`sim/manner.py`): "
        "unseen table surfaces; azimuth 10 to 20 degrees where training saw up to 10; half and "
        "double speed; hands smaller and larger than any trained on; phone: H.264 at a phone's "
        "quality and another crop. `kept` is relative to `train`.",
        found,
        config={"checkpoint": sha, "eval": config},
        wall_s=time.monotonic() - began,
    )
    report.show(found)
    return checks(found)


def checks(figures: Mapping[str, Metric]) -> list[Check]:
    """Each preset's bound."""
    out = []
    for preset, least in KEPT.items():
        value = figures[f"kept_{preset}"].value
        out.append(Check(f"kept_{preset} {value:.3f} >= {least}", value >= least))
    return out
