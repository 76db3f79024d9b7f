"""What the policy node of a robot that walks does, without ROS: states to joint targets.

Every control step of 20 ms has a target; what a stride is like is decided once a stride, by a
worker, while the stride before is walked: nothing waits for it but the next stride.
"""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robot_meta.errors import ObservationError, SessionError
from robot_meta.online import OnlineConfig, Told
from ros_nodes.leg_policy_core import LegPolicyCore
from sim.legged import LeggedRobot
from sim.stride_batch import spec
from sim.walker import FULL_SPEED, MAX_TURN, Walker

Array = NDArray[np.float64]
ADAPT_SPEED = 0.5 * FULL_SPEED
"""Strides commanded slower are walked as the last one was: the model knows full ones."""


class Velocity(NamedTuple):
    """What is commanded, within what the robot can do."""

    forward: float = 0.0
    """m/s along the heading; negative is backwards."""
    turn: float = 0.0
    """rad/s."""


def bounded(forward: float, turn: float) -> Velocity:
    """A velocity within bounds.

    Raises:
        ObservationError: numbers that are not finite.
    """
    if not np.isfinite([forward, turn]).all():
        raise ObservationError(f"cmd_vel: {forward} m/s and {turn} rad/s; need finite numbers")
    return Velocity(
        float(np.clip(forward, -FULL_SPEED, FULL_SPEED)), float(np.clip(turn, -MAX_TURN, MAX_TURN))
    )


@dataclass(frozen=True)
class WalkDecision:
    """What the policy wants in the next control step."""

    stamp_ns: int
    """Of the state that it was made from."""
    targets: Array
    """(J,), rad, in the motors' order."""
    told: Told
    """What the stride was chosen with."""


class WalkPolicyCore(LegPolicyCore):
    """As `LegPolicyCore`, for a robot that walks stride by stride."""

    def __init__(self, robot: LeggedRobot, config: OnlineConfig, seed: int = 0) -> None:
        self._worker = ThreadPoolExecutor(1)
        self._chosen: Future[Array] | None = None
        super().__init__(robot, config, seed)
        self._sizes = spec()["state"], spec()["action"]
        self.command = Velocity()
        """What the robot is to do; who sets it sees to its age."""
        self.took_ms = 0.0
        """Of the last choice of a stride."""

    def reset(self) -> None:
        """Forget what happened: the next state is the first of a walk."""
        if self._chosen is not None:
            self._chosen.exception()  # ends: the agent is nobody else's then
        super().reset()
        self._walker: Walker | None = None
        self._chosen = None
        self._asked: Array | None = None
        self._pending = np.zeros((1, spec()["action"]))

    def decide(self, at_ns: int, state: Array) -> WalkDecision:  # type: ignore[override]
        """The targets to send now.

        Raises:
            SessionError: no policy is loaded.
        """
        if self._agent is None:
            raise SessionError("no policy is loaded; set the parameter checkpoint")
        if self._walker is None:
            self._walker = Walker(state[None])
        self._last_ns, walker = at_ns, self._walker
        if walker.between:
            self._begin(walker, state)
        targets = walker.step(state[None], self.command.forward, self.command.turn)[0]
        return WalkDecision(at_ns, targets, self._told)

    def plan(self, age_s: float = 0.0) -> float:
        """Let the worker choose the stride after the one that begins; returns the last one's ms.

        The age of the state does not matter: a choice has a whole stride's time.
        """
        if self._asked is not None:
            asked, self._asked = self._asked, None
            self._chosen = self._worker.submit(self._choose, asked, self._pending)
        return self.took_ms

    def _begin(self, walker: Walker, state: Array) -> None:
        """Begin the stride that was chosen, and ask for the one after it."""
        assert self._agent is not None
        if self._chosen is not None:
            self._pending, self._chosen = self._chosen.result(), None
        self._told = self._agent.told
        walker.begin(self._pending)
        if self.command.forward >= ADAPT_SPEED:
            self._asked = walker.seen(state[None])
        else:
            self._agent.reset()  # a walk that was interrupted tells nothing

    def _choose(self, seen: Array, pending: Array) -> Array:
        assert self._agent is not None
        began = time.perf_counter()
        chosen = np.clip(self._agent.act(seen, pending), -1.0, 1.0)
        if not self._agent.told.adapted[0]:
            chosen = np.zeros_like(chosen)  # a leg is given up for what was seen of it alone
        self.took_ms = 1e3 * (time.perf_counter() - began)
        return chosen
