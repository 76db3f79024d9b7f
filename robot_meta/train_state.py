"""Everything a meta-training run needs to go on to the bit: saved and loaded as one file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from robot_meta import checkpoint
from robot_meta.config import as_dict
from robot_meta.errors import CheckpointError
from robot_meta.types import Params

_PARTS = ("params", "first", "second", "averaged")


@dataclass(frozen=True, kw_only=True)
class TrainState:
    """A run between two steps.

    Chance needs no state of its own: what step n draws is a function of the seed and n alone, so
    that `seed` and `number` are the state of every random stream.
    """

    params: Params
    first: Params
    """Adam's running mean of the gradient."""
    second: Params
    """Adam's running mean of its square."""
    averaged: Params
    """Moving average of the parameters."""
    number: int
    """Steps done."""
    seed: int
    skipped: int = 0
    """Steps in a row whose gradient was not finite."""

    @classmethod
    def start(cls, params: Params, seed: int) -> TrainState:
        """The state before the first step."""
        return cls(
            params=dict(params),
            first={name: torch.zeros_like(value) for name, value in params.items()},
            second={name: torch.zeros_like(value) for name, value in params.items()},
            averaged=dict(params),
            number=0,
            seed=seed,
        )


def save_state(
    path: str | os.PathLike[str], state: TrainState, learner: str, config: Any, run: Any
) -> None:
    """Write a state in one step: a crash leaves the one before.

    Args:
        path: the file.
        state: what to save.
        learner: the learner's name.
        config: the learner's config.
        run: the `TrainConfig`; resuming under another one is refused.
    """
    tensors = {
        f"{part}/{name}": value for part in _PARTS for name, value in getattr(state, part).items()
    }
    counters = {"number": state.number, "seed": state.seed, "skipped": state.skipped}
    notes = {"counters": counters, "run": as_dict(run)}
    checkpoint.save(path, tensors, config, learner, kind="train", notes=notes)


def load_state(
    path: str | os.PathLike[str], learner: str, config: Any, run: Any, *, may_differ: str = "steps"
) -> TrainState:
    """Read a state and check that it belongs to this run.

    Args:
        path: what `save_state` wrote.
        learner: the learner's name.
        config: the learner's config.
        run: the `TrainConfig` of this run.
        may_differ: the one setting of it that may have changed.

    Raises:
        CheckpointError: damaged, or of another learner, config or run.
    """
    found = checkpoint.load(path)
    if found.kind != "train" or found.learner != learner:
        raise CheckpointError(
            f"{path}: a {found.kind} of {found.learner!r}, expected a train state of {learner!r}"
        )
    for what, saved, now in (
        ("config", found.config, as_dict(config)),
        ("run", found.notes["run"], as_dict(run)),
    ):
        changed = _changes(saved, now, may_differ if what == "run" else "")
        if changed:
            raise CheckpointError(
                f"{path}: saved under another {what}: {changed}; "
                "go on with the old settings, or start in another folder"
            )
    parts: dict[str, Params] = {part: {} for part in _PARTS}
    for key, value in found.params.items():
        part, name = key.split("/", 1)
        parts[part][name] = value
    counters = found.notes["counters"]
    return TrainState(
        params=parts["params"],
        first=parts["first"],
        second=parts["second"],
        averaged=parts["averaged"],
        number=counters["number"],
        seed=counters["seed"],
        skipped=counters["skipped"],
    )


def _changes(saved: Mapping[str, Any], now: Mapping[str, Any], may_differ: str) -> str:
    keys = [key for key in sorted({*saved, *now}) if saved.get(key) != now.get(key)]
    told = [f"{k} was {saved.get(k)}, is {now.get(k)}" for k in keys if k != may_differ]
    return ", ".join(told)
