"""Recorded motion of a legged robot: episodes of equal length, and windows drawn from them.

E episodes of T control steps, S size of a state, A motors. One `.npz` file, no pickle.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from robot_meta.errors import DataError
from robot_meta.motion import Chunk, Steps

RUNS = 100
"""Of neighbouring episodes, that are trained or validated on together."""


@dataclass(frozen=True, eq=False)
class MotionSet:
    """Episodes."""

    states: NDArray[np.float32]
    """(E, T + 1, S)."""
    actions: NDArray[np.float32]
    """(E, T, A): as commanded."""

    def __post_init__(self) -> None:
        """Refuse what is no motion."""
        (e, t, _), (n, k, _) = self.states.shape, self.actions.shape
        if (e, t) != (n, k + 1) or e < 1 or k < 1:
            raise DataError(
                f"motion: states {self.states.shape} and actions {self.actions.shape}, need "
                "(E, T + 1, S) and (E, T, A)"
            )
        if not (np.isfinite(self.states).all() and np.isfinite(self.actions).all()):
            raise DataError("motion: numbers that are not finite")

    def __len__(self) -> int:
        """Transitions."""
        return int(self.actions.shape[0] * self.actions.shape[1])

    def __add__(self, other: MotionSet) -> MotionSet:
        """Both sets' episodes."""
        return MotionSet(
            np.concatenate([self.states, other.states]),
            np.concatenate([self.actions, other.actions]),
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file; its folder is made."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, states=self.states, actions=self.actions)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> MotionSet:
        """Read what `save` wrote.

        Raises:
            DataError: no such file, or not one of these.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                return MotionSet(file["states"], file["actions"])
        except (OSError, KeyError, ValueError) as error:
            raise DataError(f"{path}: not a set of motion ({error})") from error

    def pieces(self, steps: int) -> MotionSet:
        """The episodes cut into pieces of `steps`; what is left over at the end is dropped.

        Raises:
            DataError: episodes are too short.
        """
        whole = self.actions.shape[1] // steps
        if whole < 1:
            raise DataError(
                f"motion: pieces of {steps} steps of episodes of {self.actions.shape[1]}"
            )
        at = steps * np.arange(whole)[:, None] + np.arange(steps + 1)
        return MotionSet(
            self.states[:, at].reshape(-1, steps + 1, self.states.shape[-1]),
            self.actions[:, at[:, :-1]].reshape(-1, steps, self.actions.shape[-1]),
        )

    def split(self, share: float) -> tuple[MotionSet, MotionSet]:
        """The episodes but for every so many, and those: for validation.

        A hundred or more go by runs of neighbours, which may be pieces of one motion.
        """
        run = max(1, len(self.states) // RUNS)
        held = np.arange(len(self.states)) // run % max(2, round(1.0 / share)) == 0
        return (
            MotionSet(self.states[~held], self.actions[~held]),
            MotionSet(self.states[held], self.actions[held]),
        )

    def transitions(self) -> Steps:
        """All of them, one after the other."""
        before, after = self.states[:, :-1], self.states[:, 1:]
        size = self.states.shape[-1]
        return Steps(
            torch.from_numpy(before.reshape(-1, size)),
            torch.from_numpy(self.actions.reshape(len(self), -1)),
            torch.from_numpy(after.reshape(-1, size)),
        )

    def draw(self, past: int, future: int, count: int, rng: np.random.Generator) -> Chunk:
        """Windows of `past` + `future` steps in a row, each within one episode.

        Raises:
            DataError: episodes are too short.
        """
        span, steps = past + future, self.actions.shape[1]
        if span > steps:
            raise DataError(f"motion: windows of {span} steps in episodes of {steps}")
        episode = rng.integers(0, len(self.states), count)
        first = rng.integers(0, steps - span + 1, count)
        at = first[:, None] + np.arange(span)
        e = episode[:, None]
        whole = Steps(
            torch.from_numpy(self.states[e, at]),
            torch.from_numpy(self.actions[e, at]),
            torch.from_numpy(self.states[e, at + 1]),
        )
        return Chunk(Steps(*(x[:, :past] for x in whole)), Steps(*(x[:, past:] for x in whole)))
