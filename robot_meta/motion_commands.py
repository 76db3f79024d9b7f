"""What collect, train and eval do for a legged robot, whose task is a fault."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from robot_meta import checkpoint, report
from robot_meta.cpu import configure_cpu, multiplies_bfloat16
from robot_meta.data.branches import BranchConfig
from robot_meta.data.motion_set import MotionSet
from robot_meta.errors import ConfigError
from robot_meta.locomotion import RoamConfig, World, acting, moved
from robot_meta.locomotion import collect as roamed
from robot_meta.online import OnlineConfig
from robot_meta.options import EvalOptions, TrainOptions

DATA, RUNS = Path("data"), Path("runs")


def motion_path(world: World, split: str) -> Path:
    """Where a world's shared set is, or the oracle's, whose faults are those of tests."""
    return DATA / (f"{world}.npz" if split == "train" else f"{world}-{split}.npz")


def collect(
    world: World,
    split: str,
    count: int,
    seed: int,
    out: Path | None,
    true_planner: bool = True,
    branches: int = 0,
) -> int:
    """`count` episodes: half noisy gaits, half the true planner's; without it gaits alone."""
    from rich.progress import track

    path = out or motion_path(world, split)
    configure_cpu()
    true = count - count // 2 if true_planner else 0
    config = RoamConfig(
        gaits=count - true, true=true, seed=seed, split=split, branches=_branches(branches)
    )
    news = roamed(world, config, path)
    for _ in track(news, f"{world} {split}", total=1 + -(-count // config.together)):
        pass
    return _told(path)


@dataclass(frozen=True, kw_only=True)
class RoundConfig:
    """A round of aggregation."""

    models: Sequence[Path]
    """Checkpoints that act, each in its share of the episodes."""
    episodes: int
    seed: int = 0
    split: str = "train"
    wander: bool = False
    """Whether they are told to go now this way, now that."""
    branches: int = 0
    """Other futures of each step that are tried."""
    rest: float = 0.0
    """Share of the motors that are left at rest for a while, now and then."""
    lag_steps: int = 0
    """Steps of physics that every action arrives late, which the models know."""


def aggregate(world: World, config: RoundConfig, out: Path | None) -> int:
    """Add episodes in which models act to the set that is there."""
    from rich.progress import track

    path = out or motion_path(world, config.split)
    configure_cpu()
    share = -(-config.episodes // len(config.models))
    online = OnlineConfig(planner=world.planner, half=multiplies_bfloat16())
    motion = MotionSet.load(path)
    for number, model in enumerate(track(config.models, f"{world}: models act")):
        act = acting(checkpoint.load(model), online, config.wander, config.rest)
        of_robots = 10_000 * (config.seed + 1) + number
        motion += moved(
            world, config.split, act, share, of_robots, _branches(config.branches), config.lag_steps
        )
    motion.save(path)
    return _told(path)


def _branches(count: int) -> BranchConfig | None:
    return BranchConfig(count=count) if count else None


def _told(path: Path) -> int:
    print(f"{path}: {len(MotionSet.load(path))} transitions")
    return 0


def train(learner: str, world: World, options: TrainOptions) -> int:
    """Meta-train a learner of motion on a world's shared set; run again to go on."""
    from robot_meta import training
    from robot_meta.carrying_out import carry_out
    from robot_meta.motion_training import Start, prepare

    told = configure_cpu()
    motion = MotionSet.load(options.data or motion_path(world, "train"))
    settings = training.parse_settings(options.settings)
    start = None
    if options.members:
        if options.start:
            raise ConfigError("train: --start or --members, not both")
        start = Start.ensemble([checkpoint.load(path) for path in options.members])
        settings = {"members": len(options.members), **settings}
    elif options.start:
        start = Start.of(checkpoint.load(options.start))
    run = prepare(learner, world, motion, settings, options.windows, options.seed, start)
    folder = options.out or RUNS / f"{learner}-{world}-seed{options.seed}"
    words = " ".join(["train", learner, world.robot, *options.words()])
    notes = {"world": str(world), "transitions": len(motion), "command": words}
    return carry_out(run, options, folder, notes, told)


def evaluate(learner: str, world: World, options: EvalOptions) -> int:
    """Every method on the same test faults, over all training seeds that are there."""
    from rich.progress import track

    from robot_meta import online_figures
    from robot_meta.results import append_test_log, write_result

    configure_cpu()
    began = time.monotonic()
    work = online_figures.Work(world=world, count=options.trials, seed=options.seed)
    found = list(track(work.runs(learner), f"{learner} {world}", total=work.total(learner)))
    metrics = online_figures.metrics(work, found)
    report.show(metrics)
    figures = {key: metric.value for key, metric in metrics.items()}
    words = f"eval {learner} {world.robot} --fault {world.fault} --trials {options.trials}"
    hashes = sorted({run.sha256 for run in found if run.sha256})
    append_test_log(
        report.RESULTS, words, ",".join(hashes), {"seed": options.seed, "metrics": figures}
    )
    if options.json is not None:
        write_result(
            options.json,
            f"{learner}-{world}".replace("_", "-"),
            online_figures.protocol(work),
            metrics,
            config={"learner": learner, "checkpoints": hashes, "world": world},
            wall_s=time.monotonic() - began,
        )
    return 0
