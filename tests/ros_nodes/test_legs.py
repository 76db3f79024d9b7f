"""A legged robot over ROS: simulator, gate and policy, each in its own process."""

from __future__ import annotations

import json
import signal

import numpy as np
import pytest

pytest.importorskip("rclpy")

from robot_meta_msgs.msg import Adaptation
from robot_meta_msgs.srv import SetFault
from sensor_msgs.msg import JointState

from ros_nodes.messages import stamp_ns
from ros_nodes.qos import STATUS
from sim.leg_limits import limits
from sim.legged import HALF_CHEETAH
from tests.ros_nodes.leg_graph import LegGraph
from tests.ros_nodes.test_leg_policy_core import saved

pytestmark = pytest.mark.ros


class Legs(LegGraph):
    """A half-cheetah."""

    def __init__(self, nodes, client, theta):
        command = (JointState, "leg_controller/effort", "policy/effort")
        super().__init__(nodes, client, theta, "half_cheetah", "ros_nodes.leg_policy_node", command)
        self.adapted = client.inbox(Adaptation, "policy/adaptation", STATUS)
        self.ready()

    def resting(self, states=1):
        """Whether joints were at rest in so many last states, and nothing pushed them any more."""
        return all(_rests(msg) for msg in self.joints[-states:])


def _rests(msg):
    slow = np.abs(msg.velocity).max() < 0.1
    return slow and (np.abs(msg.effort) <= 0.2 * limits(HALF_CHEETAH).damping).all()


@pytest.fixture
def legs(nodes, ros_client, tmp_path):
    return Legs(nodes, ros_client, saved(tmp_path / "theta.safetensors"))


def test_it_runs_and_adapts_and_a_fault_is_felt(legs):
    client = legs.client
    done = legs.begin(2.0)
    client.until(lambda: any(m.version.endswith("+") or m.step > 8 for m in legs.adapted))
    answer = client.call(
        SetFault,
        "sim/set_fault",
        SetFault.Request(fault="disabled_joint", parameters_yaml="joint: 0"),
    )
    assert answer.success, answer.message
    client.until(lambda: "DisabledJoint" in legs.state[-1].task, what="the fault in sim/state")
    client.until(done.done, 100.0, "the end of the run")
    result = done.result().result
    assert result.termination_reason == "timeout", legs.gate[-1].refusal
    assert result.steps > 20
    assert all(np.isfinite(m.effort).all() for m in legs.command)
    stamps = legs.stamps_of_motion()
    assert len(stamps[0] & stamps[1] & stamps[2]) > 100
    assert {stamp_ns(m.header.stamp) for m in legs.proposed} <= stamps[0]
    client.until(legs.resting, what="rest after the run")
    assert "distance_m" in json.loads(legs.state[-1].info_json)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
@pytest.mark.parametrize("who", ["policy", "gate_node"])
def test_whoever_dies_in_mid_stride_the_legs_are_damped(legs, who, number):
    client = legs.client
    legs.begin(60.0)
    client.until(lambda: legs.gate[-1].mode_name == "POLICY" and len(legs.proposed) > 5)
    getattr(legs, who).send(number)
    # Legs that swing are at rest for a moment too.
    before = len(legs.joints)
    client.until(lambda: len(legs.joints) >= before + 20 and legs.resting(20), what="rest")


def test_a_fault_that_does_not_exist_is_refused(legs):
    for fault, parameters, told in (
        ("earthquake", "", "there are none"),
        ("crippled_leg", "leg: 7", "leg must be 0 to 1"),
        ("slope", "[1]", "must be a mapping"),
    ):
        request = SetFault.Request(fault=fault, parameters_yaml=parameters)
        answer = legs.client.call(SetFault, "sim/set_fault", request)
        assert not answer.success
        assert told in answer.message
