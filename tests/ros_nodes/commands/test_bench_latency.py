"""The latency bench as a user runs it, briefly."""

from __future__ import annotations

import pytest

from robot_meta.results import read_result
from tests.processes import Processes

pytestmark = [pytest.mark.ros, pytest.mark.slow]


def test_measures_the_graph_and_the_echo(nodes: Processes, tmp_path):
    path = tmp_path / "latency.json"
    words = ("bench", "latency", "--seconds", "8", "--json", str(path))
    bench = nodes.python("-m", "ros_nodes.cli", *words)
    assert bench.wait(120.0) == 0, bench.output
    metrics = read_result(path)["metrics"]
    for name in ("obs_to_command_ms", "policy_ms", "echo_ms"):
        p50, p99 = metrics[f"{name}_p50"], metrics[f"{name}_p99"]
        assert 0.0 < p50["value"] <= p99["value"]
        assert p50["n"] == p99["n"] >= 30
    # A decision is part of what the whole takes.
    assert metrics["policy_ms_p50"]["value"] < metrics["obs_to_command_ms_p50"]["value"]


def test_a_checkpoint_that_is_not_there_is_named(nodes: Processes, tmp_path):
    path = tmp_path / "none.safetensors"
    bench = nodes.python("-m", "ros_nodes.cli", "bench", "latency", "--checkpoint", str(path))
    assert bench.wait(60.0) == 1
    assert str(path) in bench.output
    assert "Traceback" not in bench.output
