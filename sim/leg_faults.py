"""Faults of legged robots: what breaks, what is carried, what is underfoot. Switched while running.

A fault is a frozen record of plain numbers; `apply` writes it into a `LeggedWorld` without
compiling anything and gives back the way to undo it. What is underfoot is in `ground_faults.py`,
what training and tests draw in `fault_draws.py`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import mujoco
import numpy as np

from sim import terrain
from sim.fault_table import Table, named
from sim.ground_faults import Friction, HeightField, Pier, Slope
from sim.legged import LeggedWorld
from sim.undo import Undo, undo_all, within, write

CRIPPLED_SHRINK = 0.5
"""A crippled leg's foot is so much shorter."""
MAX_DELAY_STEPS = 5
BROKEN_RGBA = (0.85, 0.15, 0.1, 1.0)
"""Colour of what is broken, for people who watch."""


class LegFault(Protocol):
    """What every fault can do."""

    def apply(self, world: LeggedWorld) -> Undo:
        """Bring the fault about in `world`; the returned call takes it away again."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class WeakMotor:
    """A motor gives `strength` of its effort."""

    joint: int = 0
    """Which motor, in the model's order."""
    strength: float = 0.5

    def __post_init__(self) -> None:
        """Refuse what is no weakness."""
        within("strength", self.strength, 0.0, 1.0)

    def apply(self, world: LeggedWorld) -> Undo:
        """Scale the motor's gain, and its servo's bias where it has one."""
        return _scale_motors(world, [_motor(world, self.joint)], self.strength)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DisabledJoint:
    """A motor gives nothing; its joint still bends."""

    joint: int = 0
    """Which motor, in the model's order."""

    def apply(self, world: LeggedWorld) -> Undo:
        """Take the motor's gain away."""
        return _scale_motors(world, [_motor(world, self.joint)], 0.0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class LockedJoint:
    """A joint hardly moves: its friction is larger than its motor."""

    joint: int = 0
    """Which motor's joint, in the model's order."""

    def apply(self, world: LeggedWorld) -> Undo:
        """Write friction and damping into the joint."""
        model = world.model
        dof = model.jnt_dofadr[model.actuator_trnid[_motor(world, self.joint), 0]]
        strength = abs(model.actuator_gear[self.joint, 0]) * _reach(model, self.joint)
        return undo_all(
            [
                write(model.dof_frictionloss, dof, 2.0 * strength),
                write(model.dof_damping, dof, model.dof_damping[dof] + strength),
            ]
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class CrippledLeg:
    """All motors of a leg give nothing, and its last link is half as long."""

    leg: int = 0

    def apply(self, world: LeggedWorld) -> Undo:
        """Take the motors' gains away and shorten the shape that touches the ground."""
        legs = world.robot.legs
        if not 0 <= self.leg < len(legs):
            raise ValueError(
                f"leg must be 0 to {len(legs) - 1} on {world.robot.name}, got {self.leg}"
            )
        model = world.model
        joints = [model.joint(name).id for name in legs[self.leg]]
        motors = [m for m in range(model.nu) if model.actuator_trnid[m, 0] in joints]
        undo = [_scale_motors(world, motors, 0.0)]
        foot = int(model.jnt_bodyid[joints[-1]])
        for geom in range(model.body_geomadr[foot], model.body_geomadr[foot] + 1):
            length = model.geom_size[geom].copy()
            length[1] *= CRIPPLED_SHRINK
            undo.append(write(model.geom_size, geom, length))
            undo.append(write(model.geom_pos, geom, model.geom_pos[geom] * CRIPPLED_SHRINK))
        return undo_all(undo)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Payload:
    """The trunk is heavier by `share` of the robot's mass."""

    share: float = 0.5

    def __post_init__(self) -> None:
        """Refuse loads that are none or out of range."""
        within("share", self.share, 0.0, 2.0)

    def apply(self, world: LeggedWorld) -> Undo:
        """Add mass and inertia to the first body."""
        model = world.model
        own = [i for i in range(1, model.nbody) if not _is_block(model, i)]
        factor = 1.0 + self.share * float(model.body_mass[own].sum() / model.body_mass[1])
        undo = undo_all(
            [
                write(model.body_mass, 1, model.body_mass[1] * factor),
                write(model.body_inertia, 1, model.body_inertia[1] * factor),
            ]
        )
        mujoco.mj_setConst(model, mujoco.MjData(model))
        return undo_all([lambda: mujoco.mj_setConst(model, mujoco.MjData(model)), undo])


@dataclasses.dataclass(frozen=True, kw_only=True)
class MotorDelay:
    """Motors act some control steps late."""

    steps: int = 1

    def __post_init__(self) -> None:
        """Refuse delays out of range."""
        within("steps", self.steps, 0, MAX_DELAY_STEPS)

    def apply(self, world: LeggedWorld) -> Undo:
        """Lengthen the queue of commands."""
        before, world.motor_delay = world.motor_delay, self.steps
        return lambda: setattr(world, "motor_delay", before)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ObservationDelay:
    """The state is seen some control steps late."""

    steps: int = 1

    def __post_init__(self) -> None:
        """Refuse delays out of range."""
        within("steps", self.steps, 0, MAX_DELAY_STEPS)

    def apply(self, world: LeggedWorld) -> Undo:
        """Lengthen the queue of states."""
        before, world.observation_delay = world.observation_delay, self.steps
        return lambda: setattr(world, "observation_delay", before)


LEG_FAULTS: Table = {
    "disabled_joint": DisabledJoint,
    "weak_motor": WeakMotor,
    "locked_joint": LockedJoint,
    "crippled_leg": CrippledLeg,
    "payload": Payload,
    "slope": Slope,
    "friction": Friction,
    "hfield": HeightField,
    "pier": Pier,
    "motor_delay": MotorDelay,
    "observation_delay": ObservationDelay,
}


def leg_fault(name: str, parameters: Mapping[str, Any]) -> LegFault | None:
    """The named fault of a legged robot, None for "" and "none".

    Raises:
        ValueError: an unknown fault or parameter (the message lists what exists), or a value out
            of range.
    """
    fault: LegFault | None = named(LEG_FAULTS, name, parameters)
    return fault


def _motor(world: LeggedWorld, joint: int) -> int:
    if not 0 <= joint < world.model.nu:
        raise ValueError(
            f"joint must be 0 to {world.model.nu - 1} on {world.robot.name}, got {joint}"
        )
    return joint


def _scale_motors(world: LeggedWorld, motors: Sequence[int], strength: float) -> Undo:
    model = world.model
    undo: list[Undo] = []
    for motor in motors:
        joint = int(model.actuator_trnid[motor, 0])
        body = int(model.jnt_bodyid[joint])
        geoms = slice(
            int(model.body_geomadr[body]),
            int(model.body_geomadr[body] + model.body_geomnum[body]),
        )
        undo += [
            write(model.actuator_gainprm, motor, model.actuator_gainprm[motor] * strength),
            write(model.actuator_biasprm, motor, model.actuator_biasprm[motor] * strength),
            write(model.geom_rgba, geoms, BROKEN_RGBA),
        ]
    return undo_all(undo)


def _reach(model: mujoco.MjModel, motor: int) -> float:
    """Largest control value of a motor."""
    return float(np.abs(model.actuator_ctrlrange[motor]).max()) * abs(
        float(model.actuator_gainprm[motor, 0])
    )


def _is_block(model: mujoco.MjModel, body: int) -> bool:
    return bool(model.body(body).name.startswith(terrain.BLOCK))
