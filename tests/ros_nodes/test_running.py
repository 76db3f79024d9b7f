"""A script's graph of real node processes: watched, and ended however the script ends."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path

import pytest

pytest.importorskip("rclpy")

from robot_meta.errors import ConfigError, SessionError
from ros_nodes.client_node import RobotClient
from ros_nodes.graph import SIM
from ros_nodes.running import NodeEndedError, RunningGraph

pytestmark = pytest.mark.ros


@pytest.fixture(autouse=True)
def logs_here(monkeypatch, tmp_path):
    """What stays after an error stays in the test's folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def processes(graph: RunningGraph) -> dict[str, int]:
    """Node -> pid of those that this process started."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    lines = {int(pid): Path(f"/proc/{pid}/cmdline").read_text() for pid in children}
    return {n: pid for n in graph.names for pid, line in lines.items() if f".{n}_node" in line}


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def test_nodes_are_met_asked_and_ended(ros_domain):
    before = dict(os.environ)
    with RunningGraph(SIM, {"task": "push"}) as graph:
        found = processes(graph)
        assert set(found) == {"sim", "command_gate"} == set(graph.names)
        assert graph.domain_id != ros_domain, "a domain of its own"
        with RobotClient(check=graph.check) as client:
            client.until(lambda: client.states and client.gate, 60.0, "the graph")
            world = client.reset_world({"family": "push", "split": "test", "index": 4}, 3)
            assert world.info["label"] == "push/test/4"
            assert world.episode == 2
            client.set_mode("HOLD")
            client.wait_mode("HOLD")
            with pytest.raises(SessionError, match="no task family"):
                client.reset_world({"family": "juggle"}, 0)
            client.set_pause(True)
            standing = client.reset_world({}, 3)
            client.set_pause(False)
            client.until(lambda: client.states[-1].stamp_ns > standing.stamp_ns, 20.0, "time")
        logs = graph.logs
        assert (logs / "sim.log").is_file()
    assert all(gone(pid) for pid in found.values())
    assert not logs.exists()
    assert dict(os.environ) == before


def lose_the_gate(graph: RunningGraph, found: dict[str, int]) -> None:
    """Run a graph, kill its gate, and wait on for what will not come."""
    with graph, RobotClient(check=graph.check) as client:
        client.until(lambda: client.states and client.gate, 60.0, "the graph")
        found |= processes(graph)
        os.kill(found["command_gate"], signal.SIGKILL)
        client.until(lambda: False, 20.0, "the end of a node was not noticed")


def test_a_node_that_ends_is_told_with_its_last_words(ros_domain):
    graph, found = RunningGraph(SIM, {}), {}
    with pytest.raises(NodeEndedError) as error:
        lose_the_gate(graph, found)
    told = str(error.value)
    assert "node command_gate ended with signal SIGKILL" in told
    assert "[command_gate]: " in told, "the last lines of its log"
    assert str(graph.logs) in told
    assert (graph.logs / "sim.log").is_file()
    assert all(gone(pid) for pid in found.values())


def test_what_cannot_start_is_told_at_once(ros_domain):
    with pytest.raises(ConfigError, match="unknown argument colour"):
        RunningGraph(SIM, {"colour": "red"})
    with (
        pytest.raises(NodeEndedError, match="nowhere"),
        RunningGraph(SIM, {"params_file": "/nowhere.yaml"}) as graph,
        RobotClient(check=graph.check) as client,
    ):
        client.wait_ready()
