"""Meta-learning for robots: one rule, `phi = adapt(theta, evidence)`, and the learners that use it.

This package imports torch, numpy and Gymnasium's interface. It knows nothing of ROS, MuJoCo or
the simulator. The public names are loaded when they are first used, so that naming the package
costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from robot_meta.errors import RobotMetaError
    from robot_meta.session import Adaptation, Learner, Session
    from robot_meta.types import Demo, Frame, Params, Task, Transition

__version__ = "0.1.0"
__all__ = [
    "Adaptation",
    "Demo",
    "Frame",
    "Learner",
    "Params",
    "RobotMetaError",
    "Session",
    "Task",
    "Transition",
]

_HOMES = {
    "errors": ("RobotMetaError",),
    "session": ("Adaptation", "Learner", "Session"),
    "types": ("Demo", "Frame", "Params", "Task", "Transition"),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"robot_meta.{module}"), name)
    raise AttributeError(f"module 'robot_meta' has no attribute {name!r}")
