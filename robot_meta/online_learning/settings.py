"""Settings of a comparison of online learners, and which of them each method depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from robot_meta.data import rainbow
from robot_meta.online_learning.ftml import FtmlConfig
from robot_meta.online_learning.joint import JointConfig
from robot_meta.online_learning.learner import RoundConfig
from robot_meta.online_learning.protocol import ProtocolConfig

ROUND = RoundConfig(steps=2, rate=1e-2)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Of a whole experiment."""

    protocol: ProtocolConfig = field(default_factory=ProtocolConfig)
    orders: tuple[int, ...] = (0, 1, 2)
    """Orders of the tasks; each with parameters and draws of its own."""
    empty_orders: tuple[int, ...] = (0, 1)
    """Those that are followed from an empty buffer too."""
    kinds: int = len(rainbow.KINDS)
    """Tasks of an order."""
    preloaded: int = 20
    """Of them, those that are in memory before the first round, at the author's start."""
    preloading: int = 400
    """Rounds of training on those."""
    last: int = 20
    """Tasks at the end that the figures are of."""
    each: int | None = None
    """Pictures of a task; all that there are if not given."""
    widths: tuple[int, ...] = (8, 32, 32, 32)
    maml: Mapping[str, Any] = field(
        default_factory=lambda: {"alpha": 0.4, "steps": 1, "test_steps": 3}
    )
    fine_tuning: Mapping[str, Any] = field(default_factory=lambda: {"alpha": 0.1, "test_steps": 5})
    ftml: FtmlConfig = field(default_factory=lambda: FtmlConfig(round=ROUND))
    bounded: int = 1120
    """Examples that the bounded memory holds: at the end 20 a task."""
    joint: JointConfig = field(default_factory=lambda: JointConfig(round=ROUND))
    scratch: JointConfig = field(
        default_factory=lambda: JointConfig(round=RoundConfig(steps=10, rate=3e-3), batch=30)
    )
    all_data: int = 300
    """Rounds of the model that is trained on all tasks at once."""
    theorem_tasks: int = 100
    theorem_seeds: tuple[int, ...] = (0, 1, 2, 3, 4)


_COMMON = ("protocol", "kinds", "preloaded", "preloading", "each", "widths")
_OWN = {
    "ftml": ("maml", "ftml"),
    "bounded": ("maml", "ftml", "bounded"),
    "joint": ("fine_tuning", "joint"),
    "scratch": ("scratch",),
    "all-data": ("joint", "all_data"),
}
"""Settings that the outcomes of a method depend on."""


def told(settings: Settings, method: str) -> dict[str, Any]:
    """The settings that a method's outcomes depend on."""
    return {key: value for key, value in asdict(settings).items() if key in _COMMON + _OWN[method]}
