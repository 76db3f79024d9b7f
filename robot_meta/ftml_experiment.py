"""FTML beside FTL, training on everything and from scratch, on Rainbow MNIST; and its theorem.

Finn et al. 2019, sections 4 and 6. Everything is trained here. docs/ftml.md tells what is what.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path

from robot_meta import report
from robot_meta.data import idx
from robot_meta.online_learning import figures, theorem
from robot_meta.online_learning.comparison import SHARE, Watch, aimed_at, compare
from robot_meta.online_learning.outcomes import cpu_hours
from robot_meta.online_learning.protocol import ProtocolConfig
from robot_meta.online_learning.settings import Settings
from robot_meta.results import Metric, append_test_log

NAME = "ftml"
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
    return carry_out(NAME, "mnist", QUICK if quick else FULL, quick=quick, out=out, watch=watch)


def carry_out(
    name: str, data: idx.Name, settings: Settings, *, quick: bool, out: Path | None, watch: Watch
) -> dict[str, Metric]:
    """The experiment `name` on the pictures of a data set: as `run`."""
    began = time.monotonic()
    digits = idx.load(data)
    with tempfile.TemporaryDirectory(prefix="robot-meta-") as temporary:
        folder = Path(temporary) if quick else Path("runs") / name
        starts, reference = compare(digits, settings, folder, watch)
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
    values = {key: metric.value for key, metric in found.items()}
    append_test_log(report.RESULTS, f"experiment {name}", "", {"quick": quick, "metrics": values})
    path = report.publish(
        name,
        protocol(f"{len(digits.images)} pictures of {data}", settings, aim),
        found,
        config=asdict(settings),
        hours=hours,
        began=began,
        quick=quick,
        out=out,
    )
    figures.picture(starts, aim, path.with_suffix(".png"))
    report.show({key: m for key, m in found.items() if not key.startswith("first")})
    return found


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


def protocol(pictures: str, settings: Settings, aim: ProtocolConfig) -> str:
    """The paragraph of the results file."""
    p = settings.protocol
    return (
        f"Rainbow MNIST: {settings.kinds} of the 56 tasks (7 colours x 2 scales x 4 rotations) of "
        f"{pictures}, each in one task only. "
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
