"""What the policy node does, without ROS: sessions, observations to decisions, ends of a run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import numpy as np
from numpy.typing import NDArray

from robot_meta import checkpoint, versions
from robot_meta.errors import ContractError, EpisodeError, SessionError
from robot_meta.session import Adaptation, Session
from robot_meta.types import Frame
from ros_nodes.bag import read_demo
from ros_nodes.contract import Contract
from ros_nodes.sampler import Forward, Sampler

POLICY_MODE = 3  # of GateStatus
# The gate reports at 10 Hz: after this long without a report nobody is there to obey.
GATE_SILENCE_S = 1.0
REPORT_SLACK_NS = 500_000_000
"""The gate's reports stamped so soon after it accepted may be of before; the next one is not."""


@dataclass(frozen=True)
class Decision:
    """What the policy wants after one image."""

    stamp_ns: int
    """Of the image."""
    action: NDArray[np.float64]
    """(vx, vy, vz) m/s in base, opening m."""
    inference_ms: float


class PolicyCore:
    """The session in use, the one before it, and the way from messages to decisions.

    Args:
        contract: of the robot.
        forward: kinematics; None takes those of the contract's robot.
    """

    def __init__(self, contract: Contract, forward: Forward | None = None) -> None:
        self.contract = contract
        self.sampler = Sampler(contract, forward)
        self._sessions: list[Session] = []

    @property
    def session(self) -> Session:
        """The session in use.

        Raises:
            SessionError: no policy is loaded.
        """
        if not self._sessions:
            raise SessionError(
                "no policy is loaded; call ~/load_policy, or set the parameter checkpoint"
            )
        return self._sessions[-1]

    @property
    def version(self) -> str:
        """Version of the parameters in use; empty without a policy."""
        return self._sessions[-1].version if self._sessions else ""

    def prepare(self, uri: str) -> Session | Path:
        """Read a policy file (slow: for a worker) without using it yet; of a folder, that in use.

        Returns:
            A new session for a theta; for a phi the path, for the session in use to load.

        Raises:
            CheckpointError: missing, foreign, damaged, or of other shapes.
            ContractError: made for images that this robot does not give.
        """
        path = versions.meant(local_path(uri))
        found = checkpoint.load(path)
        if found.kind == "phi":
            return path
        session = Session.load(path)
        try:
            self.contract.for_images(session.learner.image_shape)
        except ContractError as error:
            raise ContractError(f"{path}: {error}") from error
        session.warm_up()  # not while a robot waits for its first decision
        return session

    def use(self, prepared: Session | Path) -> str:
        """Put what `prepare` gave in use and return its version; on an error nothing changes.

        Raises:
            CheckpointError: a phi of another theta.
            SessionError: frozen, or a phi with no policy loaded.
        """
        if isinstance(prepared, Path):
            return self.session.load_phi(prepared)
        if self._sessions and self.session.frozen:
            raise SessionError(
                f"load policy: the policy is frozen at {self.version}; unfreeze it first"
            )
        self._sessions = [*self._sessions[-1:], prepared]
        self._look()
        return prepared.version

    def rollback(self) -> str:
        """Undo the last change, a load of another policy included; return the version in use.

        Raises:
            SessionError: frozen, or there is nothing to undo.
        """
        try:
            return self.session.rollback()
        except SessionError:
            if len(self._sessions) < 2 or self.session.frozen:
                raise
            self._sessions.pop()
            self._look()
            return self.session.version

    def _look(self) -> None:
        """See as the policy in use was trained to."""
        images = self.session.learner.image_shape
        self.sampler.see(self.contract.for_images(images).camera.spec)

    def adapt(
        self, uris: Sequence[str], steps: int, seed: int, tell: Callable[[int, float], None]
    ) -> Adaptation:
        """Read episodes and adapt on them (slow: for a worker). Nothing is swapped.

        Raises:
            DemoFormatError: no episode, or one that cannot be learned from.
            ContractError: an episode of another contract.
            SessionError: no policy, frozen, or the adaptation diverged.
        """
        session = self.session
        contract = self.contract.for_images(session.learner.image_shape)
        demos = [read_demo(local_path(uri), contract) for uri in uris]
        return session.adapt(demos, steps or None, seed, tell)

    def feed(self, topic: str, msg: Any) -> Frame | None:
        """Take a message; the newest frame that it completed, if any.

        Raises:
            ObservationError: the message cannot be used.
        """
        self.sampler.feed(topic, msg)
        frames = self.sampler.ready()
        return frames[-1] if frames else None

    def decide(self, frame: Frame) -> Decision:
        """Act on a frame.

        Raises:
            ObservationError: the frame is not one to act on.
            SessionError: no policy, or its output is not finite.
        """
        began = time.perf_counter()
        action = self.session.act(frame)
        return Decision(frame.stamp_ns, action, 1e3 * (time.perf_counter() - began))


class Run:
    """One execution of the policy: who may end it, and why it ended.

    Args:
        start_ns: the node's time at the start.
        max_duration_s: after this the run times out.
    """

    def __init__(self, start_ns: int, max_duration_s: float) -> None:
        self.start_ns = start_ns
        self.max_duration_s = max_duration_s
        self.steps = 0
        """Decisions since the gate accepted."""
        self.accepted_ns: int | None = None
        """The node's time when the gate said that it follows the policy."""
        self.reason = ""
        """Empty while it goes on; then completed, timeout, cancelled, error or gate."""
        self.detail = ""

    def end(self, reason: str, detail: str = "") -> None:
        """End the run, unless it has ended already."""
        if not self.reason:
            self.reason, self.detail = reason, detail

    @property
    def accepted(self) -> bool:
        """Whether the gate said that it follows the policy."""
        return self.accepted_ns is not None

    def gate(self, stamp_ns: int, mode: int, mode_name: str, refusal: str) -> None:
        """Hear the gate: another mode than the policy's, once it has accepted, ends the run.

        A report from before that may still be under way, and its clock may run a little ahead.
        """
        if self.accepted_ns is None or stamp_ns < self.accepted_ns + REPORT_SLACK_NS:
            return
        if mode != POLICY_MODE:
            self.end("gate", f"the gate went to {mode_name} ({refusal or 'no refusal'})")

    def tick(self, now_ns: int, gate_silence_s: float) -> None:
        """Look at the time.

        Args:
            now_ns: the node's time.
            gate_silence_s: since the gate's last report or the last request to it.
        """
        if self.elapsed_s(now_ns) >= self.max_duration_s:
            self.end("timeout", f"{self.max_duration_s} s are over")
        elif self.accepted and gate_silence_s > GATE_SILENCE_S:
            self.end("gate", f"no status of the gate for {gate_silence_s:.1f} s")

    def elapsed_s(self, now_ns: int) -> float:
        """Since the start, on the node's clock."""
        return max(0, now_ns - self.start_ns) / 1e9


def local_path(uri: str) -> Path:
    """The path of a `file://` URI or of a plain path.

    Raises:
        EpisodeError: another scheme.
    """
    if not uri:
        raise EpisodeError("an empty uri came; give a path or file:// uri")
    parts = urlparse(uri)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    if "://" in uri:
        raise EpisodeError(
            f"{uri}: scheme {parts.scheme!r} is not read; give a path or file:// uri"
        )
    return Path(uri)
