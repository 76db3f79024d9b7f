"""A Go1 over ROS: simulator, gate and walking policy, each in its own process."""

from __future__ import annotations

import signal

import numpy as np
import pytest

pytest.importorskip("rclpy")

from geometry_msgs.msg import TwistStamped
from nav_msgs.msg import Odometry
from rclpy.action import ActionClient
from robot_meta_msgs.action import RunPolicy
from robot_meta_msgs.msg import GateStatus, PolicyStatus, SimState
from robot_meta_msgs.srv import SetFault
from sensor_msgs.msg import Imu, JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from ros_nodes.messages import stamp_ns
from ros_nodes.qos import COMMAND, SENSOR_SUB, STATUS
from sim.leg_targets import target_limits
from sim.legged import GO1
from tests.ros_nodes.test_leg_policy_core import saved

pytestmark = pytest.mark.ros
SIM_TIME = ("-p", "use_sim_time:=true")
ROBOT = ("-p", "robot:=go1")


class Walking:
    """The graph, at half speed so that a busy machine keeps up, and what its nodes say."""

    def __init__(self, nodes, client, theta):
        self.client = client
        hear = client.inbox
        self.joints = hear(JointState, "joint_states", SENSOR_SUB)
        self.odom = hear(Odometry, "odom", SENSOR_SUB)
        self.imu = hear(Imu, "imu/data", SENSOR_SUB)
        self.command = hear(JointTrajectory, "leg_controller/joint_trajectory", COMMAND)
        self.proposed = hear(JointTrajectory, "policy/joint_trajectory", COMMAND)
        self.gate = hear(GateStatus, "command_gate/status", STATUS)
        self.status = hear(PolicyStatus, "policy/status", STATUS)
        self.state = hear(SimState, "sim/state", STATUS)
        self.sim = nodes.node("ros_nodes.leg_sim_node", *ROBOT, "-p", "rate:=0.5")
        self.gate_node = nodes.node("ros_nodes.leg_gate_node", *SIM_TIME, *ROBOT)
        theta = ("-p", f"checkpoint:={theta}")
        self.policy = nodes.node("ros_nodes.walk_policy_node", *SIM_TIME, *ROBOT, *theta)
        self.action = ActionClient(client.node, RunPolicy, "policy/run_policy")
        self.velocity = client.node.create_publisher(TwistStamped, "cmd_vel", 1)
        client.until(lambda: self.joints and self.gate and self.status, 60.0, "the graph")
        client.until(self.action.server_is_ready)
        client.until(lambda: stamp_ns(self.status[-1].header.stamp), what="the policy's clock")

    def begin(self, seconds):
        sent = self.action.send_goal_async(RunPolicy.Goal(max_duration_s=seconds))
        self.client.until(sent.done)
        return sent.result().get_result_async()

    def tell(self, forward):
        msg = TwistStamped(header=self.joints[-1].header)
        msg.twist.linear.x = forward
        self.velocity.publish(msg)

    def x(self):
        return self.odom[-1].pose.pose.position.x

    def walk_to(self, x):
        """Say the velocity again and again until it is there."""
        said = [0]

        def there():
            if len(self.joints) > said[0] + 5:
                said[0] = len(self.joints)
                self.tell(0.4)
            return self.x() > x

        self.client.until(there, 60.0, "progress")

    def damped(self):
        """Whether nothing holds the joints: they are slow, and hardly pushed."""
        msg = self.joints[-1]
        return np.abs(msg.velocity).max() < 0.1 and np.abs(msg.effort).max() < 1.0


@pytest.fixture
def walking(nodes, ros_client, tmp_path):
    return Walking(nodes, ros_client, saved(tmp_path / "theta.safetensors", "go1"))


def test_it_walks_while_it_is_told_and_then_stands_and_a_lost_leg_is_felt(walking):
    client = walking.client
    done = walking.begin(60.0)
    walking.walk_to(walking.x() + 0.3)
    stopped = len(walking.joints)
    # 0.5 s after the last word it stands: half speed, so 0.25 s of its own time, and a stride.
    client.until(lambda: len(walking.joints) > stopped + 150, what="time to come to a stand")
    stood = walking.x()
    client.until(lambda: len(walking.joints) > stopped + 250, what="time to go on")
    assert walking.x() == pytest.approx(stood, abs=0.03)
    assert not done.done()
    assert all(len(m.points) in (0, 2) for m in walking.command)
    last = next(m for m in reversed(walking.command) if m.points)
    assert list(last.points[-1].velocities) == [0.0] * 12
    boxes = (walking.joints, walking.odom, walking.imu)
    stamps = [{stamp_ns(m.header.stamp) for m in box} for box in boxes]
    assert len(stamps[0] & stamps[1] & stamps[2]) > 100
    assert {stamp_ns(m.header.stamp) for m in walking.proposed} <= stamps[0]
    request = SetFault.Request(fault="crippled_leg", parameters_yaml="leg: 3")
    answer = client.call(SetFault, "sim/set_fault", request)
    assert answer.success, answer.message
    client.until(lambda: "CrippledLeg" in walking.state[-1].task, what="the fault in sim/state")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
@pytest.mark.parametrize("who", ["policy", "gate_node"])
def test_whoever_dies_in_mid_stride_the_legs_are_damped(walking, who, number):
    client = walking.client
    walking.begin(60.0)
    walking.walk_to(walking.x() + 0.1)
    getattr(walking, who).send(number)
    client.until(walking.damped, what="rest")
    seen = len(walking.joints)
    client.until(lambda: len(walking.joints) > seen + 20, what="time to go on")
    # Legs that are let go of may still sink, but nothing pushes them again.
    assert all(np.abs(msg.effort).max() < 1.0 for msg in walking.joints[seen:])


def test_the_controller_takes_no_command_of_the_wrong_kind(walking):
    client, limits = walking.client, target_limits(GO1)
    walking.gate_node.send(signal.SIGKILL)
    names = list(walking.joints[-1].name)
    rest = walking.client.node.create_publisher(
        JointTrajectory, "leg_controller/joint_trajectory", 1
    )
    client.until(lambda: rest.get_subscription_count(), what="the controller")
    for positions in ([float("nan")] * 12, limits.high + 1.0, [0.0] * 11):
        point = JointTrajectoryPoint(positions=list(positions), velocities=[0.0] * len(positions))
        point.time_from_start.nanosec = 20_000_000
        rest.publish(JointTrajectory(joint_names=names, points=[point]))
    seen = len(walking.joints)
    client.until(lambda: len(walking.joints) > seen + 50, what="time to go on")
    assert walking.damped()
