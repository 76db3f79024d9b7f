"""Fixtures for all: a seeded generator; for `ros` tests a domain, a client, node processes."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

# Before torch is imported: two threads that wait for each other on a busy machine made tests of
# tiny networks forty times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

import sim  # noqa: F401 - chooses the renderer, before any test imports mujoco
from ros_nodes import dds, shared_memory
from ros_nodes import domain as domains


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip `ros` tests where ROS or the messages are not installed."""
    if item.get_closest_marker("ros"):
        for module in ("rclpy", "robot_meta_msgs"):
            if importlib.util.find_spec(module) is None:
                pytest.skip(f"no {module}; run `make setup`")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    """Tests of a file stay together; of several workers one runs all files with `ros` tests."""
    return RosTogether(config, log)


class RosTogether(LoadFileScheduling):
    """Tests that keep real time run one after the other, and the others beside them."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.split("::", 1)[0]
        return "ros" if _with_ros(Path(__file__).parents[1] / path) else path


@cache
def _with_ros(path: Path) -> bool:
    # The one process that schedules collects nothing: it knows names alone.
    return "mark.ros" in path.read_text("utf-8")


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator with a fixed seed."""
    return np.random.default_rng(0)


def claim_domain(monkeypatch: pytest.MonkeyPatch, tmp_path_factory) -> domains.Claim:
    """A ROS domain of our own, set in the environment for us and our child processes."""
    claim = domains.claim()
    shared_memory.sweep()  # who was killed while it began would hold up all that come after it
    monkeypatch.setenv("ROS_DOMAIN_ID", str(claim.number))
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    monkeypatch.setenv("ROS_PYTHON_CHECK_FIELDS", "1")
    monkeypatch.setenv("ROS_LOG_DIR", str(tmp_path_factory.mktemp("ros_log")))
    for name, value in dds.environment().items():
        monkeypatch.setenv(name, value)
    return claim


@pytest.fixture
def ros_domain(monkeypatch: pytest.MonkeyPatch, tmp_path_factory) -> Iterator[int]:
    """A ROS domain of the test's own."""
    claim = claim_domain(monkeypatch, tmp_path_factory)
    yield claim.number
    claim.release()


@pytest.fixture
def ros_client(ros_domain: int) -> Iterator[object]:
    """A `tests.ros_client.Client` in this process: publish, subscribe, call, wait for events."""
    from tests.ros_client import Client

    client = Client()
    yield client
    client.close()


@pytest.fixture
def nodes(ros_domain: int) -> Iterator[object]:
    """A `tests.processes.Processes`: starts node processes, and ends every one of them."""
    from tests.processes import Processes

    processes = Processes()
    yield processes
    processes.close()
    shared_memory.sweep()  # a killed node leaves 9 MB
