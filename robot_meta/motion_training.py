"""A run of a learner of motion on a world's shared set, and its figures on held-out episodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from robot_meta import learners
from robot_meta.body import Body
from robot_meta.checkpoint import Checkpoint
from robot_meta.config import as_dict
from robot_meta.data.motion_set import MotionSet
from robot_meta.ensemble import stacked
from robot_meta.errors import ConfigError
from robot_meta.frame import framed, framed_chunk
from robot_meta.locomotion import World, body_of
from robot_meta.motion import Chunk, MotionLearner, future_error
from robot_meta.nets.dynamics import Normal
from robot_meta.training import Run
from robot_meta.types import Params

HELD_SHARE = 0.1
"""Of the episodes: validation."""
HELD_WINDOWS = 512


class Start(NamedTuple):
    """What training goes on from."""

    params: Params
    normal: Mapping[str, Any]
    """The figures of `Normal` that they were trained with."""

    @staticmethod
    def of(found: Checkpoint) -> Start:
        """A checkpoint's."""
        return Start(found.params, found.config["normal"])

    @staticmethod
    def ensemble(found: Sequence[Checkpoint]) -> Start:
        """Single models become the members of an ensemble, with the figures of the first.

        Raises:
            ConfigError: ensembles, models of different networks, or such as look at motion with
                figures of their own.
        """
        nets = [learners.make_motion(each.learner, each.config).net for each in found]
        for each, net in zip(found, nets, strict=True):
            if each.config.get("members", 1) > 1 or net.shapes != nets[0].shapes:
                raise ConfigError("--members: need single models, their networks of one size")
            if net.config.context and each.config["normal"] != found[0].config["normal"]:
                raise ConfigError("--members: need models of one training set")
        same = [nets[0].taken_over(each.params, net) for each, net in zip(found, nets, strict=True)]
        common = set.intersection(*(set(each) for each in same))
        return Start(
            stacked([{n: each[n] for n in common} for each in same]), found[0].config["normal"]
        )


def prepare(
    name: str,
    world: World,
    motion: MotionSet,
    settings: Mapping[str, Any],
    windows: int,
    seed: int = 0,
    start: Start | None = None,
) -> Run:
    """A run of the learner `name`.

    Args:
        name: of a learner of motion.
        world: whose body the model is of.
        motion: what it is trained on; the normaliser's figures are of all of it.
        settings: of the learner, JSON values.
        windows: windows a meta-step.
        seed: of fresh parameters.
        start: parameters that training goes on from, where both learners have them: those of a
            model that does not adapt, say. Its normaliser's figures come along.

    Raises:
        ConfigError: an unknown learner or setting.
        DataError: episodes too short for the windows.
    """
    train, held = motion.split(HELD_SHARE)
    body = body_of(world.make())
    config = {
        "body": as_dict(body),
        "normal": as_dict(figures(body, train)) if start is None else start.normal,
        **settings,
    }
    learner = learners.make_motion(name, config)
    past, future = learner.config.past, learner.config.future
    judged = framed_chunk(body, held.draw(past, future, HELD_WINDOWS, np.random.default_rng(0)))

    def validate(params: Params) -> dict[str, float]:
        return {"error": mean_error(learner, params, judged)}

    return Run(
        learner=learner,  # type: ignore[arg-type]
        trainable=learner,
        sample=lambda rng: framed_chunk(body, train.draw(past, future, windows, rng)),
        validate=validate,
        start=begun(learner.init(seed), start),
    )


def figures(body: Body, motion: MotionSet) -> Normal:
    """Means and spreads of all transitions, each from where it faces."""
    return Normal.of(*framed(body, motion.transitions()))


def begun(fresh: Params, start: Start | None) -> Params:
    """Fresh parameters, but for those that `start` has too.

    Raises:
        ConfigError: they are of another size.
    """
    taken = {n: p for n, p in (start.params if start else {}).items() if n in fresh}
    for name, parameter in taken.items():
        if parameter.shape != fresh[name].shape:
            raise ConfigError(
                f"--start: {name} has the shape {tuple(parameter.shape)}, "
                f"need {tuple(fresh[name].shape)}; give the same net settings"
            )
    return {**fresh, **taken}


def mean_error(learner: MotionLearner, theta: Params, chunk: Chunk) -> float:
    """Mean squared error of the future after adapting on the past, in spreads of changes."""
    with torch.no_grad():
        return float(future_error(learner, theta, chunk).mean())
