"""Sinusoids to regress: y = A sin(x - phase), Finn et al. 2017, section 5.1."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from robot_meta.errors import ConfigError
from robot_meta.few_shot import Episodes, Examples

AMPLITUDE, PHASE, X = (0.1, 5.0), (0.0, math.pi), (-5.0, 5.0)


@dataclass(frozen=True, kw_only=True)
class Sinusoid:
    """Draws tasks: a task is an amplitude and a phase."""

    shot: int = 10
    """K points to adapt on."""
    query: int = 10
    """Points to be judged by."""
    told: bool = False
    """Whether x holds amplitude and phase too: (x, A, phase), for the oracle."""

    def __post_init__(self) -> None:
        """Refuse tasks without points."""
        if min(self.shot, self.query) < 1:
            raise ConfigError(f"need shot and query >= 1, got {self.shot} and {self.query}")

    def draw(self, rng: np.random.Generator, tasks: int) -> Episodes:
        """`tasks` tasks: support x, y (B, K, 1) and query (B, Q, 1); x (..., 3) if `told`."""
        amplitude = rng.uniform(*AMPLITUDE, (tasks, 1, 1))
        phase = rng.uniform(*PHASE, (tasks, 1, 1))
        x = rng.uniform(*X, (tasks, self.shot + self.query, 1))
        y = amplitude * np.sin(x - phase)
        if self.told:
            x = np.concatenate(np.broadcast_arrays(x, amplitude, phase), -1)
        tx, ty = torch.from_numpy(x).float(), torch.from_numpy(y).float()
        support = Examples(tx[:, : self.shot], ty[:, : self.shot])
        return Episodes(support, Examples(tx[:, self.shot :], ty[:, self.shot :]))
