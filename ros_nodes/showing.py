"""Show a task once and let the robot try it: the same steps for the demo and for evaluation.

At 1x, time runs on between the steps. In lock-step it stands while an episode is laid out and
begins when everybody is ready, so that a run repeats to the bit and equals one in process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from robot_meta.errors import SessionError

if TYPE_CHECKING:
    from ros_nodes.client_node import Goal, RobotClient, World

DECISION_NS = 100_000_000
"""Policies and scripts decide, and outcomes are judged, at 10 Hz of robot time."""
SLACK_S = 60.0
"""Wall time that a busy machine may need beyond the robot's."""
ATTEMPTS = 20
STOPS = 5
AGAIN = 1000
"""A demonstration that failed is given again in the arrangement whose number is so much higher."""


@dataclass
class Take:
    """One episode as a bystander saw it."""

    success: bool = False
    loose_success: bool = False
    """Under the published, looser rule."""
    done: bool = False
    """Whether the outcome was decided before the time was up."""
    steps: int = 0
    """Of 0.1 s, until the outcome was decided or the time was up."""
    error_m: float = float("nan")
    rate: float = float("nan")
    """Simulated seconds a wall second."""
    stopped: str = ""
    """Why the run was stopped, if it was."""
    target_xy_m: list[list[float]] = field(default_factory=list)
    """Where what was meant lay: the `avoid` of trials that follow."""
    episode: str = ""
    """Folder of the recording, if there is one."""
    pictures: list[NDArray[np.uint8]] = field(default_factory=list)
    """(H, W, 3) each, if the director films."""


class Director:
    """Leads demonstrations and trials.

    Args:
        client: of a running graph.
        max_steps: of 0.1 s; longer takes are over.
        lockstep: whether the graph runs so.
        film: keep the camera's pictures.
    """

    def __init__(
        self, client: RobotClient, *, max_steps: int, lockstep: bool = False, film: bool = False
    ) -> None:
        self._client = client
        self._max_steps = max_steps
        self._lockstep = lockstep
        self._film = film

    def demonstrate(self, task: Mapping[str, Any], seed: int, label: str) -> Take:
        """Teleoperation does the task while the recorder runs.

        A script that fails is given another arrangement; one that was stopped, which a busy machine
        can do to it, the same again.

        Raises:
            SessionError: it failed or was stopped so often that something must be wrong.
        """
        client = self._client
        failures = stops = 0
        while failures < ATTEMPTS and stops < STOPS:
            trial = int(task.get("trial", 0)) + AGAIN * failures
            world = self._lay_out({**task, "trial": trial}, seed)
            recording = client.record(label)
            client.take()
            client.wait_mode("TELEOP")
            shown = self._watch(world)
            stopped = not shown.done and client.gate.mode_name != "TELEOP"
            if client.gate.mode_name == "TELEOP":
                client.let_go()
            if shown.success:
                shown.episode = client.keep(recording)
                return shown
            client.discard(recording)
            failures, stops = failures + (not stopped), stops + stopped
        why = f"was stopped {stops} times, the last time by: {client.stopped_because}"
        raise SessionError(
            f"{label}: teleoperation failed in {failures} arrangements and {why}; is this machine "
            "too busy for it?"
        )

    def attempt(self, task: Mapping[str, Any], seed: int, label: str) -> Take:
        """The policy does the task. A run that was stopped is a failure, and tells why."""
        client = self._client
        world = self._lay_out(task, seed)
        run = client.run_policy(label, self._max_steps * DECISION_NS * 1e-9 + SLACK_S)
        client.wait_mode("POLICY", run)
        tried = self._watch(world, run)
        result = run.cancel()
        if result.outcome not in (result.SUCCEEDED, result.CANCELLED):
            tried.success = False  # the looser rule counts what was before
            client.wait_rest()
            why = client.stopped_because or "see the logs"
            tried.stopped = f"{result.termination_reason}: {why}"
        return tried

    def _lay_out(self, task: Mapping[str, Any], seed: int) -> World:
        if self._lockstep:
            self._client.set_pause(True)
        return self._client.reset_world(task, seed)

    def _watch(self, world: World, run: Goal | None = None) -> Take:
        """From now until the outcome is decided, or the time is up."""
        client = self._client
        take = Take(target_xy_m=[list(row) for row in world.info["target_xy_m"]])
        if self._film:
            client.on_image = lambda _, picture: take.pictures.append(picture.copy())
        if self._lockstep:
            client.set_pause(False)
        first = world if self._lockstep else client.states[-1]
        limit_ns = first.stamp_ns + self._max_steps * DECISION_NS

        let_go: list[int] = []

        def stopped() -> bool:
            """Nobody moves the robot any more; by then the state that made them stop is here."""
            if run is not None:
                return run.done and not self._ended_well(run)
            if client.gate.mode_name == "TELEOP":
                return False
            let_go.append(client.states[-1].stamp_ns)
            return client.states[-1].stamp_ns >= let_go[0] + 2 * DECISION_NS

        def over() -> World | None:
            ends = (s for s in client.states if s.info["done"] or s.stamp_ns >= limit_ns)
            return next(ends, None) or (client.states[-1] if stopped() else None)

        limit_s = SLACK_S + self._max_steps * DECISION_NS * 1e-9
        last = client.until(over, limit_s, "the episode did not end")
        assert last is not None
        if self._lockstep:
            client.set_pause(True)
        client.on_image = None
        take.success, take.done = bool(last.info["success"]), bool(last.info["done"])
        take.loose_success = bool(last.info["loose_success"])
        take.error_m = float(last.info["error_m"] if last.info["error_m"] is not None else np.nan)
        take.steps = round((last.stamp_ns - first.stamp_ns) / DECISION_NS)
        if last.steady_ns > first.steady_ns:
            take.rate = (last.stamp_ns - first.stamp_ns) / (last.steady_ns - first.steady_ns)
        return take

    @staticmethod
    def _ended_well(run: Goal) -> bool:
        result = run.result()
        return result.outcome == result.SUCCEEDED
