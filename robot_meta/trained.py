"""A training within an experiment: its averaged parameters, going on where it was stopped."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from robot_meta import training
from robot_meta.loops import TrainConfig, TrainStep
from robot_meta.train_state import load_state
from robot_meta.training import Run
from robot_meta.types import Params

Watch = Callable[[Iterable[TrainStep], str, int], Iterable[TrainStep]]
"""Passes steps through while showing progress (steps, what, total)."""


def averaged(
    run: Run, config: TrainConfig, folder: Path | None, title: str, watch: Watch
) -> Params:
    """Train and return the moving average of the parameters.

    Args:
        run: what is trained.
        config: settings.
        folder: where the run is saved and resumed; None to keep nothing.
        title: for the progress.
        watch: shows it.
    """
    with tempfile.TemporaryDirectory(prefix="robot-meta-") as temporary:
        out = Path(temporary) if folder is None else folder
        saving = training.Saving(out=out, save_every=500, validate_every=config.steps)
        for _ in watch(training.train(run, config, saving), title, config.steps):
            pass
        found = load_state(out / training.STATE, run.learner.name, run.learner.config, config)
    return found.averaged
