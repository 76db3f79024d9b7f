"""The policy with the real simulator and the real gate, each in its own process."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("rclpy")

from rclpy.action import ActionClient
from robot_meta_msgs.action import RunPolicy
from robot_meta_msgs.msg import Applied, GateStatus, PolicyStatus
from robot_meta_msgs.srv import ResetWorld
from sensor_msgs.msg import Image

from ros_nodes.messages import stamp_ns
from ros_nodes.qos import SENSOR_SUB, STATUS
from tests.ros_nodes.test_policy_node import NODE, save_theta

pytestmark = pytest.mark.ros
SIM_TIME = ("-p", "use_sim_time:=true")


class Graph:
    """Simulator, gate and policy, and what they say."""

    def __init__(self, nodes, client, theta, lockstep):
        self.client = client
        step = ("-p", f"lockstep:={str(lockstep).lower()}")
        self.applied = client.inbox(Applied, "command_gate/applied", STATUS)
        self.gate = client.inbox(GateStatus, "command_gate/status", STATUS)
        self.status = client.inbox(PolicyStatus, "policy/status", STATUS)
        self.images = client.inbox(Image, "front/image_raw", SENSOR_SUB)
        self.sim = nodes.node("ros_nodes.sim_node", *SIM_TIME, *step)
        self.gate_node = nodes.node("ros_nodes.command_gate_node", *SIM_TIME, *step)
        self.policy = nodes.node(NODE, *SIM_TIME, "-p", f"checkpoint:={theta}")
        self.action = ActionClient(client.node, RunPolicy, "policy/run_policy")
        client.until(lambda: self.images and self.gate and self.status, 60.0, "the graph")
        client.until(self.action.server_is_ready)
        client.until(lambda: stamp_ns(self.status[-1].header.stamp), what="the policy's clock")

    def run(self, seconds):
        sent = self.action.send_goal_async(RunPolicy.Goal(max_duration_s=seconds))
        self.client.until(sent.done)
        result = sent.result().get_result_async()
        self.client.until(result.done, 200.0, "the end of the run")
        return result.result().result

    def run_at_1x(self, seconds):
        """Run to the end; on a loaded machine a policy may be too late, and is let in again."""
        stopped = []
        while (reason := self.run(seconds).termination_reason) != "timeout":
            assert reason == "gate"
            stopped.append(self.gate[-1].refusal)
            assert len(stopped) < 5, stopped
            self.applied.clear()

    def driven(self):
        """What was applied because of the policy: (tick, image) stamps and twist, once a tick."""
        ticks = {
            stamp_ns(m.header.stamp): (stamp_ns(m.proposal_stamp), m.twist)
            for m in self.applied
            if m.source == "policy"
        }
        return [(tick, image, tuple(twist)) for tick, (image, twist) in sorted(ticks.items())]


@pytest.fixture
def theta(tmp_path):
    return save_theta(tmp_path / "theta.safetensors")


def test_the_gate_follows_the_policy_and_then_holds(nodes, ros_client, theta):
    graph = Graph(nodes, ros_client, theta, lockstep=False)
    graph.run_at_1x(2.0)
    driven = graph.driven()
    images = {stamp_ns(m.header.stamp) for m in graph.images}
    assert {image for _, image, _ in driven} <= images
    assert len({image for _, image, _ in driven}) >= 10
    assert any(any(twist) for _, _, twist in driven)
    ros_client.until(lambda: graph.gate[-1].mode == GateStatus.HOLD)
    graph.run_at_1x(0.5)


def test_in_lockstep_every_image_is_answered_and_a_second_run_repeats_the_first(
    nodes, ros_client, theta
):
    graph = Graph(nodes, ros_client, theta, lockstep=True)
    task = json.dumps({"family": "place", "split": "test", "index": 3, "target": None})
    runs = []
    for _ in range(2):
        request = ResetWorld.Request(seed=5, task=task)
        answer = ros_client.call(ResetWorld, "/sim/reset_world", request)
        assert answer.success, answer.message
        graph.applied.clear()
        assert graph.run(2.0).termination_reason == "timeout", graph.gate[-1]
        driven = graph.driven()
        first = driven[0][1]
        images = sorted({image - first for _, image, _ in driven})
        assert images[:15] == [100_000_000 * k for k in range(15)]
        runs.append([(t - first, i - first, twist) for t, i, twist in driven][:75])
    assert [stamps[:2] for stamps in runs[0]] == [stamps[:2] for stamps in runs[1]]
    # The arm sinks by nanometres while nobody moves it, so the starts are not the same to the bit.
    twists = [np.array([twist for *_, twist in run]) for run in runs]
    assert np.allclose(*twists, atol=1e-5)


def test_killing_the_policy_stops_the_robot_and_the_gate_holds(nodes, ros_client, theta):
    graph = Graph(nodes, ros_client, theta, lockstep=False)
    graph.run_at_1x(1.0)
    graph.action.send_goal_async(RunPolicy.Goal(max_duration_s=60.0))
    seen = len(graph.driven())
    ros_client.until(lambda: len(graph.driven()) > seen + 5)
    graph.policy.kill()
    ros_client.until(lambda: graph.gate[-1].mode == GateStatus.HOLD)
    ros_client.until(
        lambda: graph.applied[-1].source == "" and not any(graph.applied[-1].velocities)
    )
