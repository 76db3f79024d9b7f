"""Many legged worlds stepped together by threads, each with a fault of its own.

B worlds, C candidates, H control steps, S size of a state, A motors. Physics runs in
`mujoco.rollout`: one call for all worlds, no Python in between.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import mujoco
import numpy as np
from mujoco import rollout
from numpy.typing import NDArray

from sim.leg_faults import LegFault, MotorDelay, ObservationDelay
from sim.legged import LeggedRobot, LeggedWorld, robot_state
from sim.terrain import Terrain
from sim.undo import Undo

Array = NDArray[np.float64]
_FULL = mujoco.mjtState.mjSTATE_FULLPHYSICS


class LeggedBatch:
    """`count` worlds with one robot each.

    With `lag_steps`, an action arrives so many steps of physics late, as over a network.
    Use it as a context manager, or `close` it: it owns threads.
    """

    def __init__(
        self,
        robot: LeggedRobot,
        count: int,
        terrain: Terrain = "flat",
        threads: int | None = None,
        lag_steps: int = 0,
    ) -> None:
        if not 0 <= lag_steps < robot.frame_skip:
            raise ValueError(
                f"{robot.name}: lag_steps {lag_steps}, need 0 to {robot.frame_skip - 1}, as a "
                f"control step has {robot.frame_skip} of physics"
            )
        self.robot = robot
        self._lag_steps = lag_steps
        self.lag = lag_steps / robot.frame_skip
        """Share of a control step until an action arrives; so long the one before holds."""
        self.worlds = [LeggedWorld(robot, terrain) for _ in range(count)]
        self._threads = threads or len(os.sched_getaffinity(0))
        self._rollout = rollout.Rollout(nthread=self._threads)
        self._datas = [mujoco.MjData(self.worlds[0].model) for _ in range(self._threads)]
        self._models = [world.model for world in self.worlds]
        self._undo: list[Undo] = [lambda: None] * count
        self._full = np.stack([world.save_state() for world in self.worlds])
        self.dt_s = self.worlds[0].dt_s
        self.motors = self.worlds[0].model.nu
        self._held = np.zeros((count, self.motors))
        """(B, A) of the last control step."""

    def __enter__(self) -> LeggedBatch:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the threads."""
        self.close()

    def close(self) -> None:
        """End the threads."""
        self._rollout.close()

    def set_fault(self, index: int, fault: LegFault | None) -> None:
        """Give one world a fault in place of what it had.

        Raises:
            ValueError: a delay, which this loop does not model, or a fault the world cannot have.
        """
        if isinstance(fault, MotorDelay | ObservationDelay):
            raise ValueError(f"{fault} needs a LeggedWorld of its own: a batch knows no delays")
        self._undo[index]()
        self._undo[index] = lambda: None
        if fault is not None:
            self._undo[index] = fault.apply(self.worlds[index])

    def reset(self, rngs: Sequence[np.random.Generator]) -> Array:
        """First states (B, S), each drawn from its own generator."""
        seen = np.stack([w.reset(rng) for w, rng in zip(self.worlds, rngs, strict=True)])
        self._full = np.stack([world.save_state() for world in self.worlds])
        self._held = np.zeros_like(self._held)
        return seen

    def step(self, actions: Array) -> tuple[Array, Array]:
        """Hold `actions` (B, A) for a control step; states (B, S) and rewards (B,) after it."""
        before = self.states()
        self._full = self._run(self._models, self._full, actions[:, None], self._held)[:, -1]
        self._held = actions.copy()
        after = self.states()
        return after, reward(self.robot, before, actions, after, self.dt_s)

    def states(self) -> Array:
        """States (B, S) now."""
        return self._split(self._full)

    def simulate(self, actions: Array) -> tuple[Array, Array]:
        """Each world's future under C candidates, on the true physics; nothing moves.

        Args:
            actions: (B, C, H, A).

        Returns:
            States (B, C, H, S) after each control step, and rewards (B, C, H).
        """
        b, c, h, a = actions.shape
        models = [model for model in self._models for _ in range(c)]
        start = np.repeat(self._full, c, axis=0)
        held = np.repeat(self._held, c, axis=0)
        run = self._run(models, start, actions.reshape(b * c, h, a), held)
        states = self._split(run).reshape(b, c, h, -1)
        first = np.broadcast_to(self.states()[:, None, None], (b, c, 1, states.shape[-1]))
        before = np.concatenate([first, states[:, :, :-1]], axis=2)
        return states, reward(self.robot, before, actions, states, self.dt_s)

    def _run(
        self, models: Sequence[mujoco.MjModel], full: Array, actions: Array, held: Array
    ) -> Array:
        """Full physics states (N, H, F) after each control step of `actions` (N, H, A).

        `held` (N, A) is what holds until the first of them arrives.
        """
        skip = self.robot.frame_skip
        control = np.repeat(np.clip(actions, -1.0, 1.0), skip, axis=1)
        if self._lag_steps:
            before = np.concatenate([held[:, None], actions[:, :-1]], 1)
            n, h, a = actions.shape
            each = control.reshape(n, h, skip, a)
            each[:, :, : self._lag_steps] = np.clip(before, -1.0, 1.0)[:, :, None]
        states, _ = self._rollout.rollout(models, self._datas, full, control)
        ends: Array = states[:, skip - 1 :: skip]
        return ends

    def _split(self, full: Array) -> Array:
        """States (..., S) out of full physics states (..., F): time, qpos, qvel."""
        model = self._models[0]
        qpos = full[..., 1 : 1 + model.nq]
        return robot_state(model, qpos, full[..., 1 + model.nq : 1 + model.nq + model.nv])


def reward(robot: LeggedRobot, before: Array, actions: Array, after: Array, dt_s: float) -> Array:
    """Speed along x over the step, m/s, less the costs of effort and of tipping over."""
    speed = (after[..., robot.forward] - before[..., robot.forward]) / dt_s
    out: Array = np.minimum(speed, np.inf if robot.top_mps is None else robot.top_mps)
    out = out - robot.action_cost * np.square(np.clip(actions, -1, 1)).sum(-1)
    if robot.trunk:
        out = out - 2.0 * robot.tip_cost * np.square(after[..., list(robot.trunk[1:3])]).sum(-1)
    return out


def spec(robot: LeggedRobot, world: LeggedWorld) -> dict[str, Any]:
    """What a learner must know of a robot, in plain values."""
    return {
        "state": int(world.state().size),
        "action": int(world.model.nu),
        "hidden": list(robot.hidden),
        "forward": robot.forward,
        "dt_s": world.dt_s,
        "action_cost": robot.action_cost,
        "turning": list(robot.turning),
        "plane": list(robot.plane),
        "velocity": list(robot.velocity),
        "trunk": list(robot.trunk),
        "top_mps": robot.top_mps,
        "tip_cost": robot.tip_cost,
    }
