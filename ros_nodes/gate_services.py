"""What the command gate's services and its action `move_to` do. Imports no rclpy."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from robot_meta_msgs.action import MoveTo

from ros_nodes.awaiting import Turn, until
from ros_nodes.gate import Mode, Refusal
from ros_nodes.joint_move import JointMove

if TYPE_CHECKING:
    from ros_nodes.command_gate_node import CommandGateNode
    from ros_nodes.leg_gate_node import LegGateNode

GOAL_WAIT_S = 1.0
"""A policy's status may come so much later than its request for the mode."""
FEEDBACK_S = 0.1


class GateServices:
    """Handlers for a gate's node; handles, requests and responses are rclpy's."""

    def __init__(self, node: CommandGateNode | LegGateNode) -> None:
        self._node = node

    async def set_mode(self, request: Any, response: Any) -> Any:
        """Service `set_mode`; a policy's goal that is just beginning is waited for."""
        node = self._node
        try:
            mode = Mode(request.mode)
        except ValueError:
            known = ", ".join(f"{m.value} {m.name}" for m in Mode)
            response.success, response.message = False, f"no mode {request.mode}; there are {known}"
            return response
        if mode is Mode.POLICY:
            await until(lambda: node.core.gate.goal_active, GOAL_WAIT_S)
        return self._answer(response, lambda: node.core.set_mode(mode, node.clock_now()), mode.name)

    def estop(self, _: Any, response: Any) -> Any:
        """Service `estop`."""
        node = self._node
        node.core.gate.estop("the emergency stop was pressed", node.clock_now())
        node.publish_estop()
        node.heard()
        response.success, response.message = True, "stopped; reset_estop after 1 s"
        return response

    def reset_estop(self, _: Any, response: Any) -> Any:
        """Service `reset_estop`."""
        node = self._node
        self._answer(
            response, lambda: node.core.reset_estop(node.clock_now()), "IDLE; ask for a mode"
        )
        node.publish_estop()
        return response

    def _answer(self, response: Any, work: Callable[[], None], done: str) -> Any:
        try:
            if not self._node.active:
                raise Refusal("the gate is not active; activate it first")
            work()
            response.success, response.message = True, done
        except Refusal as refusal:
            response.success, response.message = False, str(refusal)
        self._node.heard()
        return response


class MoveService:
    """Handlers of the action `move_to` of an arm's gate."""

    def __init__(self, node: CommandGateNode) -> None:
        self._node = node
        self._moving = False

    def may_move(self) -> bool:
        """Whether a goal of `move_to` is taken: one at a time."""
        return self._node.active and not self._moving

    def cancel_move(self) -> bool:
        """Cancel the goal of `move_to`; whether there was one."""
        self._node.core.gate.end_move("cancelled")
        return self._moving

    async def move_to(self, handle: Any) -> Any:
        """Action `move_to`: joint space, within limits, at rest at its end."""
        node, goal = self._node, handle.request
        core = node.core
        scale = goal.speed_scale or node.p.move_speed_scale
        self._moving = True
        try:
            move = core.move_to(goal.pose, np.array(goal.q), scale, node.clock_now())
            node.heard()
            await self._watch(handle, move)
        except Refusal as refusal:
            handle.abort()
            return MoveTo.Result(success=False, message=str(refusal))
        finally:
            self._moving = False
        if move.success:
            handle.succeed()
        elif handle.is_cancel_requested:
            handle.canceled()
        else:
            handle.abort()
        q = core.measured_q.tolist() if core.measured_q is not None else []
        return MoveTo.Result(success=move.success, message=move.message, q=q)

    async def _watch(self, handle: Any, move: JointMove) -> None:
        """Until the motion is over, telling how far it has come."""
        told = 0.0
        while not move.done and self._node.active:
            await Turn()
            if time.monotonic() - told >= FEEDBACK_S:
                told = time.monotonic()
                handle.publish_feedback(MoveTo.Feedback(remaining_rad=move.remaining_rad))
        move.finish(False, "the gate was deactivated")
