"""`robot-meta experiment`: those of `robot_meta.commands`, and one on the frames of the store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import tyro

from robot_meta import commands
from robot_meta.errors import ConfigError

FRAMES = 12
"""Of an episode, evenly spread: those in between look alike."""


def experiment(
    name: Annotated[str, tyro.conf.Positional],
    /,
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4),
    trials: int | None = None,
    checkpoint: Path | None = None,
    blind: Path | None = None,
    json: Path | None = None,
    quick: bool = False,
    workers: int = 2,
    from_store: Path | None = None,
    robot: str = "sawyer",
) -> int:
    """Run one experiment whole: all its seeds and controls, results/NAME.json, and a verdict.

    Args:
        name: Which one: mil-place, mil-push, daml-place, daml-push, daml-pick-place (one method and
            family each), one-shot (all methods side by side), films (other people and cameras),
            online-adaptation (legged robots: every world, fault and method), failures (a picture
            of ten of DAML's failures at place), or one of the learners': sinusoid, few-shot and
            the others of `robot_meta/experiment_table.py`.
        seeds: Evaluation seeds.
        trials: Trials of each seed; the experiment's own number if not given.
        checkpoint: Trained parameters; the shipped ones if not given.
        blind: Those of the blind control.
        json: Results file; results/NAME.json if not given.
        quick: Few trials, in minutes: does it run, and roughly what comes out?
        workers: Processes of one thread.
        from_store: With cactus: learn from the camera frames of this folder of episodes instead.
        robot: Whose episodes: a robot's name or a contract file.
    """
    if from_store is None:
        return commands.experiment(
            name, seeds=seeds, trials=trials, checkpoint=checkpoint, blind=blind, json=json,
            quick=quick, workers=workers,
        )  # fmt: skip
    if name != "cactus":
        raise ConfigError(f"experiment {name}: --from-store is for cactus")
    from rich.progress import track

    from robot_meta import cactus_store_experiment
    from robot_meta.cpu import configure_cpu
    from robot_meta.data.stored_frames import stored
    from ros_nodes.contract import Contract
    from ros_nodes.store import Store
    from ros_nodes.stored_tasks import read_frames

    configure_cpu()
    frames, labels, left_out = read_frames(Store(from_store), Contract.load(robot), FRAMES)
    for episode, why in left_out.items():
        print(f"left out {episode}: {why}")

    def watch(things: Any, what: str, total: int) -> Any:
        return track(things, what, total=total)

    cactus_store_experiment.run(stored(frames, labels), quick=quick, out=json, watch=watch)
    return 0
