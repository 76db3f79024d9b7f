"""A simulated legged robot behind the simulator node, without ROS.

Robot time counts from 1 s and never runs back over a reset. Physics runs in batches of 10 ms; what
the receiver holds is applied in each, or, where motors have servos, in each physics step.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from robot_meta.errors import ConfigError
from ros_nodes.leg_receiver import LegReceiver
from ros_nodes.leg_state import LegState
from ros_nodes.target_receiver import TargetReceiver
from sim.leg_faults import LegFault, MotorDelay, ObservationDelay
from sim.leg_limits import joint_names, limits
from sim.leg_targets import target_limits
from sim.legged import LeggedWorld, robot_named
from sim.terrain import BUILDERS, Terrain
from sim.undo import Undo

Array = NDArray[np.float64]
BATCH_NS = 10_000_000
START_NS = 1_000_000_000
"""First time of a world: a stamp of 0 means "no stamp" in ROS."""


class LegSim:
    """A robot that efforts, services and a clock act on. Create and use it in one thread.

    Raises:
        ConfigError: no such robot or terrain.
    """

    def __init__(
        self, robot: str, terrain: str = "flat", seed: int = 0, start_ns: int = START_NS
    ) -> None:
        if terrain not in BUILDERS:
            raise ConfigError(f"no terrain {terrain!r}; there are {', '.join(BUILDERS)}")
        try:
            self.robot = robot_named(robot)
        except ValueError as error:
            raise ConfigError(str(error)) from error
        kind: Terrain = terrain  # type: ignore[assignment]
        self.world = LeggedWorld(self.robot, kind)
        self.messages = LegState(self.robot)
        self._gear = self.world.model.actuator_gear[:, 0].copy()
        self._batch_steps = round(BATCH_NS * 1e-9 / self.world.model.opt.timestep)
        self._time_ns = start_ns
        self._undo: Undo = lambda: None
        self.fault: LegFault | None = None
        self.episode_number = 0
        self.receiver = self._new_receiver()
        self.reset(seed)

    def reset(self, seed: int = 0) -> None:
        """A new episode; the fault in force stays, what was commanded does not count."""
        stopped = self.receiver.stopped
        self.world.reset(np.random.default_rng(seed))
        self.messages.reset()
        self.receiver = self._new_receiver()
        self.receiver.stopped = stopped
        self.seed, self._start_x = seed, float(self.state()[self.robot.forward])
        self.episode_number += 1
        self.batches = 0

    @property
    def time_ns(self) -> int:
        """Robot time, ns."""
        return self._time_ns

    @property
    def diverged(self) -> bool:
        """Whether the physics has left the finite; only a reset brings it back."""
        return not self.world.finite

    def state(self) -> Array:
        """The state (S,) now."""
        return self.world.state()

    def step(self) -> None:
        """Advance one batch (10 ms), the motors giving what the receiver holds."""
        model, data = self.world.model, self.world.data
        held = 1 if self.robot.servos else self._batch_steps
        for done in range(0, self._batch_steps, held):
            at_s = self._time_ns * 1e-9 + done * model.opt.timestep
            data.ctrl[:] = self._shares(at_s)
            mujoco.mj_step(model, data, held)
        self._time_ns += BATCH_NS
        self.batches += 1

    def accept(self, msg: Any, steady_ns: int) -> None:
        """Take a command of the kind that the robot's motors have.

        Raises:
            ObservationError: it is refused.
        """
        if isinstance(self.receiver, LegReceiver):
            self.receiver.accept(msg, steady_ns)
        else:
            q, _ = self.messages.joints(self.state())
            self.receiver.accept(msg, q, self._time_ns * 1e-9, steady_ns)

    def efforts(self) -> Array:
        """What the motors give (J,), N m."""
        if isinstance(self.receiver, LegReceiver):
            return self.receiver.effort(self.messages.joints(self.state())[1])
        return self.world.data.actuator_force.copy()

    def _new_receiver(self) -> LegReceiver | TargetReceiver:
        names = joint_names(self.robot)
        if self.robot.servos:
            return TargetReceiver(names, target_limits(self.robot))
        return LegReceiver(names, limits(self.robot))

    def _shares(self, at_s: float) -> Array:
        """Control values (J,) of the model's motors."""
        q, qd = self.messages.joints(self.state())
        if isinstance(self.receiver, LegReceiver):
            shares: Array = np.clip(self.receiver.effort(qd) / self._gear, -1.0, 1.0)
            return shares
        return self.receiver.limits.shares(self.receiver.target(q, at_s))

    def acceleration(self) -> Array:
        """What an accelerometer in the base measures (3,), m/s^2 in its frame."""
        model, data = self.world.model, self.world.data
        mujoco.mj_rnePostConstraint(model, data)
        out = np.zeros(6)
        mujoco.mj_objectAcceleration(model, data, mujoco.mjtObj.mjOBJ_BODY, 1, out, 1)
        linear: Array = out[3:]
        return linear

    def set_fault(self, fault: LegFault | None) -> None:
        """Put a fault in force instead of the one before; None takes it away.

        Raises:
            ConfigError: one that this world cannot have; then there is none.
        """
        if isinstance(fault, MotorDelay | ObservationDelay):
            raise ConfigError(f"{fault}: delays are of environments; over ROS there are real ones")
        self._undo()
        self._undo = lambda: None
        self.fault = None
        if fault is None:
            return
        try:
            self._undo = fault.apply(self.world)
        except ValueError as error:
            raise ConfigError(str(error)) from error
        self.fault = fault

    def state_hash(self) -> str:
        """SHA-256 of everything the next step depends on, robot time apart."""
        return hashlib.sha256(self.world.save_state()[1:].tobytes()).hexdigest()

    def task_json(self) -> str:
        """Which robot and fault."""
        return json.dumps({"robot": self.robot.name, "fault": str(self.fault or "none")})

    def info(self) -> dict[str, Any]:
        """How far it has come; no policy's input."""
        x = float(self.state()[self.robot.forward])
        return {"distance_m": x - self._start_x, "diverged": self.diverged}
