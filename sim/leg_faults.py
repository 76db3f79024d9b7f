"""Faults of legged robots: what breaks, what is carried, what is underfoot. Switched while running.

A fault is a frozen record of plain numbers; `apply` writes it into a `LeggedWorld` without
compiling anything and gives back the way to undo it. Faults that training draws and those that a
test draws are disjoint by construction (`draw`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim import terrain
from sim.fault_table import Table, named
from sim.legged import LeggedRobot, LeggedWorld
from sim.terrain import field_x

Array = NDArray[np.float64]
Undo = Callable[[], None]
Split = Literal["train", "test"]

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
        _within("strength", self.strength, 0.0, 1.0)

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
        return _undo_all(
            [
                _write(model.dof_frictionloss, dof, 2.0 * strength),
                _write(model.dof_damping, dof, model.dof_damping[dof] + strength),
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
            undo.append(_write(model.geom_size, geom, length))
            undo.append(_write(model.geom_pos, geom, model.geom_pos[geom] * CRIPPLED_SHRINK))
        return _undo_all(undo)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Payload:
    """The trunk is heavier by `share` of the robot's mass."""

    share: float = 0.5

    def __post_init__(self) -> None:
        """Refuse loads that are none or out of range."""
        _within("share", self.share, 0.0, 2.0)

    def apply(self, world: LeggedWorld) -> Undo:
        """Add mass and inertia to the first body."""
        model = world.model
        own = [i for i in range(1, model.nbody) if not _is_block(model, i)]
        factor = 1.0 + self.share * float(model.body_mass[own].sum() / model.body_mass[1])
        undo = _undo_all(
            [
                _write(model.body_mass, 1, model.body_mass[1] * factor),
                _write(model.body_inertia, 1, model.body_inertia[1] * factor),
            ]
        )
        mujoco.mj_setConst(model, mujoco.MjData(model))
        return _then(undo, lambda: mujoco.mj_setConst(model, mujoco.MjData(model)))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Slope:
    """The ground rises by `degrees` along x."""

    degrees: float = 10.0

    def __post_init__(self) -> None:
        """Refuse walls."""
        _within("degrees", self.degrees, -40.0, 40.0)

    def apply(self, world: LeggedWorld) -> Undo:
        """Tilt gravity instead of the ground."""
        gravity, angle = world.model.opt.gravity, np.deg2rad(self.degrees)
        before = gravity.copy()
        size = float(np.linalg.norm(before))
        gravity[:] = [-size * np.sin(angle), 0.0, -size * np.cos(angle)]
        return lambda: gravity.__setitem__(slice(None), before)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Friction:
    """The ground is slippery or sticky: friction times `scale`."""

    scale: float = 0.3

    def __post_init__(self) -> None:
        """Refuse what is no friction."""
        _within("scale", self.scale, 0.0, 5.0)

    def apply(self, world: LeggedWorld) -> Undo:
        """Scale every shape's sliding friction."""
        friction = world.model.geom_friction
        return _write(friction, slice(None), friction * [self.scale, 1.0, 1.0])


@dataclasses.dataclass(frozen=True, kw_only=True)
class HeightField:
    """Hills underfoot."""

    profile: str = "hill"
    """hill, basin, gentle, steep, or random: segments of slopes drawn anew in each episode."""
    seed: int = 0
    """Of a random profile switched on in the middle of an episode."""

    def __post_init__(self) -> None:
        """Refuse unknown profiles."""
        if self.profile not in PROFILES:
            raise ValueError(f"no profile {self.profile!r}; there are {', '.join(PROFILES)}")

    def apply(self, world: LeggedWorld) -> Undo:
        """Shape the field, now and at every reset."""

        def shape(rng: np.random.Generator) -> None:
            terrain.shape_field(world.model, PROFILES[self.profile](field_x(), rng))

        shape(np.random.default_rng(self.seed))
        world.on_reset.append(shape)

        def undo() -> None:
            world.on_reset.remove(shape)
            terrain.flatten(world.model)

        return undo


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pier:
    """Floating blocks underfoot, each with a damping drawn from [`low`, `high`], N s / m.

    The world must have been made with the terrain `pier`.
    """

    low: float = 0.0
    high: float = 10.0
    seed: int = 0
    """Of the dampings when switched on in the middle of an episode."""

    def __post_init__(self) -> None:
        """Refuse an empty range."""
        if not 0.0 <= self.low < self.high <= 100.0:
            raise ValueError(f"need 0 <= low < high <= 100, got {self.low}, {self.high}")

    def apply(self, world: LeggedWorld) -> Undo:
        """Draw the blocks' damping, now and at every reset."""
        model = world.model
        blocks = [j for j in range(model.njnt) if model.joint(j).name.startswith(terrain.BLOCK)]
        if not blocks:
            raise ValueError("fault pier needs a world with blocks; start it with terrain:=pier")
        dofs = model.jnt_dofadr[blocks]
        before = model.dof_damping[dofs].copy()

        def shape(rng: np.random.Generator) -> None:
            model.dof_damping[dofs] = rng.uniform(self.low, self.high, len(dofs))

        shape(np.random.default_rng(self.seed))
        world.on_reset.append(shape)

        def undo() -> None:
            world.on_reset.remove(shape)
            model.dof_damping[dofs] = before

        return undo


@dataclasses.dataclass(frozen=True, kw_only=True)
class MotorDelay:
    """Motors act some control steps late."""

    steps: int = 1

    def __post_init__(self) -> None:
        """Refuse delays out of range."""
        _within("steps", self.steps, 0, MAX_DELAY_STEPS)

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
        _within("steps", self.steps, 0, MAX_DELAY_STEPS)

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


# --- what training and tests draw -------------------------------------------------------------


def draw(
    robot: LeggedRobot, motors: int, name: str, split: Split, rng: np.random.Generator
) -> LegFault:
    """A fault of the kind `name` from the training or the test set, which have none in common.

    The sets of disabled joints, crippled legs and height fields are the paper's (Nagabandi et al.
    2019): joint 0, the last leg and four named profiles are for tests alone.

    Raises:
        ValueError: an unknown kind.
    """
    train = split == "train"
    last = len(robot.legs) - 1
    joint = int(rng.integers(1, motors)) if train else 0
    if name == "disabled_joint":
        return DisabledJoint(joint=joint)
    if name == "weak_motor":
        return WeakMotor(joint=joint, strength=float(rng.uniform(0.1, 0.9)))
    if name == "locked_joint":
        return LockedJoint(joint=joint)
    if name == "crippled_leg":
        return CrippledLeg(leg=int(rng.integers(0, last)) if train else last)
    if name == "payload":
        low, high = (0.0, 0.5) if train else (0.6, 0.8)
        return Payload(share=float(rng.uniform(low, high)))
    if name == "slope":
        low, high = (-10.0, 10.0) if train else (12.0, 16.0)
        return Slope(degrees=float(rng.uniform(low, high)))
    if name == "friction":
        low, high = (0.4, 1.5) if train else (0.25, 0.35)
        return Friction(scale=float(rng.uniform(low, high)))
    if name == "hfield":
        test = str(rng.choice(["hill", "basin", "gentle", "steep"]))
        return HeightField(profile="random" if train else test)
    if name == "pier":
        return Pier(low=2.0, high=8.0) if train else Pier(low=0.0, high=2.0)
    if name == "motor_delay":
        return MotorDelay(steps=1 if train else 2)
    if name == "observation_delay":
        return ObservationDelay(steps=1 if train else 2)
    raise ValueError(f"unknown fault {name!r}; there are {', '.join(LEG_FAULTS)}")


# --- profiles of height fields, each (x, rng) -> heights --------------------------------------


def _pieces(slopes: Sequence[float], length_m: float) -> Callable[[Array], Array]:
    """A profile of pieces of `length_m`, one slope each, from 1 m before the start on."""

    def heights(x: Array) -> Array:
        knots = 1.0 + length_m * np.arange(len(slopes) + 1)
        at = np.concatenate([[0.0], np.cumsum(np.array(slopes) * length_m)])
        out: Array = np.interp(x, knots, at)
        return out

    return heights


def _random(x: Array, rng: np.random.Generator) -> Array:
    return _pieces(rng.uniform(-0.3, 0.3, 6).tolist() * 2, 4.0)(x)


PROFILES: dict[str, Callable[[Array, np.random.Generator], Array]] = {
    "random": _random,
    "hill": lambda x, _: _pieces([0.25, 0.25, -0.25, -0.25] * 3, 4.0)(x),
    "basin": lambda x, _: _pieces([-0.25, -0.25, 0.25, 0.25] * 3, 4.0)(x),
    "gentle": lambda x, _: _pieces([0.12], 54.0)(x),
    "steep": lambda x, _: _pieces([0.4], 54.0)(x),
}


# --- writing and undoing ----------------------------------------------------------------------


def _write(array: NDArray[Any], at: Any, value: Any) -> Undo:
    before = array[at].copy() if isinstance(array[at], np.ndarray) else array[at]
    array[at] = value

    def undo() -> None:
        array[at] = before

    return undo


def _undo_all(undos: Sequence[Undo]) -> Undo:
    def undo() -> None:
        for each in reversed(undos):
            each()

    return undo


def _then(first: Undo, second: Undo) -> Undo:
    return _undo_all([second, first])


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
            _write(model.actuator_gainprm, motor, model.actuator_gainprm[motor] * strength),
            _write(model.actuator_biasprm, motor, model.actuator_biasprm[motor] * strength),
            _write(model.geom_rgba, geoms, BROKEN_RGBA),
        ]
    return _undo_all(undo)


def _reach(model: mujoco.MjModel, motor: int) -> float:
    """Largest control value of a motor."""
    return float(np.abs(model.actuator_ctrlrange[motor]).max()) * abs(
        float(model.actuator_gainprm[motor, 0])
    )


def _is_block(model: mujoco.MjModel, body: int) -> bool:
    return bool(model.body(body).name.startswith(terrain.BLOCK))


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} must be in [{low}, {high}], got {value}")
