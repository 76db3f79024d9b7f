"""Legged robots: what each is made of, and a world with one of them that can be stepped and saved.

S is the size of a state, which is `qpos` followed by `qvel`; A the number of motors. An action is
in [-1, 1] and a share of what each motor can do: of its effort, or, of the Go1, whose motors are
servos, of its joint's range. It is held for one control step of 50 ms (Go1: 20 ms).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import gymnasium
import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.terrain import BLOCK, BUILDERS, Terrain, flatten

Array = NDArray[np.float64]
_GYMNASIUM = Path(gymnasium.__file__).parent / "envs/mujoco/assets"
_OWN = Path(__file__).parent / "assets"
_FULL = mujoco.mjtState.mjSTATE_FULLPHYSICS
_BAD = [int(getattr(mujoco.mjtWarning, f"mjWARN_BAD{x}")) for x in ("QPOS", "QVEL", "QACC")]


@dataclass(frozen=True, kw_only=True)
class LeggedRobot:
    """One kind of robot; what it is made of, in words of its MJCF."""

    name: str
    source: Path
    """MJCF, loaded by path."""
    frame_skip: int
    """Physics steps in a control step."""
    hidden: tuple[int, ...]
    """Entries of the state that say where in the world it is: no model's input."""
    forward: int
    """The entry of the state whose growth is progress."""
    legs: tuple[tuple[str, ...], ...]
    """Joint names of each leg, in the order that faults count legs."""
    action_cost: float
    """Taken from the reward for each unit of squared action."""
    noise: float
    """Size of the disturbance of a first state."""
    turning: tuple[int, ...] = ()
    """Entries of the state that are angles without bounds, rad."""
    plane: tuple[int, ...] = ()
    """Entries of the state that are x and y, of a robot that can go either way on the ground."""
    velocity: tuple[int, ...] = ()
    """Entries that are its speeds along x and y."""
    trunk: tuple[int, ...] = ()
    """Entries that are its trunk's quaternion, w x y z."""
    top_mps: float | None = None
    """A speed beyond which nothing is gained."""
    tip_cost: float = 0.0
    """Taken from the reward of a trunk that lies on its side, and twice that on its back."""
    home: tuple[float, ...] = ()
    """Joint angles that stand; empty: the model's first pose."""
    servos: bool = False
    """Whether motors hold joints at an angle, instead of giving an effort."""

    def load(self, terrain: Terrain = "flat") -> mujoco.MjModel:
        """Compile the model with a terrain that faults can shape."""
        spec = mujoco.MjSpec.from_file(os.fspath(self.source))
        # Of the robot alone, not of what a terrain adds; and not left to a setting that newer
        # MuJoCo warns of.
        total, spec.compiler.settotalmass = spec.compiler.settotalmass, -1.0
        BUILDERS[terrain](spec)
        model = spec.compile()
        if total > 0.0:
            own = [i for i in range(1, model.nbody) if not model.body(i).name.startswith(BLOCK)]
            factor = total / model.body_mass[own].sum()
            model.body_mass[own] *= factor
            model.body_inertia[own] *= factor
            mujoco.mj_setConst(model, mujoco.MjData(model))
        flatten(model)
        return model


HALF_CHEETAH = LeggedRobot(
    name="half_cheetah",
    source=_GYMNASIUM / "half_cheetah.xml",
    frame_skip=5,
    hidden=(0,),
    forward=0,
    legs=(("bthigh", "bshin", "bfoot"), ("fthigh", "fshin", "ffoot")),
    action_cost=0.05,
    noise=0.1,
    turning=(2,),
)
ANT = LeggedRobot(
    name="ant",
    source=_GYMNASIUM / "ant.xml",
    frame_skip=5,
    hidden=(0, 1),
    forward=0,
    legs=(
        ("hip_1", "ankle_1"),
        ("hip_2", "ankle_2"),
        ("hip_3", "ankle_3"),
        ("hip_4", "ankle_4"),
    ),
    action_cost=0.2,
    noise=0.1,
    plane=(0, 1),
    velocity=(15, 16),
    trunk=(3, 4, 5, 6),
    top_mps=1.0,
    tip_cost=4.0,
)
_SIDES = ("FR", "FL", "RR", "RL")
GO1 = LeggedRobot(
    name="go1",
    source=_OWN / "go1.xml",
    frame_skip=10,
    hidden=(0, 1),
    forward=0,
    legs=tuple(
        (f"{side}_hip_joint", f"{side}_thigh_joint", f"{side}_calf_joint") for side in _SIDES
    ),
    action_cost=0.0,
    noise=0.02,
    home=(0.0, 0.9, -1.8) * 4,
    servos=True,
)
ROBOTS: dict[str, LeggedRobot] = {robot.name: robot for robot in (HALF_CHEETAH, ANT, GO1)}


def robot_named(name: str) -> LeggedRobot:
    """The robot called `name`.

    Raises:
        ValueError: there is none; the message lists those that exist.
    """
    if name not in ROBOTS:
        raise ValueError(f"unknown robot {name!r}; there are {', '.join(ROBOTS)}")
    return ROBOTS[name]


@cache
def prototype(robot: LeggedRobot, terrain: Terrain) -> mujoco.MjModel:
    """The compiled model; do not change it, copy it."""
    return robot.load(terrain)


def copy_model(model: mujoco.MjModel) -> mujoco.MjModel:
    """A model of its own, to be changed by faults."""
    import copy

    return copy.copy(model)


class LeggedWorld:
    """One robot on one terrain.

    Attributes:
        motor_delay: control steps by which motors act late.
        observation_delay: control steps by which the state is seen late.
    """

    def __init__(self, robot: LeggedRobot, terrain: Terrain = "flat") -> None:
        self.robot, self.terrain = robot, terrain
        self.model = copy_model(prototype(robot, terrain))
        self.data = mujoco.MjData(self.model)
        self.motor_delay = self.observation_delay = 0
        self.on_reset: list[Callable[[np.random.Generator], None]] = []
        """What a fault does at the start of each episode, such as drawing a terrain."""
        self.reset(np.random.default_rng(0))

    @property
    def body(self) -> int:
        """How many entries of `qpos` are the robot's own: a pier's blocks come after them."""
        return int(robot_qpos(self.model))

    @property
    def dt_s(self) -> float:
        """Seconds of a control step."""
        return float(self.model.opt.timestep) * self.robot.frame_skip

    @property
    def finite(self) -> bool:
        """Whether the state is finite and MuJoCo has not had to start over."""
        if any(self.data.warning[kind].number for kind in _BAD):
            return False
        return bool(np.isfinite(self.data.qpos).all() and np.isfinite(self.data.qvel).all())

    def reset(self, rng: np.random.Generator) -> Array:
        """A first state near the standing pose; returns it (S,)."""
        mujoco.mj_resetData(self.model, self.data)
        for act in self.on_reset:
            act(rng)
        qpos, qvel = first_state(self.robot, self.model, rng)
        self.data.qpos[:], self.data.qvel[:] = qpos, qvel
        self._late: list[Array] = [np.zeros(self.model.nu)] * self.motor_delay
        mujoco.mj_forward(self.model, self.data)
        self._seen = [self.state()] * (self.observation_delay + 1)
        return self.observe()

    def step(self, action: Array) -> Array:
        """Hold `action` (A,), clipped to [-1, 1], for a control step; returns the state seen (S,).

        Raises:
            ValueError: another shape, or numbers that are not finite.
        """
        action = np.asarray(action, float)
        if action.shape != (self.model.nu,) or not np.isfinite(action).all():
            raise ValueError(f"need {self.model.nu} finite numbers as action, got {action}")
        self._late.append(np.clip(action, -1.0, 1.0))
        while len(self._late) > self.motor_delay + 1:
            self._late.pop(0)
        self.data.ctrl[:] = self._late[0] if len(self._late) > self.motor_delay else 0.0
        mujoco.mj_step(self.model, self.data, self.robot.frame_skip)
        self._seen = [*self._seen, self.state()][-(self.observation_delay + 1) :]
        return self.observe()

    def state(self) -> Array:
        """The true state (S,): the robot's `qpos` and `qvel`."""
        return robot_state(self.model, self.data.qpos, self.data.qvel)

    def observe(self) -> Array:
        """The state as it is seen (S,): late under an observation delay."""
        seen: Array = self._seen[0].copy()
        return seen

    def save_state(self) -> Array:
        """All that the next step depends on, motors' delay aside."""
        out = np.empty(mujoco.mj_stateSize(self.model, _FULL))
        mujoco.mj_getState(self.model, self.data, out, _FULL)
        return out

    def restore_state(self, state: Array) -> None:
        """Return to a saved state.

        Raises:
            ValueError: it belongs to a model of another size.
        """
        size = mujoco.mj_stateSize(self.model, _FULL)
        if state.shape != (size,):
            raise ValueError(f"the state has shape {state.shape}, this model takes ({size},)")
        mujoco.mj_setState(self.model, self.data, state, _FULL)
        mujoco.mj_forward(self.model, self.data)


def robot_qpos(model: mujoco.MjModel) -> int:
    """Entries of `qpos` before those of terrain bodies."""
    return _own(model)[0]


def robot_qvel(model: mujoco.MjModel) -> int:
    """Entries of `qvel` before those of terrain bodies."""
    return _own(model)[1]


def robot_state(model: mujoco.MjModel, qpos: Array, qvel: Array) -> Array:
    """`qpos` and `qvel` (..., nq), (..., nv) of the robot alone as states (..., S)."""
    nq, nv = _own(model)
    out: Array = np.concatenate([qpos[..., :nq], qvel[..., :nv]], axis=-1)
    return out


def first_state(
    robot: LeggedRobot, model: mujoco.MjModel, rng: np.random.Generator
) -> tuple[Array, Array]:
    """A first `qpos` (nq,) and `qvel` (nv,) near standing, as Gymnasium draws them."""
    qpos, qvel = model.qpos0.copy(), np.zeros(model.nv)
    nq, nv = _own(model)
    if robot.home:
        qpos[nq - len(robot.home) : nq] = robot.home
    qpos[:nq] += rng.uniform(-robot.noise, robot.noise, nq)
    qvel[:nv] += robot.noise * rng.standard_normal(nv)
    qpos[list(robot.hidden)] = 0.0
    if model.jnt_type[0] == mujoco.mjtJoint.mjJNT_FREE:
        mujoco.mju_normalize4(qpos[3:7])
    return qpos, qvel


def _own(model: mujoco.MjModel) -> tuple[int, int]:
    blocks = sum(
        model.joint(j).name.startswith(BLOCK) for j in range(model.njnt)
    )  # each slides along one axis
    return model.nq - blocks, model.nv - blocks
