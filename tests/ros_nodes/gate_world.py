"""What a command gate meets, played by the test's own client: an arm that follows, and people."""

from __future__ import annotations

import numpy as np
from geometry_msgs.msg import TwistStamped
from rclpy.action import ActionClient
from robot_meta_msgs.action import MoveTo
from robot_meta_msgs.msg import Applied, GateStatus, Gripper, PolicyStatus
from robot_meta_msgs.srv import SetMode
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Float64MultiArray, String
from trajectory_msgs.msg import JointTrajectory

from ros_nodes import qos
from ros_nodes.contract import Contract
from ros_nodes.jtc_conformance import complaints
from ros_nodes.messages import fill_joint_state, fill_twist, trajectory_points
from sim.follower import TrajectoryFollower
from sim.sawyer import JOINT_NAMES, START_Q

CONTRACT = Contract.load("sawyer")
NAMES = [*CONTRACT.arm.joints, *CONTRACT.arm.gripper_joints]
HAND_AND_ARM = qos.SENSOR_PUB(1000)
"""A reliable reader that loses nothing."""


class GateWorld:
    """An arm on system time; publishers for whoever the test is; what the gate says."""

    def __init__(self, client) -> None:
        self.client, self.node = client, client.node
        self.follower = TrajectoryFollower(START_Q)
        self.joints, self.names = True, list(NAMES)
        self.wrong: list[str] = []
        self.trajectories: list[JointTrajectory] = []
        self.driving: dict[str, tuple[float, ...]] = {}
        """Source -> twist that is sent at 20 Hz."""
        self.goal = ""
        """State that the policy reports, "" for silence."""
        self.status = client.inbox(GateStatus, "command_gate/status", qos.STATUS)
        self.applied = client.inbox(Applied, "command_gate/applied", HAND_AND_ARM)
        self.openings = client.inbox(Float64MultiArray, "gripper_controller/commands", HAND_AND_ARM)
        self.modes = client.inbox(String, "mode", qos.LATCHED)
        self.estops = client.inbox(Bool, "estop", qos.LATCHED)
        topic = "arm_controller/joint_trajectory"
        self.node.create_subscription(JointTrajectory, topic, self._follow, HAND_AND_ARM)
        self._joint_pub = self.node.create_publisher(JointState, "joint_states", qos.SENSOR_PUB(10))
        self._pubs: dict[str, object] = {}
        self.node.create_timer(0.01, self._measure)
        self.node.create_timer(0.05, self._drive)
        self._move = ActionClient(self.node, MoveTo, "command_gate/move_to")

    # --- the arm ------------------------------------------------------------------------------

    @property
    def now_ns(self) -> int:
        return self.node.get_clock().now().nanoseconds

    def q(self):
        return self.follower.sample(self.now_ns * 1e-9)[0]

    def qd(self):
        return self.follower.sample(self.now_ns * 1e-9)[1]

    def _follow(self, msg: JointTrajectory) -> None:
        self.trajectories.append(msg)
        self.wrong += complaints(msg, JOINT_NAMES, self.now_ns)
        self.follower.set(trajectory_points(msg, JOINT_NAMES), self.now_ns * 1e-9)

    def _measure(self) -> None:
        if self.joints:
            msg = JointState()
            msg.header.stamp = self.node.get_clock().now().to_msg()
            values = dict(zip(NAMES, [*self.q(), 0.02, 0.02], strict=True))
            names = self.names
            fill_joint_state(msg, names, np.array([values.get(n, 0.3) for n in names]))
            self._joint_pub.publish(msg)

    # --- people and policies ------------------------------------------------------------------

    def _pub(self, kind, topic, profile=qos.COMMAND):
        if topic not in self._pubs:
            self._pubs[topic] = self.node.create_publisher(kind, topic, profile)
            self.client.until(
                lambda: self._pubs[topic].get_subscription_count(), what=f"a reader of {topic}"
            )
        return self._pubs[topic]

    def _drive(self) -> None:
        for source, twist in self.driving.items():
            self.twist(source, twist)
        if self.goal:
            self.report(self.goal)

    def report(self, state: str) -> None:
        """Say what a policy says of itself."""
        self._pub(PolicyStatus, "policy/status", qos.STATUS).publish(PolicyStatus(state=state))

    def twist(self, source, twist=(0.0, 0.2, 0.0, 0.0, 0.0, 0.0), *, frame="base", age_s=0.0):
        """Propose a twist."""
        msg = TwistStamped()
        if age_s is not None:
            ns = self.now_ns - round(age_s * 1e9)
            msg.header.stamp.sec, msg.header.stamp.nanosec = divmod(ns, 10**9)
        msg.header.frame_id = frame
        fill_twist(msg, twist)
        self._pub(TwistStamped, f"{source}/twist").publish(msg)

    def gripper(self, source, opening):
        """Propose an opening."""
        msg = Gripper(opening_m=opening)
        msg.header.stamp = self.node.get_clock().now().to_msg()
        self._pub(Gripper, f"{source}/gripper").publish(msg)

    def deadman(self, pressed):
        """Press or let go of the dead man's switch."""
        self._pub(Bool, "teleop/deadman").publish(Bool(data=pressed))

    # --- requests -----------------------------------------------------------------------------

    def set_mode(self, mode):
        """Ask for a mode; the answer."""
        return self.client.call(SetMode, "command_gate/set_mode", SetMode.Request(mode=mode))

    def take(self, mode):
        """Ask for a mode until the gate, just started, has fresh joint states."""
        self.client.until(lambda: self.set_mode(mode).success, what=f"mode {mode}")

    def send_move(self, **goal):
        """Send a goal of `move_to`; its handle once it is answered."""
        self.client.until(self._move.server_is_ready, what="move_to")
        sent = self._move.send_goal_async(MoveTo.Goal(**goal))
        self.client.until(sent.done, what="answer to move_to")
        return sent.result()

    def result(self, handle):
        """Status and result of a goal."""
        done = handle.get_result_async()
        self.client.until(done.done, 30.0, "result of move_to")
        return done.result().status, done.result().result

    # --- what the gate says -------------------------------------------------------------------

    def until_mode(self, name):
        """Wait until the gate is in a mode."""
        self.client.until(lambda: self.status and self.status[-1].mode_name == name, what=name)
        return self.status[-1]

    def until_refused(self, text):
        """Wait until a refusal says this."""
        try:
            self.client.until(lambda: self.status and text in self.status[-1].refusal)
        except AssertionError:
            raise AssertionError(f"{text!r} is not in {self.status[-1].refusal!r}") from None
        return self.status[-1]

    def until_moving(self):
        """Wait until the arm moves."""
        self.client.until(lambda: np.abs(self.qd()).max() > 0.05, what="the arm moves")

    def until_still(self):
        """Wait until the arm rests."""
        self.client.until(lambda: not self.qd().any(), what="the arm rests")
