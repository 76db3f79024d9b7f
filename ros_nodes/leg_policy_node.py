"""Node `policy` of a legged robot: adapts its model and plans at every control step of a run.

It proposes efforts; the command gate decides what reaches the robot. A step whose messages cannot
be acted on is answered with silence: the gate then damps the legs.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from nav_msgs.msg import Odometry
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from robot_meta_msgs.action import RunPolicy
from robot_meta_msgs.msg import Adaptation, GateStatus, PolicyStatus
from robot_meta_msgs.srv import SetMode
from sensor_msgs.msg import JointState

from robot_meta.cpu import configure_cpu, multiplies_bfloat16
from robot_meta.errors import ObservationError, SessionError
from robot_meta.locomotion import planner_of
from robot_meta.online import ONLINES, OnlineConfig
from ros_nodes.leg_policy_core import Decision, LegPolicyCore
from ros_nodes.messages import fill_joint_state, set_stamp, stamp_ns
from ros_nodes.node import ERROR, OK, WARN, RobotNode, run
from ros_nodes.params import param
from ros_nodes.policy_actions import RunAction
from ros_nodes.policy_core import Run
from ros_nodes.qos import COMMAND, JOINTS_SUB, STATUS, watch_subscription
from sim.leg_limits import joint_names
from sim.legged import ROBOTS, LeggedRobot, robot_named

SILENCE_S = 0.5
RECOVERED_S = 1.0  # so long without a bad message until the diagnostics say that all is well


@dataclass(frozen=True, kw_only=True)
class LegPolicyParams:
    """Parameters of the policy node."""

    robot: str = param("ant", "Which robot.", choices=tuple(ROBOTS), read_only=True)
    checkpoint: str = param("", "Model to load at start: path or file:// URI.", read_only=True)
    online: str = param(
        "step",
        "When the model adapts: step, episode (once) or off.",
        choices=ONLINES,
        read_only=True,
    )
    max_duration_s: float = param(
        20.0, "Longest run in s, where the goal says 0.", low=0.1, high=3600.0
    )
    max_state_age_s: float = param(
        0.15, "A state older than this in s is not acted on.", low=0.01, high=5.0
    )
    lag_s: float = param(
        0.012,
        "Seconds from a state until the effort that answers it reaches the motors.",
        low=0.0,
        high=0.04,
        read_only=True,
    )
    seed: int = param(0, "Of the candidates of plans.", low=0, read_only=True)


class LegPolicyNode(RobotNode):
    """Acts and adapts: action `~/run_policy`, topic `~/adaptation`."""

    def __init__(self) -> None:
        super().__init__("policy", LegPolicyParams(), hardware_id="legs")
        self.core: LegPolicyCore | None = None
        self.current: Run | None = None
        self.set_mode: Any = None
        self._task = ""
        self._deciding, self._took_ms = False, math.nan
        self._last_state = self._last_bad = self._last_gate = -math.inf
        self._last_gate_ns = self._ticks = 0
        self._undo: list[Callable[[], object]] = []

    # --- lifecycle ----------------------------------------------------------------------------

    def setup(self) -> None:
        """Load the model, open every topic and action."""
        self.get_logger().info(str(configure_cpu()))
        planner = planner_of(self.p.robot)
        config = OnlineConfig(planner=planner, online=self.p.online, half=multiplies_bfloat16())
        core = self.make_core(robot_named(self.p.robot), config)
        if self.p.checkpoint:
            version = core.load(self.p.checkpoint)
            self.get_logger().info(f"policy {version} from {self.p.checkpoint}")
        self.core = core

        def out(kind: type, name: str, qos: Any) -> Any:
            publisher = self.create_lifecycle_publisher(kind, name, qos)
            self._undo.append(lambda: self.destroy_lifecycle_publisher(publisher))
            return publisher

        self._proposal_pub = out(*self.proposal, COMMAND)
        self._status_pub = out(PolicyStatus, "~/status", STATUS)
        self._adaptation_pub = out(Adaptation, "~/adaptation", STATUS)
        odom = lambda m: self._on_message("odom", m)  # noqa: E731
        self._hear(Odometry, "odom", odom, JOINTS_SUB)
        joints = lambda m: self._on_message("joint_states", m)  # noqa: E731
        self._hear(JointState, "joint_states", joints, JOINTS_SUB)
        self._hear(GateStatus, "command_gate/status", self._on_gate, STATUS)
        group, actions = ReentrantCallbackGroup(), RunAction(self)
        self.set_mode = self.create_client(SetMode, "command_gate/set_mode", callback_group=group)
        self._undo.append(lambda: self.destroy_client(self.set_mode))
        server = ActionServer(
            self,
            RunPolicy,
            "~/run_policy",
            execute_callback=actions.run_policy,
            callback_group=group,
            goal_callback=lambda _: GoalResponse.ACCEPT if self.active else GoalResponse.REJECT,
            cancel_callback=self._cancel,
        )
        self._undo.append(server.destroy)
        watch = self.steady_timer(0.1, self._watch)
        self._undo.append(lambda: self.destroy_timer(watch))

    def _hear(self, kind: type, name: str, callback: Callable[[Any], None], qos: Any) -> None:
        events = watch_subscription(self, name)
        made = self.create_subscription(kind, name, callback, qos, event_callbacks=events)
        self._undo.append(lambda: self.destroy_subscription(made))

    # --- what another kind of robot has otherwise ---------------------------------------------

    proposal: tuple[type, str] = (JointState, "policy/effort")
    """Type and topic."""

    def make_core(self, robot: LeggedRobot, config: OnlineConfig) -> LegPolicyCore:
        """Who decides."""
        return LegPolicyCore(robot, config, self.p.seed, self.p.lag_s)

    def message(self, decision: Any) -> Any:
        """A proposal, but for its stamp."""
        msg = JointState()
        names = joint_names(robot_named(self.p.robot))
        fill_joint_state(msg, names, np.zeros(0), effort=decision.effort)
        return msg

    def start(self) -> None:
        """Begin to watch."""
        self._last_state = time.monotonic()

    def stop(self) -> None:
        """End a run: silence makes the gate damp, and it is asked to hold."""
        if self.current is not None:
            self.current.end("error", "the policy node was stopped")
            if self.set_mode.service_is_ready():
                self.set_mode.call_async(SetMode.Request(mode=GateStatus.HOLD))

    def _cancel(self, _: Any) -> CancelResponse:
        if self.current is not None:
            self.current.end("cancelled")
        return CancelResponse.ACCEPT

    def teardown(self) -> None:
        """Close everything that was opened."""
        while self._undo:
            self._undo.pop()()
        self.core = self.current = None

    # --- a run, for `RunAction` ---------------------------------------------------------------

    @property
    def version(self) -> str:
        """Version of the model in use; empty without one."""
        return self.core.version if self.core is not None else ""

    def begin(self, going: Run, task: str) -> None:
        """Decide at every control step from now on."""
        assert self.core is not None
        self.core.reset()
        self.current, self._task, self._deciding = going, task, False
        self._heard_gate()

    def accepted(self) -> None:
        """The gate said that it follows."""
        if self.current is not None:
            self.current.accepted_ns = self.now_ns()
        self._heard_gate()

    def end(self) -> None:
        """Decide no more."""
        self.current, self._deciding = None, False
        self.publish_status()

    # --- observations and decisions -----------------------------------------------------------

    def _on_message(self, topic: str, msg: Any) -> None:
        core, going = self.core, self.current
        if not self.active or core is None:
            return
        try:
            step = core.feed(topic, msg)
            if step is None:
                return
            self._last_state = time.monotonic()
            if going is None or going.reason in ("error", "gate"):
                return
            age_s = (self.now_ns() - step[0]) / 1e9
            if age_s > self.p.max_state_age_s:
                raise ObservationError(
                    f"a state {age_s:.2f} s old came, at most {self.p.max_state_age_s} s is acted "
                    "on; look for load on this machine or the network"
                )
            decision = core.decide(*step)
            if decision is not None:
                self._propose(core, decision)
            # After what was planned before has gone out: planning takes most of a step.
            self._took_ms = core.plan(age_s)
        except ObservationError as error:
            self._last_bad, self._deciding = time.monotonic(), False
            core.reset()
            self.diagnose("observation", ERROR, f"no proposal: {error}")
        except SessionError as error:
            self.diagnose("policy", ERROR, str(error), version=core.version)
            if going is not None:
                going.end("error", str(error))

    def _propose(self, core: LegPolicyCore, decision: Decision) -> None:
        msg = self.message(decision)
        set_stamp(msg.header.stamp, decision.stamp_ns)
        self._proposal_pub.publish(msg)
        self._deciding = True
        if self.current is not None:
            self.current.steps += self.current.accepted
        told = Adaptation(
            step=self.current.steps if self.current else 0,
            loss=float(decision.told.prior_error[0]),
            prediction_error=float(decision.told.error[0]),
            version=core.version + ("+" if decision.told.adapted[0] else ""),
        )
        set_stamp(told.header.stamp, decision.stamp_ns)
        self._adaptation_pub.publish(told)
        self.publish_status()

    def _watch(self) -> None:
        """Ten times a second on the steady clock: the end of a run, diagnostics, status."""
        if not self.active or self.core is None:
            return
        now = time.monotonic()
        if self.current is not None:
            silence_s = min(now - self._last_gate, (self.now_ns() - self._last_gate_ns) / 1e9)
            self.current.tick(self.now_ns(), silence_s)
        silent_s = now - self._last_state
        if now - self._last_bad < RECOVERED_S:
            pass  # what was wrong with it has been told
        elif silent_s > SILENCE_S:
            why = "joint_states and odom of one time must come"
            self.diagnose("observation", ERROR, f"no state for {silent_s:.1f} s: {why}")
        else:
            self.diagnose("observation", OK, "states come")
        if not self.core.version:
            self.diagnose("policy", WARN, "no policy is loaded")
        elif self.current is None or self.current.reason != "error":
            took = f"{self._took_ms:.1f}"
            text = f"online {self.p.online}"
            self.diagnose("policy", OK, text, version=self.core.version, tick_ms=took)
        self._ticks += 1
        if self._ticks % 5 == 0:
            self.publish_status()

    def _heard_gate(self) -> None:
        self._last_gate, self._last_gate_ns = time.monotonic(), self.now_ns()

    def _on_gate(self, msg: GateStatus) -> None:
        self._heard_gate()
        if self.current is not None:
            stamp = stamp_ns(msg.header.stamp)
            self.current.gate(stamp, msg.mode, msg.mode_name, msg.refusal)

    def publish_status(self) -> None:
        """Say what the node is doing, on `~/status`."""
        if self.core is None:
            return
        msg = PolicyStatus(task=self._task, version=self.core.version)
        msg.header.stamp = self.get_clock().now().to_msg()
        if self.current is not None:
            msg.state = "running" if self._deciding else "holding"
            msg.steps = self.current.steps
        else:
            msg.state = "ready" if self.core.version else "waiting"
        if self._deciding and math.isfinite(self._took_ms):
            msg.inference_ms = self._took_ms
        self._status_pub.publish(msg)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the policy node."""
    return run(LegPolicyNode, argv)


if __name__ == "__main__":
    raise SystemExit(main())
