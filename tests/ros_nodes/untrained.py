"""A policy that has learned nothing: quick to make, and all that a test of the way needs."""

from __future__ import annotations

from pathlib import Path

from robot_meta import checkpoint, learners


def save(folder: Path, name: str = "mil") -> Path:
    """An untrained policy of a learner, in a checkpoint."""
    learner, path = learners.make(name), folder / "untrained.safetensors"
    checkpoint.save(path, learner.init(0), learner.config, learner.name)
    return path
