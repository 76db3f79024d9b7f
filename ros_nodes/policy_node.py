"""Node `policy`: decides on every image while a run goes on, adapts on episodes, can go back.

It proposes; the command gate decides what reaches the robot. A proposal carries the stamp of the
image that it was made from, so a hung policy goes stale by itself, and an observation that cannot
be acted on is answered with silence: the gate then brakes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geometry_msgs.msg import TwistStamped
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from robot_meta_msgs.action import Adapt, RunPolicy
from robot_meta_msgs.msg import Adaptation, GateStatus, Gripper, PolicyStatus
from robot_meta_msgs.srv import LoadPolicy, SetMode
from sensor_msgs.msg import Image, JointState
from std_srvs.srv import SetBool, Trigger

from robot_meta.cpu import configure_cpu
from robot_meta.errors import EpisodeError, ObservationError, SessionError
from ros_nodes import task_log
from ros_nodes.adapt_worker import Worker
from ros_nodes.contract import Contract
from ros_nodes.messages import fill_twist, set_stamp, stamp_ns
from ros_nodes.node import ERROR, OK, WARN, RobotNode, run
from ros_nodes.params import param
from ros_nodes.policy_actions import PolicyActions
from ros_nodes.policy_core import Decision, PolicyCore, Run
from ros_nodes.qos import COMMAND, JOINTS_SUB, SENSOR_SUB, STATUS, watch_subscription
from ros_nodes.sampler import JOINT_TOPIC

SILENCE_S = 0.5  # five images at 10 Hz: the camera or the joint states have stopped
STANDSTILL_S = 20.0  # robot time may stand for so long without a word of the gate
RECOVERED_S = 1.0  # so long without a bad message until the diagnostics say that all is well


@dataclass(frozen=True, kw_only=True)
class PolicyParams:
    """Parameters of the policy node."""

    checkpoint: str = param("", "Policy to load at start: path or file:// URI.", read_only=True)
    contract: str = param("sawyer", "Robot's name, or path of a contract file.", read_only=True)
    episodes: str = param(
        "", "Folder of episodes: what was shown and run is noted there; empty: nowhere."
    )
    adapt_steps: int = param(
        0, "Gradient steps of an adaptation; 0: the policy's own number.", low=0, high=1000
    )
    max_duration_s: float = param(
        20.0, "Longest run in s, where the goal says 0.", low=0.1, high=3600.0
    )
    max_image_age_s: float = param(
        0.25, "An image older than this in s is not acted on any more.", low=0.05, high=5.0
    )
    rate_hz: float = param(
        20.0, "Times a second that a proposal is repeated.", low=1.0, high=100.0, read_only=True
    )


class PolicyNode(RobotNode):
    """Adapts and acts: actions `~/adapt`, `~/run_policy`; services to load, undo and freeze."""

    def __init__(self) -> None:
        super().__init__("policy", PolicyParams())
        self.core: PolicyCore | None = None
        self.worker = Worker(lambda: None)
        self.current: Run | None = None
        self.decision: Decision | None = None
        self._actions = PolicyActions(self)
        self._task = ""
        self._rolling = False
        self._ticks = 0
        self._last_frame = self._last_bad = self._last_gate = -math.inf
        self._last_gate_ns = 0
        self._undo: list[Callable[[], object]] = []

    # --- lifecycle ----------------------------------------------------------------------------

    def setup(self) -> None:
        """Load the policy, open every topic, service and action."""
        self.get_logger().info(str(configure_cpu()))
        contract = Contract.load(self.p.contract)
        core = PolicyCore(contract)
        if self.p.checkpoint:
            version = core.use(core.prepare(self.p.checkpoint))
            self.get_logger().info(f"policy {version} from {self.p.checkpoint}")
        self.core = core
        guard = self.create_guard_condition(lambda: self.worker.pump())
        self.worker = Worker(guard.trigger)
        self._undo += [lambda: self.destroy_guard_condition(guard), self.worker.close]
        self._make_publishers()
        self._make_subscriptions(contract)
        self._make_services()

    def start(self) -> None:
        """Begin to watch."""
        assert self.core is not None
        self.publish_contract(self.core.contract.hash)
        self._last_frame = time.monotonic()

    def stop(self) -> None:
        """End a run: silence makes the gate brake, and it is asked to hold."""
        if self.current is not None:
            self.current.end("error", "the policy node was stopped")
            if self.set_mode.service_is_ready():
                self.set_mode.call_async(SetMode.Request(mode=GateStatus.HOLD))
        self.decision = None

    def teardown(self) -> None:
        """Close everything that was opened."""
        while self._undo:
            self._undo.pop()()
        self.core = self.current = None

    # --- a run, for `PolicyActions` -----------------------------------------------------------

    @property
    def version(self) -> str:
        """Version of the policy in use; empty without one."""
        return self.core.version if self.core is not None else ""

    def begin(self, going: Run, task: str) -> None:
        """Decide on every image from now on."""
        self.current, self._task, self._rolling, self.decision = going, task, False, None
        self._heard_gate()

    def accepted(self) -> None:
        """The gate said that it follows: it has a second to say so in its status too."""
        if self.current is not None:
            self.current.accepted_ns = self.now_ns()
        self._heard_gate()

    def note(self, **facts: Any) -> None:
        """Into the log of tasks; an adaptation or a run does not fail because it cannot be."""
        if self.p.episodes:
            try:
                task_log.note(Path(self.p.episodes), **facts, version=self.version)
            except EpisodeError as error:
                self.get_logger().error(str(error))

    def end(self) -> None:
        """Decide no more."""
        if self.current is not None:
            self.note(ran=self._task, ended=self.current.reason, steps=self.current.steps)
        self.current = self.decision = None
        self.publish_status()

    # --- observations and decisions -----------------------------------------------------------

    def _on_message(self, topic: str, msg: Any) -> None:
        if not self.active or self.core is None:
            return
        try:
            frame = self.core.feed(topic, msg)
            if frame is None:
                return
            self._last_frame = time.monotonic()
            going = self.current
            if going is None or going.reason in ("error", "gate"):
                return
            age_s = (self.now_ns() - frame.stamp_ns) / 1e9
            if age_s > self.p.max_image_age_s:
                raise ObservationError(
                    f"an image {age_s:.2f} s old came, at most {self.p.max_image_age_s} s is acted "
                    "on; look for load on this machine or the network"
                )
            if not self._rolling:  # nothing seen before the gate followed counts as seen
                self.core.session.reset()
                self._rolling = going.accepted
            self.decision = self.core.decide(frame)
        except ObservationError as error:
            self._last_bad = time.monotonic()
            self.decision = None
            self.diagnose("observation", ERROR, f"no proposal: {error}")
            return
        except SessionError as error:
            self.decision = None
            self.diagnose("policy", ERROR, str(error), version=self.core.version)
            if self.current is not None:
                self.current.end("error", str(error))
            return
        self._propose()
        going.steps += going.accepted
        if going.accepted and self.core.session.done:
            going.end("completed")
        self.publish_status()

    def _propose(self) -> None:
        """Send the decision; a timer does so again while its image is fresh."""
        found = self.decision
        if found is None or self.current is None or self.core is None:
            return
        if self.now_ns() - found.stamp_ns > self.p.max_image_age_s * 1e9:
            return
        twist, gripper = TwistStamped(), Gripper()
        twist.header.frame_id = self.core.contract.frames.base
        for header in (twist.header, gripper.header):
            set_stamp(header.stamp, found.stamp_ns)
        fill_twist(twist, [*found.action[:3], 0.0, 0.0, 0.0])
        gripper.opening_m = float(found.action[3])
        self._gripper_pub.publish(gripper)
        self._twist_pub.publish(twist)

    def _watch(self) -> None:
        """Ten times a second on the steady clock: the end of a run, diagnostics, status."""
        if not self.active or self.core is None:
            return
        now = time.monotonic()
        if self.current is not None:
            self.current.tick(self.now_ns(), self._gate_silence_s(now))
        silence_s = now - self._last_frame
        if now - self._last_bad < RECOVERED_S:
            pass  # what was wrong with it has been told
        elif silence_s > SILENCE_S:
            why = self.core.sampler.why or "no image came"
            self.diagnose("observation", ERROR, f"no frame for {silence_s:.1f} s: {why}")
        else:
            self.diagnose("observation", OK, "frames come", lost=self.core.sampler.lost)
        self._diagnose_policy(self.core)
        self._ticks += 1
        if self._ticks % 5 == 0:
            self.publish_status()

    def _diagnose_policy(self, core: PolicyCore) -> None:
        if not core.version:
            self.diagnose("policy", WARN, "no policy is loaded")
        elif self.current is None or self.current.reason != "error":
            session = core.session
            text = "adapted" if session.adapted else "not adapted"
            text += ", frozen" if session.frozen else ""
            took = f"{self.decision.inference_ms:.2f}" if self.decision else ""
            self.diagnose("policy", OK, text, version=core.version, inference_ms=took)

    def _heard_gate(self) -> None:
        self._last_gate, self._last_gate_ns = time.monotonic(), self.now_ns()

    def _gate_silence_s(self, steady_s: float) -> float:
        """By the clock that says less: in lock-step robot time stands while anybody is slow."""
        silence_s = steady_s - self._last_gate
        robot_s = (self.now_ns() - self._last_gate_ns) / 1e9
        return silence_s if silence_s > STANDSTILL_S else min(silence_s, robot_s)

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
            msg.state = "running" if self.decision is not None else "holding"
            msg.steps = self.current.steps
        elif self.worker.busy:
            msg.state = "adapting"
        else:
            msg.state = "ready" if self.core.version else "waiting"
        if self.decision is not None:
            msg.inference_ms = self.decision.inference_ms
            set_stamp(msg.image_stamp, self.decision.stamp_ns)
        self._status_pub.publish(msg)

    # --- what setup makes ---------------------------------------------------------------------

    def _make_publishers(self) -> None:
        def make(kind: type, name: str, qos: Any) -> Any:
            publisher = self.create_lifecycle_publisher(kind, name, qos)
            self._undo.append(lambda: self.destroy_lifecycle_publisher(publisher))
            return publisher

        self._twist_pub = make(TwistStamped, "policy/twist", COMMAND)
        self._gripper_pub = make(Gripper, "policy/gripper", COMMAND)
        self._status_pub = make(PolicyStatus, "~/status", STATUS)
        self.adaptation_pub = make(Adaptation, "~/adaptation", STATUS)
        repeat = self.create_timer(1.0 / self.p.rate_hz, self._propose)
        watch = self.steady_timer(0.1, self._watch)
        self._undo += [lambda: self.destroy_timer(repeat), lambda: self.destroy_timer(watch)]

    def _make_subscriptions(self, contract: Contract) -> None:
        def make(kind: type, name: str, callback: Callable[[Any], None], qos: Any) -> None:
            events = watch_subscription(self, name)
            made = self.create_subscription(kind, name, callback, qos, event_callbacks=events)
            self._undo.append(lambda: self.destroy_subscription(made))

        image = contract.camera.image_topic
        make(Image, image, lambda msg: self._on_message(image, msg), SENSOR_SUB)
        make(JointState, JOINT_TOPIC, lambda m: self._on_message(JOINT_TOPIC, m), JOINTS_SUB)
        make(GateStatus, "command_gate/status", self._on_gate, STATUS)

    def _make_services(self) -> None:
        # A callback that awaits blocks the rest of its group: these have one of their own.
        group, actions = ReentrantCallbackGroup(), self._actions
        self.set_mode = self.create_client(SetMode, "command_gate/set_mode", callback_group=group)
        self._undo.append(lambda: self.destroy_client(self.set_mode))
        for kind, name, callback in (
            (LoadPolicy, "~/load_policy", actions.load_policy),
            (Trigger, "~/rollback", actions.rollback),
            (SetBool, "~/freeze", actions.freeze),
        ):
            service = self.create_service(kind, name, callback, callback_group=group)
            self._undo.append(lambda service=service: self.destroy_service(service))  # type: ignore[misc]
        for action, name, execute, cancel in (
            (Adapt, "~/adapt", actions.adapt, lambda: self.worker.cancel()),
            (RunPolicy, "~/run_policy", actions.run_policy, actions.cancel_run),
        ):
            server = ActionServer(
                self,
                action,
                name,
                execute_callback=execute,
                callback_group=group,
                goal_callback=self._goal,
                cancel_callback=lambda _, cancel=cancel: (cancel(), CancelResponse.ACCEPT)[1],
            )
            self._undo.append(server.destroy)

    def _goal(self, _: Any) -> GoalResponse:
        return GoalResponse.ACCEPT if self.active else GoalResponse.REJECT


def main(argv: Sequence[str] | None = None) -> int:
    """Run the policy node."""
    return run(PolicyNode, argv)
