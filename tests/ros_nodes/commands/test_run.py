"""`robot-meta run` against a real policy node."""

from __future__ import annotations

import json
import signal

import pytest

pytest.importorskip("rclpy")

from robot_meta_msgs.msg import GateStatus

from tests.ros_nodes.commands.test_adapt import CLI, command, world

pytestmark = pytest.mark.ros
__all__ = ["world"]


def test_run_moves_the_robot_until_the_time_is_up(nodes, ros_client, world, tmp_path):
    answer = tmp_path / "answer.json"
    words = ("run", "--max-duration-s", 1.5, "--json", answer)
    code, output = command(nodes, ros_client, *words)
    assert code == 0, output
    told = json.loads(answer.read_text())
    assert told["termination_reason"] == "timeout"
    assert told["steps"] > 5
    assert world.twists


def test_ctrl_c_cancels_and_the_gate_is_asked_to_hold(nodes, ros_client, world):
    process = nodes.python("-c", CLI, "run", "--max-duration-s", "60")
    ros_client.until(lambda: len(world.twists) > 3)
    process.send(signal.SIGINT)
    ros_client.until(lambda: process.popen.poll() is not None)
    assert process.wait() == 1
    assert "cancelled" in process.output
    assert world.asked == [GateStatus.POLICY, GateStatus.HOLD]


def test_run_without_a_policy_node_says_what_to_start(nodes, ros_client):
    code, output = command(nodes, ros_client, "run", "--namespace", "left")
    assert code == 1
    assert "no action /left/policy/run_policy" in output
    assert "robot-meta launch deploy" in output
