"""ANIL: almost no inner loop (Raghu et al. 2020). MAML whose head alone adapts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from robot_meta.config import from_dict
from robot_meta.learners.maml import Maml, MamlConfig

FAST = ["head"]


def make(config: Mapping[str, Any]) -> Maml:
    """MAML from a config as JSON values, with theta's body kept: phi = (body, head - alpha g)."""
    return Maml(from_dict(MamlConfig, {"steps": 5, "test_steps": 5, **config, "fast": FAST}))
