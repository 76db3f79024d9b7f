"""A whole meta-training run: data to sampler, steps to states and checkpoints, in one folder.

<out>/state.safetensors   all of the run, to go on from
<out>/theta.safetensors   the averaged parameters, to evaluate and ship
<out>/tensorboard/        figures
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch

from robot_meta import checkpoint, loops, parallel
from robot_meta.config import as_dict, from_dict
from robot_meta.data.demo_set import DemoSet
from robot_meta.errors import ConfigError
from robot_meta.evaluate import ENVIRONMENTS
from robot_meta.learners import mil
from robot_meta.logging import TensorBoard
from robot_meta.loops import Sample, Trainable, TrainConfig, TrainStep
from robot_meta.nets.vision import VisionConfig
from robot_meta.session import Learner
from robot_meta.train_state import TrainState, load_state, save_state
from robot_meta.types import Params

STATE, THETA, BOARD = "state.safetensors", "theta.safetensors", "tensorboard"
VALIDATION_BATCHES = 6


@dataclass(frozen=True)
class Run:
    """What a run needs besides its settings."""

    learner: Learner
    trainable: Trainable[Any]
    sample: Sample[Any]
    """Draws one meta-batch of this process."""
    validate: Callable[[Params], dict[str, float]] | None = None
    """Figures on the validation set."""
    start: Params | None = None
    """Parameters to start from, instead of fresh ones."""


@dataclass(frozen=True, kw_only=True)
class Saving:
    """What is written when."""

    out: Path
    save_every: int = 200
    validate_every: int = 500
    log_every: int = 10
    notes: Mapping[str, Any] | None = None
    """JSON for the checkpoint, such as the command."""


def prepare_mil(
    family: str,
    data: Path,
    validation: Path | None,
    settings: Mapping[str, Any],
    batch: int,
    limit: int | None = None,
    start: Path | None = None,
) -> Run:
    """MIL on a folder of collected demonstrations.

    Args:
        family: task family, whose camera ties the network's grid to the table.
        data: what `robot-meta collect` wrote for the training split.
        validation: the same of the validation split, if there is one.
        settings: of `MilConfig`, JSON values.
        batch: tasks a meta-step in this process.
        limit: use so many tasks of the data.
        start: a checkpoint to start from; parameters that it lacks are fresh.

    Raises:
        DataError: no data, or of another format.
        ConfigError: a setting that `MilConfig` does not know.
        CheckpointError: `start` is no checkpoint, or its parameters have other shapes.
    """
    net = from_dict(VisionConfig, settings.get("net", {}))
    if "cells" not in settings:
        settings = {**settings, "cells": grid_places(family, net.grid, net.skip_rows)}
    config = from_dict(mil.MilConfig, settings)
    learner = mil.Mil(config)
    train = DemoSet.load(data, limit)
    held = DemoSet.load(validation) if validation is not None else None

    def validate(params: Params) -> dict[str, float]:
        assert held is not None
        rng = np.random.default_rng(0)
        out: dict[str, float] = {}
        with torch.no_grad():
            for _ in range(VALIDATION_BATCHES):
                drawn = mil.sample_batch(held, config, batch, rng)
                loss, told = learner.task_loss(params, drawn, 10**9)
                for key, value in {"loss": loss.item(), **told}.items():
                    out[key] = out.get(key, 0.0) + value / VALIDATION_BATCHES
        return out

    return Run(
        learner=learner,
        trainable=learner,
        sample=lambda rng: mil.sample_batch(train, config, batch, rng),
        validate=validate if held is not None else None,
        start=continued(learner.init(0), start) if start is not None else None,
    )


def continued(fresh: Params, path: Path) -> Params:
    """`fresh` parameters with those that a checkpoint has in their place.

    Raises:
        CheckpointError: no good checkpoint, or parameters of other shapes.
    """
    known = {name: p for name, p in checkpoint.load(path).params.items() if name in fresh}
    checkpoint.check_shapes(path, known, {name: tuple(fresh[name].shape) for name in known})
    return {**fresh, **known}


def grid_places(family: str, grid: tuple[int, int], top: int) -> list[list[float]]:
    """(x, y) in base, m, of the table under each cell of a grid below `top` rows of pixels."""
    env: Any = gymnasium.make(ENVIRONMENTS[family], preset="none").unwrapped
    env.reset(seed=0, options={"task": 0})
    places = env.places(*grid, top=top)
    env.close()
    return [[float(x), float(y)] for x, y in np.asarray(places).reshape(-1, 2)]


PREPARE: dict[str, Callable[..., Run]] = {"mil": prepare_mil}
"""How a run of each learner is prepared; the arguments are those of `prepare_mil`."""


def train(run: Run, config: TrainConfig, saving: Saving) -> Iterator[TrainStep]:
    """Train, or go on from the state in the folder, and yield every step.

    In several processes each yields its steps; the first one writes. The state is also saved when
    the consumer stops early, so Ctrl-C loses nothing.

    Raises:
        CheckpointError: the folder holds a run with other settings.
        ConfigError: the work cannot be shared evenly among the processes.
    """
    saving.out.mkdir(parents=True, exist_ok=True)
    name, settings = run.learner.name, as_dict(run.learner.config)
    state_file = saving.out / STATE
    start: Params | TrainState = run.start or run.learner.init(config.seed)
    if state_file.exists():
        start = load_state(state_file, name, settings, config)
    with parallel.join_world() as world:
        steps = loops.meta_train(run.trainable, start, run.sample, config, world)
        if not world.main:
            yield from steps
            return
        yield from _written(steps, run, config, saving)


def _written(
    steps: Iterator[TrainStep], run: Run, config: TrainConfig, saving: Saving
) -> Iterator[TrainStep]:
    """Pass steps through while logging, validating and saving."""
    name, settings = run.learner.name, as_dict(run.learner.config)
    last: TrainStep | None = None
    saved = 0

    def save(step: TrainStep) -> None:
        save_state(saving.out / STATE, step.state, name, settings, config)
        notes = {"steps": step.number, "train": as_dict(config), **(saving.notes or {})}
        checkpoint.save(saving.out / THETA, step.averaged, settings, name, notes=notes)

    try:
        with TensorBoard(saving.out / BOARD, saving.log_every) as board:
            for step in steps:
                last = step
                board.log(step)
                ended = step.number == config.steps
                if run.validate and (step.number % saving.validate_every == 0 or ended):
                    board.scalars(step.number, run.validate(step.averaged), "validation")
                if step.number % saving.save_every == 0 or ended:
                    save(step)
                    saved = step.number
                yield step
    finally:
        if last is not None and last.number != saved:
            save(last)


def parse_settings(words: tuple[str, ...]) -> dict[str, Any]:
    """`("steps=2", "net.embed=64")` to nested JSON values.

    Raises:
        ConfigError: a word that is not `name=value`.
    """
    import json

    out: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name:
            raise ConfigError(f"setting {word!r}: write name=value, as in steps=2")
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        *path, leaf = name.split(".")
        inside = out
        for part in path:
            inside = inside.setdefault(part, {})
        inside[leaf] = value
    return out
