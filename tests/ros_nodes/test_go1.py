"""A Go1 over ROS: simulator, gate and walking policy, each in its own process."""

from __future__ import annotations

import signal

import numpy as np
import pytest

pytest.importorskip("rclpy")

from geometry_msgs.msg import TwistStamped
from robot_meta_msgs.srv import SetFault
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from ros_nodes.messages import stamp_ns
from sim.leg_targets import target_limits
from sim.legged import GO1
from tests.ros_nodes.leg_graph import LegGraph
from tests.ros_nodes.test_leg_policy_core import saved

pytestmark = pytest.mark.ros


class Walking(LegGraph):
    """A Go1, told how fast to walk."""

    def __init__(self, nodes, client, theta):
        command = (JointTrajectory, "leg_controller/joint_trajectory", "policy/joint_trajectory")
        super().__init__(nodes, client, theta, "go1", "ros_nodes.walk_policy_node", command)
        self.velocity = client.node.create_publisher(TwistStamped, "cmd_vel", 1)
        self.ready()

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
    # 0.5 s after the last word it stands: half speed, so 0.25 s of its own time, and a stride.
    walking.pass_time(150, "time to come to a stand")
    stood = walking.x()
    walking.pass_time(100)
    assert walking.x() == pytest.approx(stood, abs=0.03)
    assert not done.done()
    assert all(len(m.points) in (0, 2) for m in walking.command)
    last = next(m for m in reversed(walking.command) if m.points)
    assert list(last.points[-1].velocities) == [0.0] * 12
    stamps = walking.stamps_of_motion()
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
    # Legs that are let go of may still sink, but nothing pushes them again.
    assert all(np.abs(msg.effort).max() < 1.0 for msg in walking.pass_time(20))


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
