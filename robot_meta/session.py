"""What a running robot holds: theta, the phi it acts with, and a way back.

The same object acts in a Gymnasium loop, behind ROS topics in the simulator and on a real robot.
One thread may act while another adapts: everything that `act` reads is one frozen record, and a
swap is one assignment. The adapted parameters are the only carrier of a demonstration.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray

from robot_meta import checkpoint, versions
from robot_meta.checks import JOINTS, check_demo, check_frame
from robot_meta.errors import (
    CheckpointError,
    DemoFormatError,
    RobotMetaError,
    SessionError,
)
from robot_meta.types import ACTION_SIZE, Demo, Frame, Params

UNDO_DEPTH = 32  # phis kept for `rollback`; a phi is a few MB


@runtime_checkable
class Learner(Protocol):
    """What a session needs of a learner. Parameters are values: no method changes them in place."""

    name: str
    """As in `robot_meta.learners`."""
    config: Any
    """A frozen dataclass or mapping of JSON values: all that `robot_meta.learners.make` needs."""
    image_shape: tuple[int, int, int]
    """(H, W, 3) of the frames it was made for."""

    def init(self, seed: int) -> Params:
        """Draw fresh parameters."""
        ...

    def adapt(
        self, theta: Params, demos: Sequence[Demo], steps: int | None = None, seed: int = 0
    ) -> Iterator[tuple[int, float, Params]]:
        """Yield (0, loss of theta, theta), then (k, loss of phi_k, phi_k) for each step k.

        `steps` None means the config's. The loss is the inner loss on the demos.
        """
        ...

    def act(self, phi: Params, frame: Frame, memory: Any) -> tuple[NDArray[np.float64], Any]:
        """Decide: (vx, vy, vz, opening) and the memory for the next call. It is None at first.

        A learner that can tell when it is finished also has `done(memory) -> bool`.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Adaptation:
    """Adapted parameters that are not in use yet."""

    phi: Params
    version: str
    """Names the parameters: the first digits of their hash."""
    base: str
    """Version of the theta it started from."""
    losses: tuple[float, ...]
    """Inner loss at theta and after each step."""
    wall_s: float

    @property
    def loss_before(self) -> float:
        """Inner loss of theta on the demos."""
        return self.losses[0]

    @property
    def loss_after(self) -> float:
        """Inner loss of phi on the demos."""
        return self.losses[-1]


@dataclass(frozen=True)
class _Held:
    """All that one decision depends on."""

    phi: Params
    version: str


def version_of(params: Params) -> str:
    """Short name of parameters: equal names mean equal bits."""
    return checkpoint.digest(params)[:12]


class Session:
    """A learner, its theta and the parameters in use.

    Args:
        learner: what acts and adapts.
        theta: the meta-trained parameters; also in use until something is applied.
        source: SHA-256 of the checkpoint that theta came from, if any.
    """

    def __init__(self, learner: Learner, theta: Params, source: str = "") -> None:
        self.learner = learner
        self.theta = dict(theta)
        self.source = source
        self.theta_version = version_of(self.theta)
        self.frozen = False
        self._held = _Held(self.theta, self.theta_version)
        self._undo: list[_Held] = []
        self._change = threading.Lock()
        self._memory: tuple[str, Any] = (self._held.version, None)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Session:
        """Build a session from a `theta` checkpoint, or from the one in use in a folder of them.

        Raises:
            CheckpointError: the file is not a good checkpoint of a theta.
            ConfigError: its learner or its config is unknown here.
        """
        from robot_meta import learners  # here, because learners know the Protocol above

        found = checkpoint.load(path := versions.meant(Path(path)))
        if found.kind != "theta":
            raise CheckpointError(
                f"{path}: holds a {found.kind}, expected a theta; load the theta that it was made "
                f"from ({', '.join(p[:12] for p in found.parents) or 'unknown'}) and then this one"
            )
        learner = learners.make(found.learner, found.config)
        checkpoint.check_shapes(path, found.params, _shapes(learner))
        return cls(learner, found.params, found.sha256)

    @property
    def phi(self) -> Params:
        """The parameters in use."""
        return self._held.phi

    @property
    def version(self) -> str:
        """Version of the parameters in use."""
        return self._held.version

    @property
    def adapted(self) -> bool:
        """Whether the parameters in use differ from theta."""
        return self.version != self.theta_version

    def act(self, frame: Frame) -> NDArray[np.float64]:
        """Decide on one frame: (vx, vy, vz) m/s in base and the gripper opening in m, float64.

        Raises:
            ObservationError: the frame is not what the policy was trained on, or not finite.
            SessionError: the network gave a value that is not finite.
        """
        check_frame(frame, self.learner.image_shape)
        held = self._held
        version, memory = self._memory
        if version != held.version:
            memory = None  # it was made by other parameters
        with torch.no_grad():
            action, memory = self.learner.act(held.phi, frame, memory)
        action = np.asarray(action, np.float64)
        if action.shape != (ACTION_SIZE,) or not np.isfinite(action).all():
            raise SessionError(
                f"policy {held.version} gave {action.tolist()}, expected {ACTION_SIZE} finite "
                "values; roll back or adapt on another demo"
            )
        self._memory = (held.version, memory)
        return action

    @property
    def done(self) -> bool:
        """Whether the policy holds that this run is finished; False where it cannot tell."""
        version, memory = self._memory
        tell = getattr(self.learner, "done", None)
        return tell is not None and version == self.version and bool(tell(memory))

    def reset(self) -> None:
        """Forget what was seen in this run. Call at the start of each."""
        self._memory = (self.version, None)

    def adapt(
        self,
        demos: Sequence[Demo],
        steps: int | None = None,
        seed: int = 0,
        on_step: Callable[[int, float], None] | None = None,
    ) -> Adaptation:
        """Adapt theta (never the phi in use) on demos. Nothing is swapped: see `apply`.

        Args:
            demos: one or more of one task.
            steps: gradient steps; None for the learner's own number.
            seed: of what the learner draws, such as which frames of a long demo to use.
            on_step: called with (step, loss), first with (0, loss of theta).

        Raises:
            DemoFormatError: a demo has another image size, or values that are not finite.
            SessionError: frozen, or the loss or the parameters did not stay finite.
        """
        self._refuse_if_frozen("adapt")
        if not demos:
            raise DemoFormatError("adapt: no demos came; give at least one episode")
        for demo in demos:
            check_demo(demo, self.learner.image_shape)
        began = time.perf_counter()
        losses: list[float] = []
        phi = self.theta
        for step, loss, params in self.learner.adapt(self.theta, demos, steps, seed):
            phi = params
            losses.append(float(loss))
            if on_step is not None:
                on_step(step, losses[-1])
        phi = {name: value.detach() for name, value in phi.items()}
        bad = [name for name, value in phi.items() if not torch.isfinite(value).all()]
        if bad or not losses or not np.isfinite(losses).all():
            raise SessionError(
                f"adapt: diverged (losses {losses}, not finite: {bad}); "
                "try fewer steps or another demo"
            )
        return Adaptation(
            phi=phi,
            version=version_of(phi),
            base=self.theta_version,
            losses=tuple(losses),
            wall_s=time.perf_counter() - began,
        )

    def apply(self, adaptation: Adaptation) -> None:
        """Put adapted parameters in use, in one assignment between two decisions.

        Raises:
            SessionError: frozen, or they were adapted from another theta.
        """
        if adaptation.base != self.theta_version:
            raise SessionError(
                f"adaptation {adaptation.version} started from theta {adaptation.base}, "
                f"this session has {self.theta_version}; adapt again"
            )
        self._put(_Held(adaptation.phi, adaptation.version), "apply an adaptation")

    def rollback(self) -> str:
        """Go back to the parameters before the last change and return their version.

        Raises:
            SessionError: frozen, or there is nothing to go back to.
        """
        with self._change:
            self._refuse_if_frozen("roll back")
            if not self._undo:
                raise SessionError(f"roll back: nothing was changed yet, {self.version} is in use")
            self._held = self._undo.pop()
            return self._held.version

    def warm_up(self) -> None:
        """Adapt on a blank demo and act once, keeping nothing: torch's first calls take a second.

        A learner that refuses a blank demo is simply not warm.
        """
        blank = Frame(
            stamp_ns=1,
            rgb=np.zeros(self.learner.image_shape, np.uint8),
            q_rad=np.zeros(JOINTS),
            ee_pos_m=np.zeros(3),
            ee_quat_wxyz=np.array([1.0, 0.0, 0.0, 0.0]),
            gripper_m=0.0,
        )
        actions = np.zeros((8, ACTION_SIZE), np.float32)
        demo = Demo(frames=(blank,) * 8, actions=actions, kind="robot")
        with contextlib.suppress(RobotMetaError):
            for _ in self.learner.adapt(self.theta, [demo], 1, 0):
                pass
        with torch.no_grad():
            self.learner.act(self.theta, blank, None)

    def save_phi(self, path: str | os.PathLike[str]) -> str:
        """Save the parameters in use and return the file's SHA-256."""
        return checkpoint.save(
            path,
            self.phi,
            self.learner.config,
            self.learner.name,
            kind="phi",
            parents=[self.source] if self.source else [],
            notes={"theta": self.theta_version},
        )

    def load_phi(self, path: str | os.PathLike[str]) -> str:
        """Put saved parameters in use, to the bit as they were, and return their version.

        Raises:
            CheckpointError: damaged, or adapted from another theta.
            SessionError: frozen.
        """
        found = checkpoint.load(path, _shapes_of(self.theta))
        theta = found.notes.get("theta")
        if found.kind != "phi" or found.learner != self.learner.name or theta != self.theta_version:
            raise CheckpointError(
                f"{path}: a {found.kind} of learner {found.learner!r} from theta {theta}, expected "
                f"a phi of {self.learner.name!r} from theta {self.theta_version}; load that first"
            )
        held = _Held(found.params, version_of(found.params))
        self._put(held, "load parameters")
        return held.version

    def _put(self, held: _Held, what: str) -> None:
        with self._change:
            self._refuse_if_frozen(what)
            self._undo = [*self._undo[-(UNDO_DEPTH - 1) :], self._held]
            self._held = held

    def _refuse_if_frozen(self, what: str) -> None:
        if self.frozen:
            raise SessionError(f"{what}: the policy is frozen at {self.version}; unfreeze it first")


def _shapes(learner: Learner) -> dict[str, tuple[int, ...]]:
    return _shapes_of(learner.init(0))


def _shapes_of(params: Params) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in params.items()}
