"""The simulator's services: what a person or a test may do to the world. Imports no rclpy.

Names and meanings are those of mujoco_ros2_control; every answer says success, and why not.
"""

from __future__ import annotations

from collections.abc import Callable
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
from ros_nodes.awaiting import until
from sim.faults import CameraDelay, arm_fault

if TYPE_CHECKING:
    from ros_nodes.sim_node import SimNode

STEP_TIMEOUT_S = 30.0


class SimServices:
    """Services of the node `sim`."""

    def __init__(self, node: SimNode) -> None:
        self._node = node
        self._stepping = False
        self._interrupted = ""

        def make(kind: Any, name: str, callback: Any, **more: Any) -> None:
            made = node.create_service(kind, name, callback, **more)
            node.undo.append(lambda: node.destroy_service(made))

        make(ResetWorld, "~/reset_world", self._reset_world)
        make(SetPause, "~/set_pause", self._set_pause)
        # Its answer waits for the timer and for other services: not in their group.
        aside = node.aside
        make(StepSimulation, "~/step_simulation", self._step_simulation, callback_group=aside)
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
            if self._stepping:
                raise ConfigError("steps are being taken already; wait for their answer")
            if request.steps == 0 or request.steps % BATCH_STEPS:
                raise ConfigError(
                    f"{request.steps} physics steps of 2 ms; need a multiple of {BATCH_STEPS}, "
                    "the arm's control period of 10 ms"
                )

        if not _answer(response, check).success:
            return response
        self._stepping, self._interrupted = True, ""
        self._node.steps_left = request.steps // BATCH_STEPS
        limit_s = max(STEP_TIMEOUT_S, 0.01 * request.steps)
        if not await until(self._stepped, limit_s):
            self._interrupted = f"not done after {limit_s:.0f} s"
        left, self._node.steps_left = self._node.steps_left * BATCH_STEPS, 0
        self._stepping = False
        response.success = not left
        taken = f"{request.steps - left} of {request.steps} steps taken"
        response.message = f"{self._interrupted}: {taken}" if left else taken
        return response

    def _stepped(self) -> bool:
        return bool(self._interrupted) or not self._node.steps_left

    def _interrupt(self, why: str) -> None:
        if self._stepping:
            self._interrupted = why

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
