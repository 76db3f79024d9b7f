"""`robot-meta train`: meta-training on collected data, or a round of FTML on the episode store."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from robot_meta import commands
from robot_meta.errors import ConfigError
from robot_meta.options import Family, Few, Robot, TrainOptions

if TYPE_CHECKING:
    from robot_meta.checkpoint import Checkpoint
    from robot_meta.versions import Versions

DEFAULTS = TrainOptions()
OUT = Path("runs/ftml-store")


def train(
    learner: commands.LearnerWord,
    task: Annotated[Family | Robot | Few | None, tyro.conf.Positional] = None,
    /,
    options: Annotated[TrainOptions, tyro.conf.arg(name="")] = DEFAULTS,
    from_store: Path | None = None,
    robot: str = "sawyer",
    round_steps: int = 200,
    roll_back: bool = False,
) -> int:
    """Meta-train a learner on a task family. Run again to go on; Ctrl-C loses nothing.

    Under `torchrun` the same command shares the work among its processes. With `ftml --from-store`
    theta goes on from what a robot was shown and did: a new version beside the old ones.

    Args:
        learner: Which learner, such as mil; or ftml, with --from-store.
        task: Task family, a legged robot, or few-shot tasks.
        options: Options of the run.
        from_store: Folder of episodes whose tasks theta is moved on; --start is the first theta,
            --out the folder of its versions (runs/ftml-store), which `policy` loads as a policy.
        robot: Whose episodes: a robot's name or a contract file.
        round_steps: Meta-steps of a round on the store.
        roll_back: Put the version before the present one in use again, and do no more.
    """
    if learner == "ftml":
        from robot_meta.versions import Versions

        versions = Versions(options.out or OUT)
        if roll_back:
            print(f"{versions.path(versions.roll_back())} is in use again")
            return 0
        if from_store is None:
            raise ConfigError("train ftml: give --from-store EPISODES, or --roll-back")
        return _round(versions, from_store, robot, round_steps, options)
    if from_store is not None or roll_back:
        raise ConfigError(f"train {learner}: --from-store and --roll-back are for ftml")
    if task is None:
        raise ConfigError(f"train {learner}: on which task? As in `robot-meta train mil place`")
    return commands.train(learner, task, options)


def _round(versions: Versions, folder: Path, robot: str, steps: int, options: TrainOptions) -> int:
    """Move theta on the tasks of a store; put it in use unless it is worse where held out."""
    from robot_meta import learners
    from robot_meta.checks import check_demo
    from robot_meta.cpu import configure_cpu
    from robot_meta.learners.mil import Mil
    from robot_meta.logging import progress
    from robot_meta.loops import TrainConfig
    from robot_meta.online_learning import store_round
    from ros_nodes.contract import Contract
    from ros_nodes.store import Store
    from ros_nodes.stored_tasks import read_tasks

    print(configure_cpu())
    began = time.monotonic()
    theta = _begun(versions, options.start)
    learner = learners.make(theta.learner, theta.config)
    if not isinstance(learner, Mil):
        raise ConfigError(
            f"{versions.path()}: a theta of {theta.learner!r}; a round on stored tasks adapts on "
            "the robot's demonstrations: start from one of 'mil'"
        )
    found = read_tasks(Store(folder), Contract.load(robot))
    for name, why in found.left_out.items():
        print(f"left out {name}: {why}")
    for label, demos in found.demos.items():
        print(f"task {label}: {len(demos)} demonstrations")
        for demo in demos:
            check_demo(demo, learner.image_shape)
    buffer = store_round.dealt(list(found.demos.values()))
    config = TrainConfig(
        steps=steps, tasks=1, rate=options.rate, warmup=10, average=options.average,
        seed=options.seed + len(versions.numbers),
    )  # fmt: skip
    moved = theta.params
    news = store_round.meta_update(learner, moved, buffer.train, config, options.batch)
    for step in progress(news, steps):
        moved = step.averaged
    before, after = (
        store_round.held_out_loss(learner, params, buffer.held, options.batch)
        for params in (theta.params, moved)
    )
    notes = {
        "command": " ".join(["train", "ftml", "--from-store", str(folder), *options.words()]),
        "tasks": {label: len(demos) for label, demos in found.demos.items()},
        "held_out_loss": [before, after],
        "steps": steps,
        "wall_s": time.monotonic() - began,
    }
    number = versions.add(moved, theta.config, theta.learner, parent=theta.sha256, notes=notes)
    told = f"{versions.path(number)}: loss on held-out demonstrations {before:.4g} -> {after:.4g}"
    if not after < before:
        print(f"{told}; not better: {versions.path()} stays in use")
        return 0
    versions.use(number)
    print(f"{told}; in use")
    return 0


def _begun(versions: Versions, start: Path | None) -> Checkpoint:
    """The theta in use; in a new folder that of `start`, which becomes its first version."""
    from robot_meta import checkpoint

    if versions.numbers:
        if start is not None:
            raise ConfigError(
                f"{versions.folder}: has versions already and goes on from {versions.path()}; "
                "leave out --start, or give another --out"
            )
        return checkpoint.load(versions.path())
    if start is None:
        raise ConfigError(f"{versions.folder}: no versions yet; give --start CHECKPOINT")
    given = checkpoint.load(start)
    notes = {**given.notes, "started_from": str(start)}
    number = versions.add(
        given.params, given.config, given.learner, parent=given.sha256, notes=notes
    )
    versions.use(number)
    return checkpoint.load(versions.path())
