"""Fixtures for all: a seeded generator; for `ros` tests a domain, a client, node processes."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

# Before torch is imported: two threads that wait for each other on a busy machine made tests of
# tiny networks forty times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest

import sim  # noqa: F401 - chooses the renderer, before any test imports mujoco
from ros_nodes import dds, shared_memory
from ros_nodes import domain as domains


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip `ros` tests where ROS or the messages are not installed."""
    if item.get_closest_marker("ros"):
        for module in ("rclpy", "robot_meta_msgs"):
            if importlib.util.find_spec(module) is None:
                pytest.skip(f"no {module}; run `make setup`")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None):
    """Of several workers one at a time runs a file of `ros` tests: they keep real time."""
    if item.get_closest_marker("ros"):
        TURN.take()
    try:
        return (yield)
    finally:
        if nextitem is None or nextitem.path != item.path:
            TURN.give()


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator with a fixed seed."""
    return np.random.default_rng(0)


class Turn:
    """A lock that all workers of a user share; kept from one test of a file to the next."""

    def __init__(self) -> None:
        name = f"robot-meta-tests-{os.getuid()}.lock"
        self._path = Path(tempfile.gettempdir()) / name
        self._file: IO[str] | None = None

    def take(self) -> None:
        """Wait for it."""
        if self._file is None:
            self._file = self._path.open("w", encoding="utf-8")
            fcntl.flock(self._file, fcntl.LOCK_EX)

    def give(self) -> None:
        """Let the next one have it."""
        if self._file is not None:
            self._file.close()
            self._file = None


TURN = Turn()


def claim_domain(monkeypatch: pytest.MonkeyPatch, tmp_path_factory) -> domains.Claim:
    """A ROS domain of our own, set in the environment for us and our child processes."""
    claim = domains.claim()
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
