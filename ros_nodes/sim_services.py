"""The simulator's services: what a person or a test may do to the world. Imports no rclpy.

Names and meanings are those of mujoco_ros2_control; every answer says success, and why not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import yaml
from robot_meta_msgs.srv import (
    ApplyWrench,
    ResetWorld,
    SetFault,
    SetFreeJointState,
    SetPause,
    StepSimulation,
)

from robot_meta.errors import ConfigError, RobotMetaError
from ros_nodes import interventions
from ros_nodes.arm_sim import BATCH_STEPS
from sim.faults import CameraDelay, arm_fault

if TYPE_CHECKING:
    from ros_nodes.sim_node import SimNode

STEP_TIMEOUT_S = 30.0


class Steps:
    """Steps that are being taken; awaiting it gives the reason why they ended early, or ""."""

    def __init__(self, node: SimNode, batches: int) -> None:
        self._node = node
        self._deadline_s = time.monotonic() + max(STEP_TIMEOUT_S, 0.1 * batches)
        self.interrupted = ""
        node.steps_left = batches

    def __await__(self) -> Generator[None, None, str]:
        """The executor comes by once a turn; the timer takes the steps between."""
        while self._node.steps_left and not self.interrupted:
            if time.monotonic() > self._deadline_s:
                self.interrupted = "not done in time"
            yield
        short, self._node.steps_left = self._node.steps_left, 0
        return f"{self.interrupted}, {short * BATCH_STEPS} steps short" if short else ""


class SimServices:
    """Services of the node `sim`."""

    def __init__(self, node: SimNode) -> None:
        self._node = node
        self._steps: Steps | None = None
        make = node.create_service
        make(ResetWorld, "~/reset_world", self._reset_world)
        make(SetPause, "~/set_pause", self._set_pause)
        make(StepSimulation, "~/step_simulation", self._step_simulation)
        make(SetFreeJointState, "~/set_free_joint_state", self._place)
        make(ApplyWrench, "~/apply_wrench", self._push)
        make(SetFault, "~/set_fault", self._set_fault)

    def _reset_world(self, request: Any, response: Any) -> Any:
        def work() -> str:
            self._node.new_episode(request.task, request.seed, request.keyframe)
            self._interrupt("interrupted by reset_world")
            sim = self._node.sim
            return f"episode {sim.episode_number}: {sim.episode.task.label}"

        return _answer(response, work)

    def _set_pause(self, request: Any, response: Any) -> Any:
        def work() -> str:
            self._node.sim  # noqa: B018 - refuses while the node is not active
            if not request.paused:
                self._interrupt("interrupted by set_pause")
            self._node.paused = bool(request.paused)
            self._node.restart_time()
            return "paused" if request.paused else "running"

        return _answer(response, work)

    async def _step_simulation(self, request: Any, response: Any) -> Any:
        def check() -> None:
            self._node.sim  # noqa: B018
            if not self._node.paused:
                raise ConfigError("steps are taken only while paused; call set_pause first")
            if self._steps is not None:
                raise ConfigError("steps are being taken already; wait for their answer")
            if request.steps == 0 or request.steps % BATCH_STEPS:
                raise ConfigError(
                    f"{request.steps} physics steps of 2 ms; need a multiple of {BATCH_STEPS}, "
                    "the arm's control period of 10 ms"
                )

        if _answer(response, check).success:
            self._steps = Steps(self._node, request.steps // BATCH_STEPS)
            why = await self._steps
            self._steps = None
            response.success, response.message = not why, why or f"{request.steps} steps taken"
        return response

    def _interrupt(self, why: str) -> None:
        if self._steps is not None:
            self._steps.interrupted = why

    def _place(self, request: Any, response: Any) -> Any:
        def work() -> None:
            world = self._node.sim.episode.world
            interventions.place_bodies(world, request.names, request.poses, request.twists)

        return _answer(response, work)

    def _push(self, request: Any, response: Any) -> Any:
        def work() -> None:
            world = self._node.sim.episode.world
            r = request
            interventions.push(world, r.body, r.wrench, r.point, r.duration_s)

        return _answer(response, work)

    def _set_fault(self, request: Any, response: Any) -> Any:
        def work() -> str:
            fault = arm_fault(request.fault, _mapping(request.parameters_yaml))
            if self._node.p.lockstep and isinstance(fault, CameraDelay):
                raise ConfigError("lock-step waits for the answer to each picture; no delay in it")
            self._node.sim.set_fault(fault)
            return str(fault) if fault else "no fault"

        return _answer(response, work)


def _mapping(text: str) -> dict[str, Any]:
    try:
        parameters = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"parameters_yaml is not YAML: {error}") from error
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise ConfigError(f"parameters_yaml must be a mapping like 'delay_s: 0.2', got {text!r}")
    return parameters


def _answer(response: Any, work: Callable[[], str | None]) -> Any:
    """Do the work; success with its message, or the reason why not."""
    try:
        response.message = work() or ""
        response.success = True
    except (RobotMetaError, ValueError, RuntimeError) as error:
        response.success, response.message = False, str(error)
    return response
