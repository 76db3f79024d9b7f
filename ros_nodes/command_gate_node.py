"""The only writer to the controllers: people, policies and replays propose, this node decides.

All of the deciding is in `arm_gate` and `gate`; here it meets topics, services and clocks. It ticks
at 50 Hz on robot time, or, in lock-step, once for each 20 ms that the simulator announces.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from geometry_msgs.msg import TwistStamped
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from robot_meta_msgs.action import MoveTo
from robot_meta_msgs.msg import Applied, GateStatus, Gripper, PolicyStatus, SimState
from robot_meta_msgs.srv import SetMode
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Float64MultiArray, String
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from robot_meta.errors import ObservationError
from ros_nodes import gate_messages, qos
from ros_nodes.arm_gate import TICK_NS, ArmCommand, ArmGate
from ros_nodes.contract import Contract
from ros_nodes.crowd import Crowd
from ros_nodes.gate import Mode, Now, Refusal
from ros_nodes.gate_rules import JOINTS, MS, OUTPUT
from ros_nodes.gate_services import GateServices, MoveService
from ros_nodes.messages import joint_positions, stamp_ns, twist6
from ros_nodes.node import ERROR, OK, WARN, RobotNode, run
from ros_nodes.params import param

REAL_SPEED_SCALE = 0.3
GOAL_STATES = ("running", "holding")
"""States of a policy with an active `run_policy` goal."""
ANSWER_NS = 3_000 * MS
"""Steady time that a lock-step tick waits for the answer to its image."""


@dataclass(frozen=True, kw_only=True)
class GateParams:
    """Parameters of the command gate."""

    robot: str = param("sawyer", "Robot's name, or path of a contract file.", read_only=True)
    real: bool = param(
        False, "A real robot: speed_scale is at most 0.3 until it is set.", read_only=True
    )
    lockstep: bool = param(False, "Simulated time waits for this gate.", read_only=True)
    speed_scale: float = param(
        0.0, "Share of every speed let through; 0: 1.0, or 0.3 for a real robot.", low=0.0, high=1.0
    )
    move_speed_scale: float = param(
        0.5, "Share of the joints' speeds in move_to, where the goal says 0.", low=0.01, high=1.0
    )

    @property
    def scale(self) -> float:
        """The share of speeds in force."""
        return self.speed_scale or (REAL_SPEED_SCALE if self.real else 1.0)


class CommandGateNode(RobotNode):
    """Node `command_gate`."""

    def __init__(self) -> None:
        super().__init__("command_gate", GateParams())
        self.arm: ArmGate | None = None
        self._beat: Any = None
        self._last: ArmCommand | None = None
        self._due: tuple[int, int] | None = None
        self._said: tuple[Mode, str, bool] | None = None
        self._said_mode: Mode | None = None
        self._refused = 0
        self._flags = 0
        self._newest_ns = 0
        self.undo: list[Callable[[], object]] = []
        """Gives back what `setup` made, last first."""

    # --- lifecycle ----------------------------------------------------------------------------

    def setup(self) -> None:
        """The gate itself and all that it hears and says."""
        contract = Contract.load(self.p.robot)
        self.arm = ArmGate(contract, speed_scale=self.p.scale, lockstep=self.p.lockstep)
        self._base = contract.frames.base
        self._publish_all_topics()
        self._hear_all_topics(contract)
        self._answer_all_services()
        beat = self.steady_timer(0.1, self._beat_10_hz)
        self.undo.append(lambda: self.destroy_timer(beat))
        self.publish_contract(contract.hash)

    def start(self) -> None:
        """Begin to tick, IDLE."""
        assert self.arm is not None
        self.arm.resync(0)
        self.publish_estop()
        if self.p.lockstep:
            self._beat = self.steady_timer(0.02, self._answer_overdue)
        else:
            self._beat = self.create_timer(TICK_NS * 1e-9, self._tick)

    def stop(self) -> None:
        """Stop: what was sent last ends at rest by itself."""
        if self.arm is not None:
            self.arm.gate.set_mode(Mode.IDLE, self.clock_now())
            self._tell()
        if self._beat is not None:
            self.destroy_timer(self._beat)
            self._beat = None

    def teardown(self) -> None:
        """Give back what `setup` made."""
        while self.undo:
            self.undo.pop()()
        self.arm = None

    def changed(self) -> None:
        """Follow a new speed scale."""
        if self.arm is not None:
            self.arm.servo.speed_scale = self.p.scale

    # --- for `GateServices` -------------------------------------------------------------------

    @property
    def core(self) -> ArmGate:
        """The gate behind the topics."""
        assert self.arm is not None, "callbacks come after setup"
        return self.arm

    def clock_now(self) -> Now:
        """Now; in lock-step, robot time is that of the newest joint states."""
        newest_ns = self._newest_ns if self.p.lockstep else 0
        return Now(newest_ns or self.now_ns(), time.monotonic_ns())

    def heard(self) -> None:
        """After anything that may have changed the mode or completed a lock-step tick."""
        self._tell()
        self._finish_lockstep_tick()

    def publish_estop(self) -> None:
        """Latch whether the emergency stop is on."""
        self._estop_pub.publish(Bool(data=self.core.gate.estopped))

    # --- topics -------------------------------------------------------------------------------

    def _publish_all_topics(self) -> None:
        out: Callable[..., Any] = self._publisher
        self._trajectory_pub = out(JointTrajectory, "arm_controller/joint_trajectory", qos.COMMAND)
        self._gripper_pub = out(Float64MultiArray, "gripper_controller/commands", qos.COMMAND)
        # Lock-step may be faster than real time, and a recorder misses nothing for being slower.
        applied = qos.SENSOR_PUB(250) if self.p.lockstep else qos.STATUS
        self._applied_pub = out(Applied, "~/applied", applied)
        self._status_pub = out(GateStatus, "~/status", qos.STATUS)
        self._estop_pub = out(Bool, "estop", qos.LATCHED)
        self._mode_pub = out(String, "mode", qos.LATCHED)
        self._outputs = (
            self._trajectory_pub, self._gripper_pub, self._applied_pub, self._estop_pub,
        )  # fmt: skip

    def _hear_all_topics(self, contract: Contract) -> None:
        assert self.arm is not None
        hear: Callable[..., Any] = self._subscription
        heard = {JOINTS: JOINTS}
        hear(JointState, "joint_states", self._on_joints, qos.SENSOR_SUB)
        for source in self.arm.gate.sources:
            twist, gripper = f"{source}/twist", f"{source}/gripper"
            heard |= {twist: source, gripper: source}
            # Sources send the opening first, and an executor serves in this order: both of an
            # answer are here when a lock-step tick is made of it.
            hear(Gripper, gripper, lambda m, s=source: self._on_gripper(s, m), qos.COMMAND)
            hear(TwistStamped, twist, lambda m, s=source: self._on_twist(s, m), qos.COMMAND)
        heard["teleop/deadman"] = "teleop"
        hear(Bool, "teleop/deadman", self._on_deadman, qos.COMMAND)
        hear(PolicyStatus, "policy/status", self._on_policy, qos.STATUS)
        hear(SimState, "sim/state", self._on_world, qos.STATUS)
        inputs = {self.resolve_topic_name(topic): what for topic, what in heard.items()}
        outputs = {pub.topic_name: OUTPUT for pub in self._outputs}
        self._crowd = Crowd(
            self.arm.gate, inputs, outputs, self.count_publishers, self._publishers_of
        )

    def _answer_all_services(self) -> None:
        do, mover = GateServices(self), MoveService(self)
        # A callback that awaits blocks the rest of its group: these have one of their own.
        aside = ReentrantCallbackGroup()
        make = self.create_service
        for service in (
            make(SetMode, "~/set_mode", do.set_mode, callback_group=aside),
            make(Trigger, "~/estop", do.estop),
            make(Trigger, "~/reset_estop", do.reset_estop),
        ):
            self.undo.append(lambda service=service: self.destroy_service(service))  # type: ignore[misc]
        server = ActionServer(
            self,
            MoveTo,
            "~/move_to",
            mover.move_to,
            callback_group=aside,
            goal_callback=lambda _: (
                GoalResponse.ACCEPT if mover.may_move() else GoalResponse.REJECT
            ),
            cancel_callback=lambda _: (
                CancelResponse.ACCEPT if mover.cancel_move() else CancelResponse.REJECT
            ),
        )
        self.undo.append(server.destroy)

    # --- what comes in ------------------------------------------------------------------------

    def _on_joints(self, msg: JointState) -> None:
        arm = self.core
        try:
            q = joint_positions(msg, arm.contract.arm.joints)
            at_ns = self._newest_ns = stamp_ns(msg.header.stamp)
            arm.on_joints(at_ns, q, self.clock_now())
        except (ObservationError, Refusal) as error:
            self.diagnose("joint_states", ERROR, str(error))
            return
        self.diagnose("joint_states", OK, "complete and fresh")
        if self.p.lockstep and self.active and at_ns % TICK_NS == 0:
            self._begin_lockstep_tick(at_ns)

    def _on_twist(self, source: str, msg: TwistStamped) -> None:
        at_ns = stamp_ns(msg.header.stamp)
        self.core.on_twist(source, msg.header.frame_id, at_ns, twist6(msg), self.clock_now())
        self.heard()

    def _on_gripper(self, source: str, msg: Gripper) -> None:
        at_ns = stamp_ns(msg.header.stamp)
        self.core.on_gripper(source, at_ns, float(msg.opening_m), self.clock_now())
        self.heard()

    def _on_deadman(self, msg: Bool) -> None:
        self.core.gate.deadman("teleop", bool(msg.data), self.clock_now())
        self.heard()

    def _on_policy(self, msg: PolicyStatus) -> None:
        self.core.gate.policy_goal(msg.state in GOAL_STATES)
        self.heard()

    def _on_world(self, msg: SimState) -> None:
        self.core.on_world(int(msg.episode), stamp_ns(msg.header.stamp))
        self.heard()

    # --- ticks --------------------------------------------------------------------------------

    def _tick(self) -> None:
        now = self.clock_now()
        command = self.core.tick(now)
        if not self.core.gate.overdue(now, self.clock_now()):
            self._send(command)
        self._tell()

    def _send(self, command: ArmCommand) -> None:
        if command.points:
            self._trajectory_pub.publish(gate_messages.trajectory(command.points))
        if not np.isnan(command.gripper_m):
            self._gripper_pub.publish(gate_messages.opening(command.gripper_m))
        self._applied_pub.publish(gate_messages.applied(command, self._base))
        self._last, self._flags = command, self._flags | command.flags

    def _begin_lockstep_tick(self, at_ns: int) -> None:
        last = self._last
        answered = last is not None and at_ns == last.stamp_ns
        # Made for nobody, and somebody may move the robot by now: the answer may be another.
        if last is not None and answered and (last.proposal_ns or not self.core.gate.moving):
            self._send(last)  # the simulator asks again
        elif self._due is None or self._due[0] != at_ns:
            self._due = at_ns, time.monotonic_ns()
            self._finish_lockstep_tick()

    def _finish_lockstep_tick(self) -> None:
        if self._due is not None and self.active and not self.core.awaits(self._due[0]):
            self._due = None
            self._tick()

    def _answer_overdue(self) -> None:
        """Steady timer in lock-step: a source that does not answer its image is not waited for."""
        if self._due is None or time.monotonic_ns() - self._due[1] < ANSWER_NS:
            return
        (at_ns, _), self._due = self._due, None
        who = self.core.gate.source or self.core.gate.mode.name
        self.core.gate.hold(f"{who} gave no answer to the image at {at_ns} ns within 3 s")
        self._tick()

    def _beat_10_hz(self) -> None:
        """Steady timer: watchdogs that no tick looks at while robot time stands; status."""
        arm = self.arm
        if arm is None or not self.active:
            return
        crowd = self._crowd.look()
        self.diagnose("publishers", ERROR if crowd else OK, crowd or "one for each topic")
        if not self.count_publishers(self.resolve_topic_name("policy/status")):
            arm.gate.policy_goal(False)
        if not self.p.lockstep:
            arm.gate.decide(self.clock_now())
        gate = arm.gate
        why = gate.stopped_because or f"{gate.source or 'nobody'} moves the robot"
        level = ERROR if gate.estopped else OK
        self.diagnose("mode", level, f"{gate.mode.name}: {why}", estop=gate.estopped)
        level = WARN if gate.refused > self._refused else OK
        text = gate.refusal or "none refused"
        self.diagnose("commands", level, text, accepted=gate.accepted, refused=gate.refused)
        self._refused = gate.refused
        if not gate.joints_fresh(self.clock_now()):
            self.diagnose("joint_states", WARN, "missing or old: nothing moves")
        self._said = None
        self._tell()
        self._flags = 0

    def _tell(self) -> None:
        """Status and mode at once when they have changed."""
        gate = self.core.gate
        says = gate.mode, gate.source, gate.estopped
        if says == self._said or not self.active:
            return
        if gate.mode is not self._said_mode:
            self._mode_pub.publish(String(data=gate.mode.name))
            self.get_logger().info(f"{gate.mode.name} {gate.stopped_because}".rstrip())
        self._said, self._said_mode = says, gate.mode
        self._status_pub.publish(
            gate_messages.status(self.core, self.clock_now().ros_ns, self._flags)
        )

    # --- small help ---------------------------------------------------------------------------

    def _publishers_of(self, topic: str) -> list[str]:
        found = self.get_publishers_info_by_topic(topic)
        return sorted(f"{i.node_namespace.rstrip('/')}/{i.node_name}" for i in found)

    def _publisher(self, kind: Any, topic: str, profile: Any) -> Any:
        watch = qos.watch_publisher(self, topic)
        made = self.create_lifecycle_publisher(kind, topic, profile, event_callbacks=watch)
        self.undo.append(lambda: self.destroy_lifecycle_publisher(made))
        return made

    def _subscription(self, kind: Any, topic: str, callback: Any, profile: Any) -> None:
        watch = qos.watch_subscription(self, topic)
        made = self.create_subscription(kind, topic, callback, profile, event_callbacks=watch)
        self.undo.append(lambda: self.destroy_subscription(made))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the node."""
    return run(CommandGateNode, argv)


if __name__ == "__main__":
    raise SystemExit(main())
