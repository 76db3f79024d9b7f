"""The base of every node: lifecycle, typed parameters, diagnostics, a main that survives Ctrl-C."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.duration import Duration
from rclpy.executors import Executor, ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.signals import SignalHandlerOptions
from rclpy.timer import Timer
from std_msgs.msg import String

from robot_meta.errors import ConfigError, RobotMetaError
from ros_nodes import dds, process
from ros_nodes.params import TypedParams, undeclared
from ros_nodes.qos import DIAGNOSTICS, LATCHED

DELIVERY_S = 0.5
"""Longest wait at the end for subscribers to have received the last messages."""
OK, WARN, ERROR, STALE = range(4)
"""Diagnostics levels, as `diagnostic_msgs/DiagnosticStatus` numbers them."""


class RobotNode(LifecycleNode):
    """A lifecycle node that starts itself, explains itself and fails loudly.

    Override `setup` (configure: make publishers, subscriptions, services), `start` (activate: begin
    work), `stop` (deactivate: stop work, then send the safe command; publishers are still on) and
    `teardown` (cleanup, shutdown and errors: must accept a half-made node). An exception in one of
    them is logged with its traceback and fails the transition; during the node's own start it ends
    the process with code 1.

    Args:
        name: node name, remappable as usual.
        params: a frozen dataclass with `param` fields (`ros_nodes.params`), holding the defaults.
        hardware_id: which robot this is, for diagnostics.
        kwargs: passed to `rclpy.lifecycle.LifecycleNode`.
    """

    def __init__(
        self, name: str, params: Any, *, hardware_id: str = "sawyer", **kwargs: Any
    ) -> None:
        super().__init__(name, **kwargs)
        self.hardware_id = hardware_id
        self._duties: dict[str, DiagnosticStatus] = {}
        self._failure: BaseException | None = None
        self._guard_change_state()
        self._autostart = bool(self.declare_parameter("autostart", True).value)
        self._params = TypedParams(self, params)
        self._params.on_change = lambda _: self.changed()
        if names := undeclared(self):
            self.get_logger().warning(f"no such parameters, ignored: {', '.join(names)}")
        self._contract_pub = self.create_publisher(String, "~/contract", LATCHED)
        self._diagnostics_pub = self.create_publisher(DiagnosticArray, "/diagnostics", DIAGNOSTICS)
        self.steady_timer(1.0, self._publish_diagnostics)
        if self._autostart:
            self._start_timer = self.steady_timer(0.0, self._bring_up)

    # --- for the subclass ---------------------------------------------------------------------

    def setup(self) -> None:
        """Make what the node needs (configure)."""

    def start(self) -> None:
        """Begin work (activate). Publishers are on."""

    def stop(self) -> None:
        """Stop work, then leave the robot safe (deactivate). Publishers are still on."""

    def teardown(self) -> None:
        """Give back what `setup` made. May be called after a half-done `setup`."""

    def changed(self) -> None:
        """A parameter was set; `self.p` already holds the new values."""

    @property
    def p(self) -> Any:
        """The parameters now, as the dataclass given at construction."""
        return self._params.value

    @property
    def active(self) -> bool:
        """Whether the lifecycle state is `active`."""
        return bool(self._state_machine.current_state[1] == "active")

    def now_ns(self) -> int:
        """The node's time in ns; with `use_sim_time` it is 0 before the first `/clock`."""
        return int(self.get_clock().now().nanoseconds)

    def steady_timer(self, period_s: float, callback: Callable[[], None]) -> Timer:
        """A timer on the monotonic clock, which runs on while simulated time stands."""
        return self.create_timer(period_s, callback, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def publish_contract(self, text: str) -> None:
        """Latch the contract's hash on `~/contract`."""
        self._contract_pub.publish(String(data=text))

    def diagnose(self, duty: str, level: int, message: str, **values: object) -> None:
        """Set the latest status of a duty; sent at 1 Hz, and logged when its level changes.

        Args:
            duty: what is being watched, such as "joint_states age".
            level: OK, WARN, ERROR or STALE.
            message: one line for a person.
            values: figures that belong to it.
        """
        before = self._duties.get(duty)
        pairs = [KeyValue(key=key, value=str(value)) for key, value in values.items()]
        self._duties[duty] = DiagnosticStatus(
            level=bytes([level]),
            name=f"{self.get_fully_qualified_name()}: {duty}",
            message=message,
            hardware_id=self.hardware_id,
            values=pairs,
        )
        was = OK if before is None else before.level[0]
        if level != was:
            # Three call sites: rclpy's logger insists on one severity for each.
            if level == OK:
                self.get_logger().info(f"{duty}: {message}")
            elif level == WARN:
                self.get_logger().warning(f"{duty}: {message}")
            else:
                self.get_logger().error(f"{duty}: {message}")

    # --- lifecycle ----------------------------------------------------------------------------

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Lifecycle: configure."""
        return self._guarded(
            "configure", self.setup, lambda: super(RobotNode, self).on_configure(state)
        )

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Lifecycle: publishers on, then work."""
        return self._guarded(
            "activate", lambda: super(RobotNode, self).on_activate(state), self.start
        )

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Lifecycle: work off and the safe command out, then publishers off."""
        return self._guarded(
            "deactivate", self.stop, lambda: super(RobotNode, self).on_deactivate(state)
        )

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Lifecycle: cleanup."""
        return self._guarded(
            "clean up", self.teardown, lambda: super(RobotNode, self).on_cleanup(state)
        )

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Lifecycle: shutdown, from any state."""
        work: list[Callable[[], object]] = []
        if state.label == "active":
            work += [self.stop, self._deliver]
        if state.label != "unconfigured":
            work.append(self.teardown)
        return self._guarded("shut down", *work, lambda: super(RobotNode, self).on_shutdown(state))

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Lifecycle: a transition failed; make the robot safe and go back to `unconfigured`."""
        for piece in (
            (self.stop, self.teardown) if state.label != "unconfigured" else (self.teardown,)
        ):
            try:
                piece()
            except Exception:
                self.get_logger().error(traceback.format_exc())
        return _SUCCESS

    def _guarded(self, verb: str, *work: Callable[[], object]) -> TransitionCallbackReturn:
        """Do every piece of work in order; rclpy would swallow what they raise."""
        try:
            for piece in work:
                result = piece()
                if isinstance(result, TransitionCallbackReturn) and result != _SUCCESS:
                    return result
        except Exception as error:
            self._failure = error
            self.diagnose("lifecycle", ERROR, f"could not {verb}: {error}")
            if not isinstance(error, RobotMetaError):
                self.get_logger().error(traceback.format_exc())
            return TransitionCallbackReturn.ERROR
        self.diagnose("lifecycle", OK, verb)
        return _SUCCESS

    def _deliver(self) -> None:
        """Wait until subscribers have what was sent: the end of the process would take it along."""
        deadline = time.monotonic() + DELIVERY_S
        for publisher in self.publishers:
            left_s = max(0.0, deadline - time.monotonic())
            publisher.wait_for_all_acked(Duration(seconds=left_s))

    def _guard_change_state(self) -> None:
        """Answer a transition that the state does not have `success: false`; rclpy would die."""
        service = self._service_change_state
        inner = service.callback

        def change_state(request: Any, response: Any) -> Any:
            label = self._state_machine.current_state[1]
            possible = {t[0] for t in self._state_machine.available_transitions}
            if not request.transition.label and request.transition.id not in possible:
                self.get_logger().warning(
                    f"no transition {request.transition.id} from state {label}"
                )
                response.success = False
                return response
            return inner(request, response)

        service.callback = change_state

    def _bring_up(self) -> None:
        """Configure and activate, once."""
        self.destroy_timer(self._start_timer)
        for step in (self.trigger_configure, self.trigger_activate):
            if step() != _SUCCESS:
                raise StartError(f"{self.get_name()} did not start") from self._failure

    def _publish_diagnostics(self) -> None:
        array = DiagnosticArray(status=list(self._duties.values()))
        array.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics_pub.publish(array)


_SUCCESS = TransitionCallbackReturn.SUCCESS


class StartError(RobotMetaError):
    """A node with `autostart` could not configure or activate; the cause is chained."""


def run(node_factory: Callable[[], RobotNode], argv: Sequence[str] | None = None) -> int:
    """Run one node in this process until SIGINT or SIGTERM.

    Returns:
        0 after a stop that was asked for, 1 after an exception (logged; the node is stopped and
        torn down first, so that a robot is left at rest).
    """
    stop = process.install_stop_handlers()
    process.imports_are_done()
    dds.ensure_profile()
    rclpy.init(
        args=list(sys.argv if argv is None else argv),
        signal_handler_options=SignalHandlerOptions.NO,
    )
    node: RobotNode | None = None
    executor: Executor = SingleThreadedExecutor()
    code = 0
    try:
        if not stop.is_set():
            node = node_factory()
            executor.add_node(node)
        while not stop.is_set():
            executor.spin_once(timeout_sec=0.1)
    except ExternalShutdownException:
        pass
    except Exception as error:
        code = 1
        _log_failure(node, error)
    finally:
        if node is not None:
            code = max(code, _shut_down(node))
        executor.shutdown()
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    return code


def _log_failure(node: RobotNode | None, error: Exception) -> None:
    """A mistake that a person can mend is one line; anything else comes with its traceback."""
    logger = node.get_logger() if node is not None else rclpy.logging.get_logger("robot_meta")
    if isinstance(error, StartError):
        logger.fatal(f"{error}: {error.__cause__}" if error.__cause__ else str(error))
    elif isinstance(error, ConfigError):
        logger.fatal(str(error))
    else:
        logger.fatal("".join(traceback.format_exception(error)))


def _shut_down(node: RobotNode) -> int:
    """Take the node through `shutdown` (stop, teardown); 1 if that raised."""
    try:
        if node._state_machine.current_state[1] == "finalized":
            return 0
        return 0 if node.trigger_shutdown() == _SUCCESS else 1
    except Exception:
        node.get_logger().error(traceback.format_exc())
        return 1
