"""What the policy node of a legged robot does, without ROS: messages to states, states to efforts.

A decision is made at every control step from the state seen then, and is for the step after: it is
held back until the next state comes, so that what was planned is what happens, whatever the
planning took.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from robot_meta import checkpoint, learners
from robot_meta.errors import ContractError, ObservationError, SessionError
from robot_meta.online import OnlineAgent, OnlineConfig, Told
from robot_meta.planning import Deadline
from ros_nodes.leg_state import LegState
from ros_nodes.messages import stamp_ns
from ros_nodes.policy_core import local_path
from sim.leg_limits import limits
from sim.legged import LeggedRobot, prototype

Array = NDArray[np.float64]
FROZEN_STATES = 10
"""So many equal states in a row come from a sensor that has stopped, not from a robot."""
HISTORY = 20
"""Messages of each stream that wait for their companions."""
PLANNING_SHARE = 0.7
"""Of a control step: on a slow machine a plan has fewer rounds, as one that is late is lost."""
BEHIND_SHARE = 0.4
"""Of a control step: with an older state nothing is planned."""
CATCH_UP = 3
"""So many steps in a row at most: states that are old after that come late, nobody is behind."""


@dataclass(frozen=True)
class Decision:
    """What the policy wants from now to the next control step."""

    stamp_ns: int
    """Of the state that it goes out at: the one after that which it was made from."""
    effort: Array
    """(J,), N m, in the motors' order."""
    told: Told
    """What the plan was made with."""


class LegPolicyCore:
    """The agent in use, and the way from messages to efforts.

    Args:
        robot: which.
        config: how it acts online.
        seed: of the candidates.
        lag_s: from a state until the effort that answers it arrives, s: so long the one before
            holds, in what is learned from a step and in what is planned.
    """

    def __init__(
        self, robot: LeggedRobot, config: OnlineConfig, seed: int = 0, lag_s: float = 0.0
    ) -> None:
        self.robot, self._seed = robot, seed
        self.states = LegState(robot)
        model = prototype(robot, "flat")
        self.period_ns = round(model.opt.timestep * robot.frame_skip * 1e9)
        self._config = replace(config, lag=1e9 * lag_s / self.period_ns)
        self._limits = limits(robot)
        self._sizes = self.states.nq + self.states.nv, self._limits.effort.size
        """Of what a learner sees and decides."""
        self._agent: OnlineAgent | None = None
        self.version = ""
        """Version of the parameters in use; empty without a policy."""
        self._waiting: dict[str, dict[int, Any]] = {"joint_states": {}, "odom": {}}
        self.reset()

    def reset(self) -> None:
        """Forget what happened: the next state is the first of an episode."""
        self.states.reset()
        if self._agent is not None:
            self._agent.reset()
        self._pending = np.zeros((1, self._sizes[1]))
        self._next: Array | None = None
        self._skipped = 0
        """Steps in a row for which nothing was planned."""
        self._last_ns, self._last, self._same = 0, np.zeros(0), 0

    def load(self, uri: str) -> str:
        """Use the parameters of a checkpoint and return their version.

        Raises:
            CheckpointError: missing, foreign or damaged.
            ContractError: made for another body.
        """
        found = checkpoint.load(local_path(uri))
        learner = learners.make_motion(found.learner, found.config)
        body, (wanted, motors) = learner.config.body, self._sizes
        if (body.state, body.action) != self._sizes:
            raise ContractError(
                f"{uri}: a model of {body.state} numbers and {body.action} motors; "
                f"{self.robot.name} has {wanted} and {motors}"
            )
        generator = torch.Generator().manual_seed(self._seed)
        agent = OnlineAgent(learner, found.params, self._config, 1, generator)
        # Not while a robot waits for its first decision.
        for _ in range(learner.config.past + 2):
            agent.act(np.zeros((1, wanted)), np.zeros((1, motors)))
        self._agent, self.version = agent, found.sha256[:12]
        self.reset()
        return self.version

    def feed(self, topic: str, msg: Any) -> tuple[int, Array] | None:
        """Take a message; the stamp and state (S,) of the control step that it completed, if any.

        Raises:
            ObservationError: the messages of a step cannot be used, or sensors have stopped.
        """
        at = stamp_ns(msg.header.stamp)
        if at <= 0 or at % self.period_ns:
            return None  # between control steps
        waiting = self._waiting[topic]
        waiting[at] = msg
        for old in sorted(waiting)[:-HISTORY]:
            del waiting[old]
        if not all(at in each for each in self._waiting.values()):
            return None
        joints, odom = (self._waiting[name].pop(at) for name in ("joint_states", "odom"))
        if at <= self._last_ns:
            self.reset()  # time went back, or the same again: another world
        state = self.states.read(joints, odom)
        self._notice_frozen(state)
        return at, state

    def _notice_frozen(self, state: Array) -> None:
        self._same = self._same + 1 if np.array_equal(state, self._last) else 0
        self._last = state
        if self._same >= FROZEN_STATES:
            raise ObservationError(
                f"{self._same + 1} equal states in a row: the sensors have stopped"
            )

    def decide(self, at_ns: int, state: Array) -> Decision | None:
        """What to send now; None at the first step, when nothing has been planned yet.

        Between two calls a step of control passes; where more has, what was planned is void.

        Raises:
            SessionError: no policy is loaded.
        """
        if self._agent is None:
            raise SessionError("no policy is loaded; set the parameter checkpoint")
        if self._last_ns and at_ns - self._last_ns != self.period_ns:
            self._agent.reset()
            self._next = None
        self._last_ns, self._now = at_ns, state
        planned, self._next = self._next, None
        self._pending = np.zeros_like(self._pending) if planned is None else planned
        if planned is None:
            return None
        return Decision(at_ns, planned[0] * self._limits.effort, self._agent.told)

    def plan(self, age_s: float = 0.0) -> float:
        """Plan for the step after the one that `decide` was asked about; returns ms taken.

        Args:
            age_s: of that step's state, s. Planning takes so much less time, and where too little
                is left the plan before goes on, for `CATCH_UP` steps at most: else every effort
                from then on would come late.

        Raises:
            ObservationError: the state is not one to act on.
        """
        assert self._agent is not None, "decide comes first"
        began = time.perf_counter()
        period_s = self.period_ns / 1e9
        late = Deadline(PLANNING_SHARE * period_s - age_s)
        behind = age_s > BEHIND_SHARE * period_s and self._skipped < CATCH_UP
        self._skipped = self._skipped + 1 if behind else 0
        self._next = self._agent.act(self._now[None], self._pending, late, behind=behind)
        return 1e3 * (time.perf_counter() - began)
