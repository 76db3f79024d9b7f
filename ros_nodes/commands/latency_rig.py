"""The node graph at 1x with a policy that runs, and a bystander who reads the messages' clocks."""

from __future__ import annotations

import array
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import rclpy
from rclpy.action import ActionClient
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from robot_meta_msgs.action import RunPolicy
from robot_meta_msgs.msg import Applied, PolicyStatus, SimState
from robot_meta_msgs.srv import ResetWorld
from sensor_msgs.msg import Image

from robot_meta.errors import SessionError
from ros_nodes import qos
from ros_nodes.messages import stamp_ns

START_S = 60.0
WARM_UP_S = 3.0
"""Samples of so long after the policy began to run do not count."""
ECHO_HZ = 10.0


class Rig:
    """Processes to be measured. Use as a context manager.

    Raises:
        SessionError: a process ended, or something did not come in time; the message says what.
    """

    def __init__(self) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Rig:
        self._context = Context()
        rclpy.init(context=self._context, args=[])
        self.node = rclpy.create_node("latency_rig", context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end_processes()
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self._context)

    # --- the graph ----------------------------------------------------------------------------

    def policy(self, checkpoint: Path, seconds: float) -> tuple[list[float], list[float], int]:
        """Let the policy run in the simulator at 1x.

        Returns:
            Milliseconds from publishing an image to publishing the first `applied` that answers
            it; milliseconds of the policy's decisions; number of images that nothing answered.
        """
        self._python("-m", "ros_nodes.cli", "launch", "deploy", f"checkpoint:={checkpoint}",
                     "log_level:=warn")  # fmt: skip
        images: dict[int, int] = {}
        answers: dict[int, int] = {}
        decisions: dict[int, float] = {}

        def on_applied(msg: Applied) -> None:
            if msg.source == "policy":
                answers.setdefault(stamp_ns(msg.proposal_stamp), int(msg.steady_ns))

        def on_state(msg: SimState) -> None:
            images[stamp_ns(msg.header.stamp)] = int(msg.steady_ns)

        def on_status(msg: PolicyStatus) -> None:
            decisions[stamp_ns(msg.image_stamp)] = float(msg.inference_ms)

        listen = self.node.create_subscription
        listen(SimState, "sim/state", on_state, qos.STATUS)
        listen(Applied, "command_gate/applied", on_applied, qos.STATUS)
        listen(PolicyStatus, "policy/status", on_status, qos.STATUS)
        self._until(lambda: images, START_S, "sim/state")
        runs = ActionClient(self.node, RunPolicy, "policy/run_policy")
        reset = self.node.create_client(ResetWorld, "sim/reset_world")
        self._until(runs.server_is_ready, START_S, "policy/run_policy")
        self._until(reset.service_is_ready, START_S, "sim/reset_world")
        counted: set[int] = set()
        end, seed = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            seed += 1
            self._answer(reset.call_async(ResetWorld.Request(seed=seed)), "sim/reset_world")
            counted |= self._one_run(runs, images, end)
        runs.destroy()
        answered = counted & answers.keys()
        to_command = [1e-6 * (answers[ns] - images[ns]) for ns in sorted(answered)]
        inference = [decisions[ns] for ns in sorted(counted & decisions.keys())]
        return to_command, inference, len(counted - answered)

    def _one_run(self, runs: ActionClient, images: dict[int, int], end: float) -> set[int]:
        """One goal of `run_policy`; the stamps of the images that it should have answered."""
        goal = RunPolicy.Goal(task="latency", max_duration_s=max(1.0, end - time.monotonic()))
        handle = self._answer(runs.send_goal_async(goal), "policy/run_policy")
        if not handle.accepted:
            raise SessionError("policy/run_policy rejected the goal; is a policy loaded?")
        result = handle.get_result_async()
        began_ns = time.monotonic_ns() + int(WARM_UP_S * 1e9)
        self._until(result.done, end - time.monotonic() + START_S, "the end of the run")
        # The last image may have come after the last decision.
        ended_ns = time.monotonic_ns() - int(0.2e9)
        return {ns for ns, sent_ns in images.items() if began_ns < sent_ns < ended_ns}

    # --- the echo -----------------------------------------------------------------------------

    def echo(self, width: int, height: int, count: int) -> list[float]:
        """Milliseconds from publishing an rgb8 image to having it back from another process."""
        self._python("-m", "ros_nodes.process", "ros_nodes.commands.echo_peer")
        sent: dict[int, int] = {}
        back: dict[int, int] = {}

        def on_image(msg: Image) -> None:
            back[stamp_ns(msg.header.stamp)] = time.monotonic_ns()

        out = self.node.create_publisher(Image, "echo/ping", qos.SENSOR_PUB(2))
        self.node.create_subscription(Image, "echo/pong", on_image, qos.SENSOR_SUB)
        self._until(
            lambda: out.get_subscription_count() and self.node.count_publishers("echo/pong"),
            START_S,
            "the echo's other end",
        )
        msg = Image(width=width, height=height, step=3 * width, encoding="rgb8")
        msg.data = array.array("B", bytes(3 * width * height))
        for number in range(1, count + 6):
            due = time.monotonic() + 1.0 / ECHO_HZ
            msg.header.stamp.sec = number
            sent[number * 10**9] = time.monotonic_ns()
            out.publish(msg)
            while (left := due - time.monotonic()) > 0:
                self._executor.spin_once(timeout_sec=left)
        self._end_processes()
        times = [1e-6 * (back[key] - sent[key]) for key in sorted(back)]
        return times[5:]  # the first ones find the way

    # --- small help ---------------------------------------------------------------------------

    def _python(self, *words: str) -> None:
        command = [sys.executable, *words]
        self._processes.append(subprocess.Popen(command, start_new_session=True))

    def _until(self, condition: Callable[[], Any], limit_s: float, what: str) -> None:
        end = time.monotonic() + limit_s
        while not condition():
            for process in self._processes:
                if process.poll() is not None:
                    raise SessionError(f"a process ended with code {process.returncode}")
            if time.monotonic() > end:
                raise SessionError(f"{what} did not come within {limit_s:.0f} s")
            self._executor.spin_once(timeout_sec=0.1)

    def _answer(self, future: Any, what: str) -> Any:
        self._until(future.done, START_S, f"an answer of {what}")
        return future.result()

    def _end_processes(self) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        for process in self._processes:
            try:
                process.wait(20.0)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self._processes.clear()
