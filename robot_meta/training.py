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

from robot_meta import checkpoint, inner, loops, parallel
from robot_meta.config import as_dict, from_dict
from robot_meta.data.batches import Batch, sample_filmed, sample_shown
from robot_meta.data.demo_set import DemoSet
from robot_meta.data.video_set import VideoSet
from robot_meta.errors import CheckpointError, ConfigError, DataError
from robot_meta.evaluate import ENVIRONMENTS
from robot_meta.learners import contextual, daml, finetune, mil, waypoints
from robot_meta.logging import TensorBoard
from robot_meta.loops import Sample, Trainable, TrainConfig, TrainStep
from robot_meta.nets import finer, vision
from robot_meta.nets.vision import VisionConfig
from robot_meta.session import Learner
from robot_meta.together import Together
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
    """Parameters to start from; None for fresh ones."""
    split: Callable[[Params], Mapping[str, Params]] = lambda params: {THETA: params}
    """Which parameters are saved in which file, to evaluate and ship."""


@dataclass(frozen=True, kw_only=True)
class Saving:
    """What is written when."""

    out: Path
    save_every: int = 200
    validate_every: int = 500
    log_every: int = 10
    notes: Mapping[str, Any] | None = None
    """JSON for the checkpoint, such as the command."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where a run's data comes from."""

    family: str
    """Whose camera ties the network's grid to the table."""
    train: Path
    """What `robot-meta collect` wrote for the training split."""
    validation: Path | None = None
    """The same of the validation split, if there is one."""
    videos: Path | None = None
    """Films of the same training tasks; those for validation lie beside it, named -val."""
    limit: int | None = None
    """Use so many tasks."""
    start: Path | None = None
    """A checkpoint to start from; parameters that it lacks are fresh."""
    hands: Path | None = None
    """A checkpoint whose controller to start with: it knows geometry, not pictures."""
    seed: int = 0
    """Of fresh parameters."""


def prepare_mil(sources: Sources, settings: Mapping[str, Any], batch: int) -> Run:
    """MIL on a folder of collected demonstrations.

    Args:
        sources: its data.
        settings: of `MilConfig`, JSON values.
        batch: tasks a meta-step in this process.

    Raises:
        DataError: no data, or of another format.
        ConfigError: a setting that `MilConfig` does not know.
        CheckpointError: `start` is no checkpoint, or its parameters have other shapes.
    """
    learner = mil.make(placed(sources.family, settings))

    def sample(data: DemoSet, rng: np.random.Generator) -> Batch:
        return mil.sample_batch(data, learner.settings, batch, rng)

    return _with_robots(learner, sample, sources)


def prepare_daml(sources: Sources, settings: Mapping[str, Any], batch: int) -> Run:
    """DAML on robot demonstrations and on films of the same tasks; as `prepare_mil`.

    Raises:
        DataError: also where there are no films.
    """
    learner = daml.make(placed(sources.family, settings))
    return _with_films(learner, sources, batch)


def prepare_contextual(sources: Sources, settings: Mapping[str, Any], batch: int) -> Run:
    """A policy conditioned on demonstrations, by the robot and by people; as `prepare_daml`."""
    learner = contextual.make(placed(sources.family, settings))
    return _with_films(learner, sources, batch)


def prepare_waypoints(sources: Sources, settings: Mapping[str, Any], batch: int) -> Run:
    """As `prepare_contextual`, for a policy that predicts waypoints."""
    learner = waypoints.make(placed(sources.family, settings))
    return _with_films(learner, sources, batch)


def prepare_finetune(sources: Sources, settings: Mapping[str, Any], batch: int) -> Run:
    """Behaviour cloning without any demonstration; as `prepare_mil`."""
    learner = finetune.make(placed(sources.family, settings))

    def sample(data: DemoSet, rng: np.random.Generator) -> Batch:
        sizes = (1, learner.settings.query_frames)
        return sample_shown(None, data, sizes, {"robot": 1.0}, batch, rng)

    return _with_robots(learner, sample, sources)


def _with_robots(
    learner: Any, draw: Callable[[DemoSet, np.random.Generator], Batch], sources: Sources
) -> Run:
    """A run of a learner that robots alone show tasks to."""
    train, held = _robots(learner, sources)
    return Run(
        learner=learner,
        trainable=learner,
        sample=lambda rng: draw(train, rng),
        validate=validated(learner, lambda rng: draw(held, rng)) if held else None,
        start=beginning(learner, sources),
    )


def _with_films(learner: Any, sources: Sources, batch: int) -> Run:
    """A run of a learner that films show tasks to."""
    train, held = _robots(learner, sources)
    if sources.videos is None:
        raise DataError(
            f"{learner.name}: no films; collect some with `robot-meta collect TASK --kind human`"
        )
    side = learner.image_shape[0]
    films = VideoSet.load(sources.videos, sources.limit, side)
    beside = sources.videos.with_name(sources.videos.name.replace("-train", "-val"))
    held_films = VideoSet.load(beside, side=side) if held and beside.exists() else None

    def sample(videos: VideoSet, robots: DemoSet, rng: np.random.Generator) -> Batch:
        return sample_filmed(videos, robots, learner.settings, batch, rng)

    return Run(
        learner=learner,
        trainable=learner,
        sample=lambda rng: sample(films, train, rng),
        validate=validated(learner, lambda rng: sample(held_films, held, rng))
        if held and held_films
        else None,
        start=beginning(learner, sources),
    )


def placed(family: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """`settings` with the table's places under the cells of the grid, unless they are given."""
    if "cells" in settings:
        return dict(settings)
    net = from_dict(VisionConfig, settings.get("net", {}))
    return {**settings, "cells": grid_places(family, net)}


def _robots(learner: Any, sources: Sources) -> tuple[DemoSet, DemoSet | None]:
    """The sets to train and to validate on, their pictures of the learner's size."""
    side, held = learner.image_shape[0], None
    if sources.validation is not None:
        held = DemoSet.load(sources.validation, side=side)
    return DemoSet.load(sources.train, sources.limit, side), held


def validated(
    learner: Trainable[Batch], sample: Sample[Batch]
) -> Callable[[Params], dict[str, float]]:
    """Figures of parameters on the same few batches each time."""

    def validate(params: Params) -> dict[str, float]:
        rng = np.random.default_rng(0)
        out: dict[str, float] = {}
        with torch.no_grad():
            for _ in range(VALIDATION_BATCHES):
                loss, told = learner.task_loss(params, sample(rng), 10**9)
                for key, value in {"loss": loss.item(), **told}.items():
                    out[key] = out.get(key, 0.0) + float(value) / VALIDATION_BATCHES
        return out

    return validate


def beginning(learner: Learner, sources: Sources) -> Params:
    """The parameters to start from.

    Raises:
        CheckpointError: no good checkpoint, or parameters of other shapes.
    """
    params = learner.init(sources.seed)
    if sources.start is not None:
        params = continued(params, sources.start)
    return params if sources.hands is None else continued(params, sources.hands, vision.HANDS)


def continued(fresh: Params, path: Path, prefixes: tuple[str, ...] = ("",)) -> Params:
    """`fresh` parameters with those that a checkpoint has, by prefix, in their place.

    Where the checkpoint's learner takes another number of steps, the first of its step sizes are
    taken, and the last again. One for pictures of half the side becomes one for these (`finer`).

    Raises:
        CheckpointError: no good checkpoint, none of these parameters, or some of other shapes.
    """
    found = checkpoint.load(path)
    there = found.params
    if "conv0.weight" in there and isinstance(found.config, Mapping) and "net" in found.config:
        coarse = from_dict(VisionConfig, found.config["net"])
        if fresh["conv0.weight"].shape == finer.shape(there):
            there = finer.params(there, coarse, seed=0)
    known = {n: p for n, p in there.items() if n in fresh and n.startswith(prefixes)}
    if not known:
        raise CheckpointError(f"{path}: it has none of the parameters that are to start from it")
    for name in known:
        if name.startswith(inner.ALPHA):
            at = torch.arange(len(fresh[name])).clamp(max=len(known[name]) - 1)
            known[name] = known[name][at]
    checkpoint.check_shapes(path, known, {name: tuple(fresh[name].shape) for name in known})
    return {**fresh, **known}


def grid_places(family: str, net: VisionConfig) -> list[list[float]]:
    """(x, y) in base, m, of the table under each cell of a network's grid."""
    made = gymnasium.make(ENVIRONMENTS[family], preset="none", pixels=net.image[0])
    env: Any = made.unwrapped
    env.reset(seed=0, options={"task": 0})
    places = env.places(*net.grid, top=net.skip_rows)
    env.close()
    return [[float(x), float(y)] for x, y in np.asarray(places).reshape(-1, 2)]


Prepare = Callable[[Sources, Mapping[str, Any], int], Run]
PREPARE: dict[str, Prepare] = {
    "contextual": prepare_contextual,
    "daml": prepare_daml,
    "finetune": prepare_finetune,
    "mil": prepare_mil,
    "waypoints": prepare_waypoints,
}
"""How a run of each learner is prepared."""


def together(runs: Mapping[str, Run]) -> Run:
    """One run over those of several families, of which the first gives learner and eyes.

    What is saved is `theta-FAMILY.safetensors` of each.
    """
    first = next(iter(runs.values()))
    joint = Together({family: run.trainable for family, run in runs.items()})
    samples = {family: run.sample for family, run in runs.items()}

    def validate(params: Params) -> dict[str, float]:
        return {
            f"{key}_{family}": value
            for family, run in runs.items()
            if run.validate is not None
            for key, value in run.validate(joint.of(family, params)).items()
        }

    starts = {family: run.start or run.learner.init(0) for family, run in runs.items()}
    return Run(
        learner=first.learner,
        trainable=joint,
        sample=lambda rng: joint.draw(samples, rng),
        validate=validate,
        start=joint.join(starts),
        split=lambda params: {
            f"theta-{family}.safetensors": joint.of(family, params) for family in runs
        },
    )


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
        for file, params in run.split(step.averaged).items():
            checkpoint.save(saving.out / file, params, settings, name, notes=notes)

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
