"""How an evaluation is told: on the terminal, in a results file and in the log of test runs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from robot_meta import versions
from robot_meta.results import Metric, Published, write_result

CHECKPOINTS, RESULTS = Path("checkpoints"), Path("results")


def shipped(learner: str, family: str) -> Path:
    """Where the trained parameters of a learner are: in this folder, else beside the package."""
    name = f"{learner}-{family}.safetensors"
    here = CHECKPOINTS / name
    return here if here.exists() else Path(__file__).parents[1] / CHECKPOINTS / name


def chosen(given: Path | None, learner: str, family: str) -> Path:
    """The parameters that were given, of a folder of versions those in use; else the shipped ones.

    Raises:
        CheckpointError: a folder of which no version is in use.
    """
    return versions.meant(given) if given else shipped(learner, family)


def blind(learner: str, family: str) -> Path:
    """Where the parameters of its blind control are: its own, or multi-task behaviour cloning's."""
    own = shipped(f"{learner}-blind", family)
    return own if own.exists() else shipped("blind", family)


SHOWN = {
    "robot": "by the scripted expert",
    "state": "by the scripted expert, without its actions",
    "video": "by the scripted expert, of which the pictures alone are used",
    "human": "by a rendered hand before another camera, pictures alone",
}


def protocol(family: str, split: str, trials: int, tasks: int, evidence: str = "robot") -> str:
    """The paragraph of a results file."""
    return (
        f"{trials} trials on {tasks} tasks of the {split} split of {family}; one demonstration a "
        f"task {SHOWN[evidence]}, in another arrangement (the target at least 10 cm from where "
        "it is in the trial); policies see the picture and proprioception only, at 10 Hz; success "
        "as sim/judge.py judges it; intervals by bootstrap over tasks."
    )


def show(metrics: Mapping[str, Metric]) -> None:
    """Print figures as a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table("figure", "value", "95 % interval", "n")
    for key, metric in metrics.items():
        between = f"{metric.ci95[0]:.3f} to {metric.ci95[1]:.3f}" if metric.ci95 else ""
        table.add_row(key, f"{metric.value:.3f} {metric.unit}", between, str(metric.n))
    Console().print(table)


def publish(
    name: str,
    protocol: str,
    metrics: Mapping[str, Metric],
    *,
    began: float,
    quick: bool,
    out: Path | None,
    published: Mapping[str, Published] | None = None,
    config: Any = None,
    hours: float | None = None,
) -> Path:
    """Write an experiment's results file; the path, beside which its picture goes.

    Args:
        name: of the experiment.
        protocol: as `write_result` takes it; likewise `metrics`, `published`, `config`, `hours`.
        metrics: figures.
        began: `time.monotonic()` at its start.
        quick: whether it was a short run, whose file has another name.
        out: the file; None for results/NAME.json.
        published: others' figures.
        config: settings.
        hours: core-hours.
    """
    path = out or RESULTS / (f"{name}-quick.json" if quick else f"{name}.json")
    write_result(
        path,
        name,
        protocol,
        metrics,
        published=published,
        config=config,
        wall_s=time.monotonic() - began,
        hours=hours,
    )
    return path
