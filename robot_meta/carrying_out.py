"""What every `train` command ends in: a run carried out as its options say, with progress."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from robot_meta import training
from robot_meta.cpu import CpuSettings
from robot_meta.logging import progress
from robot_meta.loops import TrainConfig
from robot_meta.options import TrainOptions


def carry_out(
    run: training.Run,
    options: TrainOptions,
    folder: Path,
    notes: Mapping[str, Any],
    told: CpuSettings,
    tasks: int = 1,
) -> int:
    """Train to the end, or on to it; of several processes the first one tells.

    Args:
        run: what is trained.
        options: of the command.
        folder: of the run.
        notes: for people, into the checkpoint.
        told: what was set of the processor.
        tasks: draws of `run.sample` a meta-step.
    """
    saving = training.Saving(
        out=folder,
        save_every=options.save_every,
        validate_every=options.validate_every,
        notes=dict(notes),
    )
    config = TrainConfig(
        steps=options.steps,
        tasks=tasks,
        rate=options.rate,
        average=options.average,
        seed=options.seed,
    )
    news = training.train(run, config, saving)
    first = os.environ.get("RANK", "0") == "0"
    if first:
        print(told)
        news = progress(news, options.steps)
    for _ in news:
        pass
    if first:
        print(folder / training.THETA)
    return 0
