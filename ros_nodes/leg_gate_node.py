"""The only writer to the legs: a policy proposes, this node decides; node `command_gate`.

All of the deciding is in `leg_gate`, `target_gate` and `gate`; here it meets topics, services and
clocks. `leg_drives` says whether efforts or joint targets are meant.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from nav_msgs.msg import Odometry
from rclpy.callback_groups import ReentrantCallbackGroup
from robot_meta_msgs.msg import Applied, GateStatus, PolicyStatus, SimState
from robot_meta_msgs.srv import SetMode
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, String
from std_srvs.srv import Trigger

from robot_meta.errors import ObservationError
from ros_nodes import qos
from ros_nodes.command_gate_node import GOAL_STATES
from ros_nodes.crowd import Crowd
from ros_nodes.gate import Mode, Now, Refusal
from ros_nodes.gate_rules import JOINTS, OUTPUT
from ros_nodes.gate_services import GateServices
from ros_nodes.leg_drives import Drive, drive_of
from ros_nodes.leg_gate import LegGate
from ros_nodes.messages import set_stamp
from ros_nodes.node import ERROR, OK, WARN, RobotNode, run
from ros_nodes.params import param
from ros_nodes.target_gate import TargetGate
from sim.effort import Base
from sim.legged import ROBOTS, robot_named


@dataclass(frozen=True, kw_only=True)
class LegGateParams:
    """Parameters of the legs' command gate."""

    robot: str = param("ant", "Which robot.", choices=tuple(ROBOTS), read_only=True)


class LegGateNode(RobotNode):
    """Node `command_gate` of a legged robot."""

    def __init__(self) -> None:
        super().__init__("command_gate", LegGateParams(), hardware_id="legs")
        self.drive: Drive | None = None
        self._beat: Any = None
        self._base = Base()
        self._episode: int | None = None
        self._said: tuple[Mode, str, bool] | None = None
        self._refused = self._flags = 0
        self._undo: list[Callable[[], object]] = []

    # --- lifecycle ----------------------------------------------------------------------------

    def setup(self) -> None:
        """The gate itself and all that it hears and says."""
        drive = self.drive = drive_of(robot_named(self.p.robot))

        def out(kind: Any, topic: str, profile: Any) -> Any:
            watch = qos.watch_publisher(self, topic)
            made = self.create_lifecycle_publisher(kind, topic, profile, event_callbacks=watch)
            self._undo.append(lambda: self.destroy_lifecycle_publisher(made))
            return made

        def hear(kind: Any, topic: str, callback: Callable[[Any], None], profile: Any) -> None:
            watch = qos.watch_subscription(self, topic)
            made = self.create_subscription(kind, topic, callback, profile, event_callbacks=watch)
            self._undo.append(lambda: self.destroy_subscription(made))

        self._command_pub = out(drive.kind, drive.command, qos.COMMAND)
        self._applied_pub = out(Applied, "~/applied", qos.STATUS)
        self._status_pub = out(GateStatus, "~/status", qos.STATUS)
        self._estop_pub = out(Bool, "estop", qos.LATCHED)
        self._mode_pub = out(String, "mode", qos.LATCHED)
        hear(JointState, "joint_states", self._on_joints, qos.SENSOR_SUB)
        hear(Odometry, "odom", self._on_odom, qos.SENSOR_SUB)
        hear(drive.kind, drive.proposal, self._on_proposal, qos.COMMAND)
        hear(PolicyStatus, "policy/status", self._on_policy, qos.STATUS)
        hear(SimState, "sim/state", self._on_world, qos.STATUS)
        do = GateServices(self)
        # A callback that awaits blocks the rest of its group: these have one of their own.
        aside = ReentrantCallbackGroup()
        for service in (
            self.create_service(SetMode, "~/set_mode", do.set_mode, callback_group=aside),
            self.create_service(Trigger, "~/estop", do.estop),
            self.create_service(Trigger, "~/reset_estop", do.reset_estop),
        ):
            self._undo.append(lambda service=service: self.destroy_service(service))  # type: ignore[misc]
        inputs = {"joint_states": JOINTS, drive.proposal: "policy"}
        self._crowd = Crowd(
            drive.core.gate,
            {self.resolve_topic_name(topic): what for topic, what in inputs.items()},
            {p.topic_name: OUTPUT for p in (self._command_pub, self._estop_pub)},
            self.count_publishers,
            self._publishers_of,
        )
        beat = self.steady_timer(0.1, self._beat_10_hz)
        self._undo.append(lambda: self.destroy_timer(beat))

    def start(self) -> None:
        """Begin to tick, IDLE."""
        self.publish_estop()
        self._beat = self.create_timer(self._driven().tick_ns * 1e-9, self._tick)

    def stop(self) -> None:
        """Stop: a damped command goes out, and the receiver's watchdog sees to the rest."""
        if self.drive is not None:
            self.core.gate.set_mode(Mode.IDLE, self.clock_now())
            self._tick()
            self._tell()
        if self._beat is not None:
            self.destroy_timer(self._beat)
            self._beat = None

    def teardown(self) -> None:
        """Give back what `setup` made."""
        while self._undo:
            self._undo.pop()()
        self.drive = None

    # --- for `GateServices` -------------------------------------------------------------------

    @property
    def core(self) -> LegGate | TargetGate:
        """The gate behind the topics."""
        return self._driven().core

    def clock_now(self) -> Now:
        """Now on both clocks."""
        return Now(self.now_ns(), time.monotonic_ns())

    def heard(self) -> None:
        """After anything that may have changed the mode."""
        self._tell()

    def publish_estop(self) -> None:
        """Latch whether the emergency stop is on."""
        self._estop_pub.publish(Bool(data=self.core.gate.estopped))

    # --- what comes in ------------------------------------------------------------------------

    def _driven(self) -> Drive:
        assert self.drive is not None, "callbacks come after setup"
        return self.drive

    def _on_joints(self, msg: JointState) -> None:
        try:
            self._driven().joints(msg, self.clock_now())
        except (ObservationError, Refusal) as error:
            self.diagnose("joint_states", ERROR, str(error))
            return
        self.diagnose("joint_states", OK, "complete and fresh")

    def _on_odom(self, msg: Odometry) -> None:
        o, height = msg.pose.pose.orientation, float(msg.pose.pose.position.z)
        # Between the base's z axis and up; NaN where the message holds one, which is out of bounds.
        cosine = 1.0 - 2.0 * (o.x * o.x + o.y * o.y)
        tilt = math.acos(min(1.0, max(-1.0, cosine))) if math.isfinite(cosine) else math.nan
        self._base = Base(tilt, height)

    def _on_proposal(self, msg: Any) -> None:
        self._driven().propose(msg, self.clock_now())
        self._tell()

    def _on_policy(self, msg: PolicyStatus) -> None:
        self.core.gate.policy_goal(msg.state in GOAL_STATES)
        self._tell()

    def _on_world(self, msg: SimState) -> None:
        if self._episode is not None and msg.episode != self._episode:
            self.core.gate.hold("the world was reset")
        self._episode = int(msg.episode)

    # --- ticks --------------------------------------------------------------------------------

    def _tick(self) -> None:
        gate, now = self.core.gate, self.clock_now()
        if not gate.joints_fresh(now) and not gate.moving:
            return  # nobody to stop, and nothing known of the robot
        msg, flags = self._driven().tick(self._base, now)
        if not gate.overdue(now, self.clock_now()):
            self._command_pub.publish(msg)
            self._applied_pub.publish(self._account(now, flags))
            self._flags |= flags
        self._tell()

    def _account(self, now: Now, flags: int) -> Applied:
        """Of one tick: whose proposal it is that goes to the controller."""
        gate = self.core.gate
        account = Applied(source=gate.source, limit_flags=flags, joint_names=list(self.core.names))
        account.gripper_m = math.nan
        account.steady_ns = time.monotonic_ns()
        set_stamp(account.header.stamp, max(0, now.ros_ns))
        if gate.source:
            set_stamp(account.proposal_stamp, gate.last_stamp_ns(gate.source))
        return account

    def _beat_10_hz(self) -> None:
        """Steady timer: watchdogs that no tick looks at while robot time stands; status."""
        if self.drive is None or not self.active:
            return
        crowd = self._crowd.look()
        self.diagnose("publishers", ERROR if crowd else OK, crowd or "one for each topic")
        gate = self.core.gate
        if not self.count_publishers(self.resolve_topic_name("policy/status")):
            gate.policy_goal(False)
        gate.decide(self.clock_now())
        why = gate.stopped_because or f"{gate.source or 'nobody'} moves the robot"
        level = ERROR if gate.estopped else OK
        self.diagnose("mode", level, f"{gate.mode.name}: {why}", estop=gate.estopped)
        level = WARN if gate.refused > self._refused else OK
        text = gate.refusal or "none refused"
        self.diagnose("commands", level, text, accepted=gate.accepted, refused=gate.refused)
        self._refused, self._said = gate.refused, None
        self._tell()
        self._flags = 0

    def _tell(self) -> None:
        """Status and mode at once when they have changed."""
        gate = self.core.gate
        says = gate.mode, gate.source, gate.estopped
        if says == self._said or not self.active:
            return
        if self._said is None or gate.mode is not self._said[0]:
            self._mode_pub.publish(String(data=gate.mode.name))
        self._said = says
        msg = GateStatus(
            mode=int(gate.mode),
            mode_name=gate.mode.name,
            source=gate.source,
            refusal=gate.refusal,
            accepted=gate.accepted,
            refused=gate.refused,
            estop=gate.estopped,
            speed_scale=1.0,
            limit_flags=self._flags,
        )
        set_stamp(msg.header.stamp, max(0, self.now_ns()))
        self._status_pub.publish(msg)

    def _publishers_of(self, topic: str) -> list[str]:
        found = self.get_publishers_info_by_topic(topic)
        return sorted(f"{i.node_namespace.rstrip('/')}/{i.node_name}" for i in found)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the node."""
    return run(LegGateNode, argv)


if __name__ == "__main__":
    raise SystemExit(main())
