"""Motors that now and then are not used: what a body does without them, whoever acts.

A model whose fault has taken a motor away asks what comes of commanding it nothing. Whoever acts
well commands all motors all the time, so motion has to be made in which some are left at rest. No
fault is in that: a motor at rest does as it is told.

B robots, A motors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from robot_meta.data.roam import Actor
from robot_meta.errors import ConfigError

Array = NDArray[np.float64]
STRETCH = (10, 41)
"""Control steps for which the same motors rest: drawn between these."""
AWAKE_SHARE = 0.2
"""Of the stretches: no motor rests."""


class Resting:
    """An actor some of whose motors rest, others in the next stretch.

    Args:
        actor: who acts, and does not know.
        share: of the motors of a robot that rests any.
        rng: draws which and for how long.

    Raises:
        ConfigError: a share outside of [0, 1).
    """

    def __init__(self, actor: Actor, share: float, rng: np.random.Generator) -> None:
        if not 0.0 <= share < 1.0:
            raise ConfigError(f"rest: need a share of motors in [0, 1), got {share}")
        self._actor, self._share, self._rng = actor, share, rng
        self._left = np.zeros(0, int)
        self.moving: Array = np.ones((1, 1))
        """(B, A): 0 where a motor rests, else 1."""

    def act(self, states: Array, pending: Array) -> Array:
        """See `Actor`."""
        if not len(self._left):
            self._left, self.moving = np.zeros(len(pending), int), np.ones(pending.shape)
        for i in np.flatnonzero(self._left == 0):
            awake = self._rng.random() < AWAKE_SHARE
            rests = self._rng.random(pending.shape[1]) < self._share
            self.moving[i] = 1.0 if awake else ~rests
            self._left[i] = self._rng.integers(*STRETCH)
        self._left -= 1
        return self._actor.act(states, pending) * self.moving

    @property
    def plan(self) -> Any:
        """The actor's (B, H, A), those motors at rest; None if it has none."""
        plan = getattr(self._actor, "plan", None)
        return None if plan is None else plan * torch.from_numpy(self.moving[:, None]).to(plan)
