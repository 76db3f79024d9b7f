"""A node for testing the base of all nodes: it says what it does, and fails where it is told to."""

from __future__ import annotations

import os
from dataclasses import dataclass

from std_msgs.msg import String

from robot_meta.errors import ConfigError
from ros_nodes.node import ERROR, OK, RobotNode, run
from ros_nodes.params import param
from ros_nodes.qos import STATUS


@dataclass(frozen=True, kw_only=True)
class ToyParams:
    rate_hz: float = param(20.0, "Messages a second.", low=1.0, high=100.0)
    limit: float = param(200.0, "Not to be less than the rate.", low=0.0, high=1000.0)
    mood: str = param("calm", "Its mood.", choices=("calm", "cross"))
    gains: tuple[float, ...] = param((1.0, 2.0), "Gains.")
    size: int = param(3, "Size.", low=1, high=9, read_only=True)
    fail_in: str = param("", "Where to raise.")

    def __post_init__(self) -> None:
        if self.rate_hz > self.limit:
            raise ValueError(f"rate_hz {self.rate_hz} is over limit {self.limit}")


def say(text: str) -> None:
    """One line in one write: several processes share the output."""
    os.write(1, f"{text}\n".encode())


class ToyNode(RobotNode):
    def __init__(self) -> None:
        super().__init__("toy", ToyParams())
        self.pub = self.timer = None

    def _step(self, name: str) -> None:
        say(f"did:{name}")
        if self.p.fail_in == name:
            raise ZeroDivisionError(f"told to fail in {name}")
        if self.p.fail_in == f"config {name}":
            raise ConfigError(f"{name} is not configured; configure it")

    def setup(self) -> None:
        self._step("setup")
        self.pub = self.create_lifecycle_publisher(String, "said", STATUS)
        self.publish_contract("abc")

    def start(self) -> None:
        self._step("start")
        self.timer = self.steady_timer(1.0 / self.p.rate_hz, self._tick)

    def _tick(self) -> None:
        self.diagnose(
            "mood", ERROR if self.p.mood == "cross" else OK, self.p.mood, size=self.p.size
        )
        self.pub.publish(String(data=self.p.mood))
        if self.p.fail_in == "tick":
            raise ZeroDivisionError("told to fail in tick")

    def stop(self) -> None:
        if self.timer is not None:
            self.destroy_timer(self.timer)
        self.pub.publish(String(data="safe"))
        self._step("stop")

    def teardown(self) -> None:
        self._step("teardown")
        if self.pub is not None:
            self.destroy_lifecycle_publisher(self.pub)

    def changed(self) -> None:
        say(f"did:change to {self.p.mood}")


def main(argv: list[str] | None = None) -> int:
    return run(ToyNode, argv)
