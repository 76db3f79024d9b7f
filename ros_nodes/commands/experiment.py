"""`robot-meta experiment`: those of `robot_meta.commands`, and one on the frames of the store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import tyro

from robot_meta import commands
from robot_meta.errors import ConfigError
from robot_meta.options import ExperimentOptions

FRAMES = 12
"""Of an episode, evenly spread: those in between look alike."""


def experiment(
    name: commands.ExperimentWord,
    /,
    options: Annotated[ExperimentOptions, tyro.conf.arg(name="")] = commands.EXPERIMENT,
    from_store: Path | None = None,
    robot: str = "sawyer",
) -> int:
    """Run one experiment whole: all its seeds and controls, results/NAME.json, and a verdict.

    Args:
        name: Which one.
        options: Options of the run.
        from_store: With cactus: learn from the camera frames of this folder of episodes instead.
        robot: Whose episodes: a robot's name or a contract file.
    """
    if from_store is None:
        return commands.experiment(name, options)
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

    cactus_store_experiment.run(
        stored(frames, labels), quick=options.quick, out=options.json, watch=watch
    )
    return 0
