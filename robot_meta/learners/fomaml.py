"""First-order MAML (Finn et al. 2017, section 5.2): the inner gradient counts as a constant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from robot_meta.config import from_dict
from robot_meta.learners.maml import Maml, MamlConfig


def make(config: Mapping[str, Any]) -> Maml:
    """MAML from a config as JSON values, with d phi / d theta = 1."""
    return Maml(from_dict(MamlConfig, {**config, "second_order": False}))
