"""The gate with the real simulator: resets, pauses and lock-step, each in its own process."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy")

from geometry_msgs.msg import TwistStamped
from robot_meta_msgs.msg import Applied, GateStatus, SimState
from robot_meta_msgs.srv import ResetWorld, SetMode, SetPause
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool
from std_srvs.srv import Trigger

from ros_nodes import qos
from ros_nodes.messages import fill_twist, joint_positions, joint_velocities, stamp_ns
from sim.sawyer import JOINT_NAMES

pytestmark = pytest.mark.ros
SIM_TIME = ("-p", "use_sim_time:=true")


class Scene:
    """Simulator and gate, and a hand in the test's process that uses the robot's own time."""

    def __init__(self, nodes, client, *options):
        self.client = client
        self.joints = client.inbox(JointState, "joint_states", qos.SENSOR_PUB(1000))
        self.applied = client.inbox(Applied, "command_gate/applied", qos.SENSOR_PUB(1000))
        self.status = client.inbox(GateStatus, "command_gate/status", qos.STATUS)
        self.states = client.inbox(SimState, "sim/state", qos.STATUS)
        self.estops = client.inbox(Bool, "estop", qos.LATCHED)
        self._twists = client.node.create_publisher(TwistStamped, "teleop/twist", qos.COMMAND)
        self.speed = 0.0
        client.node.create_timer(0.05, self._drive)
        nodes.node("ros_nodes.sim_node", *options)
        nodes.node("ros_nodes.command_gate_node", *SIM_TIME, *options)
        client.until(lambda: self.joints and self.status and self.states, 60.0, "the scene")

    def _drive(self):
        if self.speed and self.joints:
            msg = TwistStamped()
            msg.header.stamp, msg.header.frame_id = self.joints[-1].header.stamp, "base"
            fill_twist(msg, [0.0, self.speed, 0.0, 0.0, 0.0, 0.0])
            self._twists.publish(msg)

    def mode(self, mode):
        request = SetMode.Request(mode=mode)
        name = "command_gate/set_mode"
        self.client.until(lambda: self.client.call(SetMode, name, request).success)

    def drive(self, speed=0.2):
        self.mode(GateStatus.TELEOP)
        self.speed = speed
        self.client.until(lambda: self.fastest() > 0.2, what="the arm moves")

    def fastest(self):
        return np.abs(joint_velocities(self.joints[-1], JOINT_NAMES)).max()

    def q(self):
        return joint_positions(self.joints[-1], JOINT_NAMES)

    def until_mode(self, name):
        self.client.until(lambda: self.status[-1].mode_name == name, what=name)

    def until_still(self):
        self.client.until(lambda: self.fastest() < 0.02, what="the arm rests")

    def time_ns(self):
        return stamp_ns(self.joints[-1].header.stamp)

    def run_on(self, seconds):
        end = self.time_ns() + round(seconds * 1e9)
        self.client.until(lambda: self.time_ns() >= end, 30.0 + seconds)


def test_a_reset_ends_the_motion_and_nothing_pulls_the_arm_back(nodes, ros_client):
    scene = Scene(nodes, ros_client)
    scene.drive()
    scene.speed = 0.0
    episode = scene.states[-1].episode
    assert ros_client.call(ResetWorld, "sim/reset_world", ResetWorld.Request(seed=5)).success
    ros_client.until(lambda: scene.states[-1].episode > episode)
    ros_client.until(lambda: scene.time_ns() >= stamp_ns(scene.states[-1].header.stamp))
    start = scene.q()
    scene.until_mode("HOLD")
    scene.run_on(0.5)
    assert scene.q() == pytest.approx(start, abs=2e-3)
    scene.drive(-0.2)
    told = next(a for a in reversed(scene.applied) if a.positions)
    assert np.array(told.positions) == pytest.approx(scene.q(), abs=0.1)


def test_after_a_pause_nothing_goes_on_by_itself(nodes, ros_client):
    scene = Scene(nodes, ros_client)
    scene.drive()
    assert ros_client.call(SetPause, "sim/set_pause", SetPause.Request(paused=True)).success
    scene.speed = 0.0
    scene.until_mode("HOLD")
    assert ros_client.call(SetPause, "sim/set_pause", SetPause.Request(paused=False)).success
    scene.run_on(0.5)
    scene.until_still()
    assert scene.status[-1].mode_name == "HOLD"
    scene.drive()


def test_the_emergency_stop_stops_the_simulated_arm(nodes, ros_client):
    scene = Scene(nodes, ros_client)
    scene.drive()
    assert ros_client.call(Trigger, "command_gate/estop", Trigger.Request()).success
    scene.until_still()
    assert scene.estops[-1].data
    ros_client.until(
        lambda: ros_client.call(Trigger, "command_gate/reset_estop", Trigger.Request()).success
    )
    scene.drive()


def test_in_lockstep_every_tick_is_answered_once(nodes, ros_client):
    scene = Scene(nodes, ros_client, "-p", "lockstep:=true")
    scene.run_on(1.0)
    stamps = [stamp_ns(a.header.stamp) for a in scene.applied]
    ticks = sorted(set(stamps))
    assert np.diff(ticks).tolist() == [20_000_000] * (len(ticks) - 1)
    scene.drive()
    scene.run_on(0.2)
    told = {stamp_ns(a.header.stamp): a for a in scene.applied}
    assert any(a.source == "teleop" and a.positions for a in told.values())
