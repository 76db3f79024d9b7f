"""The graphs as a user starts them: every node comes up, two copies live side by side, all end."""

from __future__ import annotations

import os
import signal

import pytest

pytest.importorskip("rclpy")

from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState

from ros_nodes.graph import GRAPHS, resolve
from ros_nodes.qos import SENSOR_SUB

pytestmark = pytest.mark.ros


def launch(nodes, *words: str):
    return nodes.python("-m", "ros_nodes.cli", "launch", *words)


def wait_until_active(client, graph: str, namespace: str = "") -> None:
    for process in resolve(GRAPHS[graph], {}):
        service = f"{namespace}/{process.executable}/get_state"
        client.until(
            lambda name=service: (
                client.call(GetState, name, GetState.Request()).current_state.id
                == State.PRIMARY_STATE_ACTIVE
            ),
            limit_s=40.0,
            what=f"{service}: active",
        )


@pytest.mark.parametrize("graph", GRAPHS)
def test_every_node_comes_up_knows_its_parameters_and_ends_with_zero(
    graph, nodes, ros_client, tmp_path
):
    words = [] if graph == "sim" else [f"episodes:={tmp_path}"]
    running = launch(nodes, graph, *words)
    wait_until_active(ros_client, graph)
    assert running.end() == 0, running.output
    assert "no such parameters" not in running.output
    assert "Traceback" not in running.output


def test_the_gates_death_ends_all(nodes, ros_client):
    running = launch(nodes, "sim")
    started = running.wait_for("[command_gate] started")
    wait_until_active(ros_client, "sim")
    os.kill(int(started.split()[-1]), signal.SIGKILL)
    assert running.wait() == 1
    assert "[command_gate] is required: everything ends" in running.output


def test_a_second_copy_runs_beside_the_first_with_its_own_time(nodes, ros_client):
    joints = {
        ns: ros_client.inbox(JointState, f"{ns}/joint_states", SENSOR_SUB) for ns in ("", "/left")
    }
    clocks = {ns: ros_client.inbox(Clock, f"{ns}/clock", SENSOR_SUB) for ns in ("", "/left")}
    first = launch(nodes, "sim")
    wait_until_active(ros_client, "sim")
    second = launch(nodes, "sim", "namespace:=left")
    wait_until_active(ros_client, "sim", "/left")
    ros_client.until(lambda: all(joints.values()) and all(clocks.values()))
    seen = len(clocks["/left"])
    assert first.end() == 0
    ros_client.until(lambda: len(clocks["/left"]) > seen + 100, what="the second copy goes on")
    for times in clocks.values():
        stamps = [(c.clock.sec, c.clock.nanosec) for c in times]
        assert stamps == sorted(stamps)
    assert second.end() == 0
