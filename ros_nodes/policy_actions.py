"""The policy node's actions and services: what a request does, and what it is answered."""

from __future__ import annotations

import math
import time
import traceback
from typing import TYPE_CHECKING, Any, Protocol

from robot_meta_msgs.action import Adapt, RunPolicy
from robot_meta_msgs.msg import Adaptation, GateStatus
from robot_meta_msgs.srv import SetMode

from robot_meta.errors import RobotMetaError, SessionError
from ros_nodes.awaiting import Turn, call, until
from ros_nodes.policy_core import PolicyCore, Run, local_path

if TYPE_CHECKING:
    from ros_nodes.policy_node import PolicyNode

OUTCOMES = {
    "completed": RunPolicy.Result.SUCCEEDED,
    "cancelled": RunPolicy.Result.CANCELLED,
    "timeout": RunPolicy.Result.TIMEOUT,
    "error": RunPolicy.Result.ERROR,
    "gate": RunPolicy.Result.STOPPED,
}
"""How a run ended -> `outcome`."""
SERVICE_S = 2.0  # the gate answers in milliseconds, or is not there
FEEDBACK_S = 0.5
CLOCK_S = 2.0  # a simulator's clock is found a moment after everything else
ENGAGE_S = 1.0  # status and request travel on two ways: the request may be first


class Runner(Protocol):
    """What a policy's node offers to a run."""

    p: Any
    current: Run | None
    set_mode: Any

    @property
    def version(self) -> str:
        """Version of the policy in use; empty without one."""
        ...

    def now_ns(self) -> int:
        """The node's time."""
        ...

    def begin(self, going: Run, task: str) -> None:
        """Decide from now on."""
        ...

    def accepted(self) -> None:
        """The gate said that it follows."""
        ...

    def end(self) -> None:
        """Decide no more."""
        ...

    def publish_status(self) -> None:
        """Say what the node is doing."""
        ...

    def get_logger(self) -> Any:
        """The node's logger."""
        ...


class RunAction:
    """Handlers of the action `run_policy`; handles and requests are rclpy's."""

    def __init__(self, node: Runner) -> None:
        self._runner = node

    async def run_policy(self, handle: Any) -> Any:
        """Action `run_policy`: decide on each image until the run ends."""
        node, goal = self._runner, handle.request
        await until(lambda: node.now_ns() > 0, CLOCK_S)
        refusal = self._why_no_run()
        if refusal:
            node.get_logger().error(f"run_policy: {refusal}")
            handle.abort()
            return RunPolicy.Result(outcome=OUTCOMES["error"], termination_reason="error")
        going = Run(node.now_ns(), goal.max_duration_s or node.p.max_duration_s)
        node.begin(going, goal.task)  # decisions come first: the gate follows fresh ones only
        refusal = await self._engage()
        if refusal:
            going.end("gate", refusal)
        else:
            node.accepted()
        told = time.monotonic()
        while not going.reason:
            await Turn()
            if time.monotonic() - told >= FEEDBACK_S:
                told = time.monotonic()
                elapsed = going.elapsed_s(node.now_ns())
                handle.publish_feedback(RunPolicy.Feedback(steps=going.steps, elapsed_s=elapsed))
        if going.reason != "gate":  # decisions go on until the gate holds: lock-step waits for them
            refusal = await self._ask_mode(GateStatus.HOLD)
            if refusal:
                node.get_logger().error(f"the gate does not hold: {refusal}")
        node.end()
        return self._finish(handle, going)

    def cancel_run(self) -> None:
        """Cancel the run that goes on."""
        if self._runner.current is not None:
            self._runner.current.end("cancelled")

    def _finish(self, handle: Any, going: Run) -> Any:
        told = f"run ended after {going.steps} steps: {going.reason} {going.detail}"
        if going.reason in ("completed", "timeout"):
            self._runner.get_logger().info(told)
            handle.succeed()
        elif going.reason == "cancelled" and handle.is_cancel_requested:
            self._runner.get_logger().info(told)
            handle.canceled()
        else:
            self._runner.get_logger().error(told)
            handle.abort()
        return RunPolicy.Result(
            outcome=OUTCOMES[going.reason], termination_reason=going.reason, steps=going.steps
        )

    def _why_no_run(self) -> str:
        node = self._runner
        if node.current is not None:
            return "a run goes on; cancel it first"
        if not node.version:
            return "no policy is loaded; call ~/load_policy first"
        if node.now_ns() == 0:
            return "no time yet; with use_sim_time somebody must publish /clock"
        return ""

    async def _engage(self) -> str:
        """Ask for mode POLICY until the gate has heard of the goal, which `~/status` tells it."""
        end = time.monotonic() + ENGAGE_S
        while True:
            self._runner.publish_status()
            refusal = await self._ask_mode(GateStatus.POLICY)
            if not refusal or self._runner.current is None or time.monotonic() > end:
                return refusal
            await until(lambda: False, 0.1)

    async def _ask_mode(self, mode: int) -> str:
        """Ask the gate for a mode; empty if it took it, else why not."""
        answer, refusal = await call(self._runner.set_mode, SetMode.Request(mode=mode), SERVICE_S)
        if answer is None:
            return refusal
        return "" if answer.success else f"the gate refused: {answer.message}"


class PolicyActions(RunAction):
    """Handlers for a `PolicyNode`."""

    def __init__(self, node: PolicyNode) -> None:
        super().__init__(node)
        self._node = node

    # --- adaptation ---------------------------------------------------------------------------

    async def adapt(self, handle: Any) -> Any:
        """Action `adapt`: adapt on episodes in the worker, then swap in one assignment."""
        node, goal, core = self._node, handle.request, self._core()
        steps = goal.steps or node.p.adapt_steps
        uris, seed = list(goal.episode_uris), int(goal.seed)

        def told(step: int, loss: float) -> None:
            handle.publish_feedback(Adapt.Feedback(step=step, loss=loss))
            msg = Adaptation(step=step, loss=loss, prediction_error=math.nan, version=core.version)
            msg.header.stamp = node.get_clock().now().to_msg()
            node.adaptation_pub.publish(msg)

        found, error = await node.worker.run(
            "adapting", lambda tell: core.adapt(uris, steps, seed, tell), told
        )
        if error is None:
            try:
                core.session.apply(found)
            except SessionError as refused:
                error = refused
        if error is not None:
            if handle.is_cancel_requested:
                handle.canceled()
            else:
                handle.abort()
            return Adapt.Result(accepted=False, version=core.version, message=self._tell(error))
        text = f"adapted in {found.wall_s:.2f} s, loss {found.loss_before:.4g} to "
        text += f"{found.loss_after:.4g}, version {found.version}"
        node.get_logger().info(text)
        node.note(shown=[local_path(uri).name for uri in uris])
        node.publish_status()
        handle.succeed()
        return Adapt.Result(
            accepted=True,
            version=found.version,
            loss_before=found.loss_before,
            loss_after=found.loss_after,
            message=text,
        )

    async def load_policy(self, request: Any, response: Any) -> Any:
        """Service `load_policy`: read and check in the worker; on an error the old one stays."""
        node = self._node
        try:
            core, uri = self._core(), str(request.uri)
            if node.current is not None:
                raise SessionError("load policy: a run goes on; cancel it first")
            found, error = await node.worker.run("loading a policy", lambda _: core.prepare(uri))
            if error is not None:
                raise error
            response.message = core.use(found)
            response.success = True
        except Exception as error:
            response.message = self._tell(error)
        node.publish_status()
        return response

    def rollback(self, _: Any, response: Any) -> Any:
        """Service `rollback`: the version in use after it, or why there is none to go back to."""
        try:
            response.message = self._core().rollback()
            response.success = True
        except RobotMetaError as error:
            response.message = self._tell(error)
        self._node.publish_status()
        return response

    def freeze(self, request: Any, response: Any) -> Any:
        """Service `freeze`: true refuses every change of the policy until false."""
        try:
            session = self._core().session
            session.frozen = bool(request.data)
            state = "frozen" if request.data else "free to change"
            response.success, response.message = True, f"{session.version} is {state}"
        except RobotMetaError as error:
            response.message = self._tell(error)
        return response

    def _core(self) -> PolicyCore:
        if self._node.core is None:
            raise SessionError("the policy node is not configured")
        return self._node.core

    def _tell(self, error: Exception) -> str:
        """Log an error and give its text for an answer."""
        if isinstance(error, RobotMetaError):
            self._node.get_logger().error(str(error))
            return str(error)
        self._node.get_logger().error("".join(traceback.format_exception(error)))
        return f"{type(error).__name__}: {error}"
