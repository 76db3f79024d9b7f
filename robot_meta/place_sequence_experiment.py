"""FTML on a robot: does what it was shown before make the next task easier to show?

From a theta that is meta-trained on five placing tasks, more tasks come one after another. Each is
shown once, adapted to, and tried; then its demonstrations join the task buffer and theta moves by a
round of FTML (`online_learning.store_round`). Beside it a theta that stays as it was.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from robot_meta import report, trained, training
from robot_meta.data.collect import CollectConfig, collect
from robot_meta.data.demo_set import DemoSet
from robot_meta.errors import ConfigError
from robot_meta.evaluate import ENVIRONMENTS, EvalConfig, run_case
from robot_meta.learners import mil
from robot_meta.learners.mil import Mil
from robot_meta.loops import TrainConfig
from robot_meta.online_learning import figures, store_round
from robot_meta.online_learning.outcomes import cpu_hours, kept
from robot_meta.online_learning.protocol import Outcome
from robot_meta.results import Metric, append_test_log, write_result
from robot_meta.session import Session
from robot_meta.statistics import bootstrap_ci
from robot_meta.types import Params

NAME, FAMILY = "place-sequence", "place"
ROWS = {"ftml": "FTML", "frozen": "theta of five tasks, frozen"}
JUDGED = EvalConfig(family=FAMILY, split="train", shots=(1,), controls=())
By = Mapping[str, Sequence[Outcome]]
Watch = Callable[[Iterable[Any], str, int], Iterable[Any]]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Of the experiment."""

    begun: int = 5
    """Tasks that the first theta is of."""
    tasks: int = 25
    """Further ones, which come one after another."""
    orders: tuple[int, ...] = (0, 1, 2, 3, 4)
    demos: int = 8
    """Of each task, once it was tried; half of them with knocks to recover from."""
    last: int = 10
    """Tasks at the end, and at the beginning, that figures are of."""
    batch: int = 4
    """Tasks of a meta-step."""
    first: TrainConfig = field(
        default_factory=lambda: TrainConfig(steps=500, tasks=1, rate=3e-3, average=0.98)
    )
    round: TrainConfig = field(
        default_factory=lambda: TrainConfig(
            steps=30, tasks=1, rate=3e-3, final_rate=0.3, warmup=5, average=0.95
        )
    )
    mil: Mapping[str, Any] = field(
        default_factory=lambda: {
            "steps": 1,
            "support_frames": [3, 1],
            "query_frames": 6,
            "net": {"channels": [16, 24, 32, 32], "embed": 32, "hidden": 128},
        }
    )

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        if min(self.begun, self.last) < 1 or min(self.tasks, self.demos) < 2 or not self.orders:
            raise ConfigError(
                "place-sequence: need begun and last >= 1, tasks and demos >= 2 and some orders, "
                f"got {self}"
            )


QUICK = Settings(
    tasks=3,
    orders=(0,),
    demos=2,
    last=1,
    first=TrainConfig(steps=20, tasks=1, average=0.9),
    round=TrainConfig(steps=5, tasks=1, average=0.5),
)


def run(
    *,
    quick: bool = False,
    out: Path | None = None,
    watch: Watch = lambda things, *_: things,
    settings: Settings | None = None,
) -> dict[str, Metric]:
    """Follow every order; write the results file and its figure.

    Args:
        quick: one order of few tasks, hardly trained.
        out: results file; results/place-sequence.json, or -quick, if not given.
        watch: passes tasks through while showing progress (tasks, what, total).
        settings: others than the full or the quick ones.
    """
    began = time.monotonic()
    settings = settings or (QUICK if quick else Settings())
    with tempfile.TemporaryDirectory(prefix="robot-meta-") as temporary:
        folder = Path(temporary) if quick else Path("runs") / NAME
        by = compare(settings, folder, watch)
        hours = cpu_hours(folder)
    found = metrics(by, settings)
    values = {key: metric.value for key, metric in found.items()}
    append_test_log(report.RESULTS, f"experiment {NAME}", "", {"quick": quick, "metrics": values})
    path = out or report.RESULTS / (f"{NAME}-quick.json" if quick else f"{NAME}.json")
    write_result(
        path,
        NAME,
        protocol(settings),
        found,
        config=asdict(settings),
        wall_s=time.monotonic() - began,
        hours=hours,
    )
    picture(by, path.with_suffix(".png"))
    report.show(found)
    return found


def compare(settings: Settings, folder: Path, watch: Watch) -> dict[str, list[Outcome]]:
    """Outcomes of both rows along every order; what is finished in the folder is not done again."""
    learner = mil.make(training.placed(FAMILY, settings.mil))
    data = _tasks(settings, folder, watch)
    told = asdict(settings)
    theta = _first(learner, data, settings, folder, watch)
    env: Any = gymnasium.make(
        ENVIRONMENTS[FAMILY],
        split=JUDGED.split,
        preset=JUDGED.preset,
        max_steps=JUDGED.max_steps,
    )

    def make(order: int | None) -> list[Outcome]:
        if order is None:
            news = stay(env.unwrapped, learner, theta, settings)
        else:
            news = follow(env.unwrapped, learner, theta, data, settings, order)
        what = "frozen" if order is None else f"order {order}"
        return list(watch(news, what, settings.tasks))

    ftml = [
        outcome
        for order in settings.orders
        for outcome in kept(folder / f"order-{order}.json", told, partial(make, order))
    ]
    frozen = {o.kind: o for o in kept(folder / "frozen.json", told, partial(make, None))}
    # It does not change, so what it does at a task is the same wherever that comes.
    return {"ftml": ftml, "frozen": [replace(frozen[o.kind], index=o.index) for o in ftml]}


def _tasks(settings: Settings, folder: Path, watch: Watch) -> DemoSet:
    """The robot's demonstrations of all tasks, collected where they are not there yet."""
    count = settings.begun + settings.tasks
    config = CollectConfig(
        tasks=count, demos=settings.demos, clean=settings.demos // 2, shard=min(count, 10)
    )
    own = folder / f"demos-{count}x{settings.demos}"
    news = collect(config, own, workers=1)
    done, total = next(news)
    for _ in watch(news, "demonstrations", total - done):
        pass
    return DemoSet.load(own)


def _first(learner: Mil, data: DemoSet, settings: Settings, folder: Path, watch: Watch) -> Params:
    """Theta of the first tasks."""
    begun = data.subset(range(settings.begun))
    run = training.Run(learner, learner, store_round.drawn(begun, learner, settings.batch))
    return trained.averaged(run, settings.first, folder / "theta", "first theta", watch)


def follow(
    env: Any, learner: Mil, theta: Params, data: DemoSet, settings: Settings, order: int
) -> Iterator[Outcome]:
    """Yield FTML's outcome of each task, which is tried before theta learns of it."""
    seen = list(range(settings.begun))
    for index, task in enumerate(coming(settings, order)):
        yield _outcome("ftml", index, task, success(env, Session(learner, theta), task, order))
        seen.append(task)
        config = replace(settings.round, seed=1000 * (order + 1) + index)
        buffer = data.subset(seen)
        for step in store_round.meta_update(learner, theta, buffer, config, settings.batch):
            moved = step.averaged
        theta = moved


def stay(env: Any, learner: Mil, theta: Params, settings: Settings) -> Iterator[Outcome]:
    """Yield the outcome of each task of a theta that does not learn of any."""
    for index, task in enumerate(coming(settings, 0)):
        yield _outcome("frozen", index, task, success(env, Session(learner, theta), task, 0))


def coming(settings: Settings, order: int) -> list[int]:
    """The tasks of an order: each order begins further on in the same round of tasks.

    So every task comes early and late, and hard tasks at the end do not look like forgetting.
    """
    tasks = np.random.default_rng(0).permutation(settings.tasks) + settings.begun
    place = settings.orders.index(order) * settings.tasks // len(settings.orders)
    return [int(task) for task in np.roll(tasks, -place)]


def _outcome(row: str, index: int, task: int, tried: Sequence[float]) -> Outcome:
    return Outcome(row, index, str(task), tuple(tried), float(np.mean(tried)))


def success(env: Any, session: Session, task: int, seed: int) -> list[float]:
    """1 or 0 for each trial of a task after one demonstration, which joins no buffer."""
    case = run_case(env, session, None, replace(JUDGED, seed=seed), task, task)
    return [float(outcome.success) for outcome in case.outcomes["success"]]


def metrics(by: By, settings: Settings) -> dict[str, Metric]:
    """Success of each row at the beginning and at the end, its slope, and what FTML gains."""
    seeds, end = settings.orders, settings.tasks - settings.last
    parts = {
        "": range(settings.tasks),
        "_first": range(settings.last),
        "_last": range(end, settings.tasks),
    }
    out: dict[str, Metric] = {}
    for row, outcomes in by.items():
        for name, indices in parts.items():
            some = [o for o in outcomes if o.index in indices]
            found = bootstrap_ci([o.final for o in some], [o.kind for o in some])
            out[f"success{name}_{row}"] = Metric.rate(found, seeds)
        out[f"slope_{row}"] = figures.slope(
            outcomes, [o.final for o in outcomes], "success per task", seeds
        )
    gained = [a.final - b.final for a, b in zip(by["ftml"], by["frozen"], strict=True)]
    out["slope_ftml_minus_frozen"] = figures.slope(by["ftml"], gained, "success per task", seeds)
    last = {row: [o for o in outcomes if o.index >= end] for row, outcomes in by.items()}
    out["success_last_ftml_minus_frozen"] = figures.difference(last["ftml"], last["frozen"], seeds)
    return out


def protocol(settings: Settings) -> str:
    """The paragraph of the results file."""
    s = settings
    return (
        f"SawyerPlace, training tasks 0 to {s.begun + s.tasks - 1}: MIL with a small network is "
        f"meta-trained from fresh parameters on the first {s.begun} ({s.first.steps} steps of "
        f"{s.batch} tasks); the other {s.tasks} come in {len(s.orders)} orders, each a "
        "rotation of one, so that each task comes early and late. Each is shown once by "
        "the scripted expert, adapted to and tried three times with everything moved; then "
        f"{s.demos} other demonstrations of it join the buffer and FTML's theta takes "
        f"{s.round.steps} steps on all tasks so far. The frozen theta is tried once on each task "
        "likewise, and counts at its place in every order. Tasks are drawn in other colours at "
        "every step, in both. `first` and `last` are of "
        f"{s.last} tasks; slopes are of the line of least squares over the task's index. Success "
        "as sim/judge.py judges it. Intervals by bootstrap over tasks; one first theta."
    )


def picture(by: By, path: Path) -> None:
    """Success over the task's index, a mean over orders and a window of tasks."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.0, 3.4), layout="constrained")
    axes: Any = figure.add_subplot()
    for number, (row, title) in enumerate(ROWS.items()):
        at, values = figures.smooth(by[row], lambda o: o.final)
        axes.plot(at, values, label=title, color=f"C{number}")
    axes.axhline(1 / 3, color="black", linewidth=0.8, linestyle=":")
    axes.set_ylim(0, 1)
    axes.set_xlabel("task (dotted: the right one of three by chance)", fontsize=9)
    axes.set_ylabel("success after one demonstration", fontsize=9)
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=110)
