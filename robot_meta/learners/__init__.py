"""Learners by name: what a checkpoint's `learner` field and the command line refer to.

A learner is imported when it is asked for, so that naming one costs nothing.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from robot_meta.ensemble import Ensemble
from robot_meta.errors import ConfigError
from robot_meta.few_shot import FewShotLearner
from robot_meta.motion import MotionLearner
from robot_meta.session import Learner

Factory = Callable[[Mapping[str, Any]], Learner]
"""Builds a learner from its config as JSON values; {} gives the defaults."""

_BUILT_IN = {
    "contextual": "robot_meta.learners.contextual:make",
    "daml": "robot_meta.learners.daml:make",
    "finetune": "robot_meta.learners.finetune:make",
    "mil": "robot_meta.learners.mil:make",
    "waypoints": "robot_meta.learners.waypoints:make",
}
_MOTION = {
    "grbal": "robot_meta.learners.grbal:make",
    "history": "robot_meta.learners.history:make",
    "mb": "robot_meta.learners.mb:make",
    "rebal": "robot_meta.learners.rebal:make",
    "rls": "robot_meta.learners.rls:make",
}
"""Learners of motion: they adapt to what a robot has just done, not to a demonstration."""
_FEW_SHOT = {
    "anil": "robot_meta.learners.anil:make",
    "fomaml": "robot_meta.learners.fomaml:make",
    "lstm": "robot_meta.learners.lstm:make",
    "maml": "robot_meta.learners.maml:make",
    "mamlpp": "robot_meta.learners.mamlpp:make",
    "matching": "robot_meta.learners.matching:make",
    "mrmaml": "robot_meta.learners.mrmaml:make",
    "platipus": "robot_meta.learners.platipus:make",
    "protonet": "robot_meta.learners.protonet:make",
    "reptile": "robot_meta.learners.reptile:make",
    "snail": "robot_meta.learners.snail:make",
    "versa": "robot_meta.learners.versa:make",
}
"""Few-shot learners: they adapt to a set of labelled examples."""
_added: dict[str, Factory] = {}


def register(name: str, factory: Factory) -> None:
    """Make a learner from outside this package known to checkpoints and nodes of this process."""
    if name in _BUILT_IN or name in _added:
        raise ConfigError(f"learner {name!r} is known already; choose another name")
    _added[name] = factory


def names() -> tuple[str, ...]:
    """All known names, in alphabetical order."""
    return tuple(sorted({*_BUILT_IN, *_added}))


def make(name: str, config: Mapping[str, Any] | None = None) -> Learner:
    """Build the learner `name`.

    Raises:
        ConfigError: the name is unknown, or its config is refused.
    """
    if name in _added:
        return _added[name](config or {})
    if name not in _BUILT_IN:
        raise ConfigError(f"learner {name!r} is unknown; known are {', '.join(names())}")
    learner: Learner = _imported(_BUILT_IN[name])(config or {})
    return learner


def motion_names() -> tuple[str, ...]:
    """All learners of motion, in alphabetical order."""
    return tuple(sorted(_MOTION))


def make_motion(name: str, config: Mapping[str, Any]) -> MotionLearner:
    """Build the learner of motion `name`; its config says at least which body it is for.

    More than one `members` make an ensemble of it.

    Raises:
        ConfigError: the name is unknown, or its config is refused.
    """
    if name not in _MOTION:
        raise ConfigError(
            f"learner of motion {name!r} is unknown; known are {', '.join(motion_names())}"
        )
    learner: MotionLearner = _imported(_MOTION[name])(config)
    return Ensemble(learner) if learner.config.members > 1 else learner


def few_shot_names() -> tuple[str, ...]:
    """All few-shot learners, in alphabetical order."""
    return tuple(sorted(_FEW_SHOT))


def make_few_shot(name: str, config: Mapping[str, Any]) -> FewShotLearner:
    """Build the few-shot learner `name`; its config says at least the shape of x and of y.

    Raises:
        ConfigError: the name is unknown, or its config is refused.
    """
    if name not in _FEW_SHOT:
        raise ConfigError(
            f"few-shot learner {name!r} is unknown; known are {', '.join(few_shot_names())}"
        )
    learner: FewShotLearner = _imported(_FEW_SHOT[name])(config)
    return learner


def _imported(where: str) -> Callable[[Mapping[str, Any]], Any]:
    module, function = where.split(":")
    factory: Callable[[Mapping[str, Any]], Any] = getattr(importlib.import_module(module), function)
    return factory
