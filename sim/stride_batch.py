"""Many Go1s that walk, stride by stride, stepped together by threads, each with its own fault.

B robots, C candidates, H strides, L = 4 numbers of a stride (`gait.blended`). To a learner a stride
is a control step, how little each leg is trusted is the action, and `Walker.seen` the state.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.gait import LEGS
from sim.leg_batch import LeggedBatch
from sim.leg_targets import target_limits
from sim.legged import GO1
from sim.terrain import Terrain
from sim.walker import FULL_SPEED, HIDDEN, SEEN, STRIDE_S, TICKS, Walker

Array = NDArray[np.float64]
TRUST_COST = 0.12
"""m/s that a gait without a leg must be faster to be worth the change."""


class StrideBatch(LeggedBatch):
    """`count` robots that walk at full speed along the heading they begin with."""

    def __init__(self, count: int, terrain: Terrain = "flat", threads: int | None = None) -> None:
        super().__init__(GO1, count, terrain, threads)
        self._limits = target_limits(GO1)
        self.dt_s, self.motors = STRIDE_S, LEGS
        self.walker = Walker(super().states())

    def reset(self, rngs: Sequence[np.random.Generator]) -> Array:
        """First states (B, 13), each drawn from its own generator."""
        self.walker = Walker(super().reset(rngs))
        return self.states()

    def states(self) -> Array:
        """States (B, 13) now."""
        return self.walker.seen(super().states())

    def step(self, actions: Array) -> tuple[Array, Array]:
        """Walk a stride by `actions` (B, L or P); states (B, 13) and rewards (B,) after it."""
        before = self.states()
        self._full = self._stride(self._models, self._full, self.walker, actions)
        after = self.states()
        return after, _speed(before, after)

    def show(self, index: int) -> None:
        """Bring `worlds[index]`, which only holds its model, to where the robot is now."""
        self.worlds[index].restore_state(self._full[index])

    def simulate(self, actions: Array) -> tuple[Array, Array]:
        """Each robot's future under C candidates, on the true physics; nothing moves.

        Args:
            actions: (B, C, H, L).

        Returns:
            States (B, C, H, 13) after each stride, and rewards (B, C, H).
        """
        b, c, h, _ = actions.shape
        models = [model for model in self._models for _ in range(c)]
        full, walker = np.repeat(self._full, c, axis=0), self.walker.copies(c)
        seen = [walker.seen(self._split(full))]
        for t in range(h):
            full = self._stride(models, full, walker, actions[:, :, t].reshape(b * c, -1))
            seen.append(walker.seen(self._split(full)))
        states = np.stack(seen, 1).reshape(b, c, h + 1, -1)
        return states[:, :, 1:], _speed(states[:, :, :-1], states[:, :, 1:])

    def _stride(
        self, models: Sequence[mujoco.MjModel], full: Array, walker: Walker, actions: Array
    ) -> Array:
        """Full physics states (N, F) after a stride of N robots from `full` (N, F)."""
        walker.begin(actions)
        skip = self.robot.frame_skip
        share = (np.arange(1, skip + 1) / skip)[:, None]
        for _ in range(TICKS):
            # Carried out now is what was decided a control step ago; joints are led there evenly.
            arrived, before = walker.target, walker.before
            walker.step(self._split(full))
            led = before[:, None] + share * (arrived - before)[:, None]
            states, _ = self._rollout.rollout(models, self._datas, full, self._limits.shares(led))
            full = states[:, -1]
        return full


def _speed(before: Array, after: Array) -> Array:
    """Speed (...) along the heading over a stride, m/s, of states (..., 13); commanded is most."""
    speed: Array = np.minimum((after[..., 0] - before[..., 0]) / STRIDE_S, FULL_SPEED)
    return speed


def spec() -> dict[str, Any]:
    """What a learner must know of the strides, in plain values."""
    return {
        "state": SEEN,
        "action": LEGS,
        "hidden": list(HIDDEN),
        "forward": 0,
        "dt_s": STRIDE_S,
        "action_cost": TRUST_COST,
        "top_mps": FULL_SPEED,
    }
