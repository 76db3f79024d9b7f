"""Learners by name: what a checkpoint's `learner` field and the command line refer to.

A learner is imported when it is asked for, so that naming one costs nothing.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from robot_meta.errors import ConfigError
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
    module, function = _BUILT_IN[name].split(":")
    factory: Factory = getattr(importlib.import_module(module), function)
    return factory(config or {})
