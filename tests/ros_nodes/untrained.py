"""A policy that has learned nothing: quick to make, and all that a test of the way needs."""

from __future__ import annotations

from pathlib import Path

from robot_meta import checkpoint
from robot_meta.learners.mil import Mil, MilConfig


def save(folder: Path) -> Path:
    """An untrained MIL policy in a checkpoint."""
    learner, path = Mil(MilConfig()), folder / "untrained.safetensors"
    checkpoint.save(path, learner.init(0), learner.config, learner.name)
    return path
