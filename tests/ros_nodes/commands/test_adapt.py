"""`robot-meta adapt` against a real policy node."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("rclpy")

from tests.ros_nodes import recordings
from tests.ros_nodes.policy_world import PolicyWorld
from tests.ros_nodes.test_policy_node import NODE, save_theta

CLI = "import sys; from ros_nodes.cli import main; sys.exit(main())"
pytestmark = pytest.mark.ros


@pytest.fixture
def world(nodes, ros_client, tmp_path):
    world = PolicyWorld(ros_client)
    nodes.node(NODE, "-p", f"checkpoint:={save_theta(tmp_path / 'theta')}")
    ros_client.until(lambda: world.status, 60.0)
    return world


def command(nodes, client, *words):
    """Run `robot-meta words` while the test's own robot goes on."""
    process = nodes.python("-c", CLI, *map(str, words))
    client.until(lambda: process.popen.poll() is not None, limit_s=60.0, what=f"end of {words}")
    return process.wait(), process.output


def test_adapt_shows_the_loss_and_writes_the_answer(nodes, ros_client, world, tmp_path):
    episode = recordings.write_episode(tmp_path / "episode")
    answer = tmp_path / "answer.json"
    code, output = command(nodes, ros_client, "adapt", episode, "--steps", 2, "--json", answer)
    assert code == 0, output
    assert "step 2  loss" in output
    told = json.loads(answer.read_text())
    assert told["accepted"]
    assert told["loss_after"] < told["loss_before"]
    ros_client.until(lambda: world.status[-1].version == told["version"])


def test_adapt_on_a_bad_episode_fails_with_the_reason(nodes, ros_client, world, tmp_path):
    code, output = command(nodes, ros_client, "adapt", tmp_path / "nowhere")
    assert code == 1
    assert "no such episode" in output
