"""Simulator, gate and a policy-like source as processes; one is killed while the arm moves."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
import rclpy
from numpy.typing import NDArray
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from robot_meta_msgs.msg import GateStatus
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

from robot_meta.errors import EpisodeError
from ros_nodes import qos
from ros_nodes.messages import duration_ns, joint_positions, joint_velocities, stamp_ns
from sim.sawyer import JOINT_NAMES, Kinematics

Array = NDArray[np.float64]

MODULES = {
    "sim": "ros_nodes.sim_node",
    "gate": "ros_nodes.command_gate_node",
    "policy": "ros_nodes.commands.kill_source",
}
AT_REST_RAD_S = 0.02
MOVING_RAD_S = 0.5
"""Measured joint speed at which a trial begins."""
WATCH_S = 1.2
PACE = 0.95
"""A simulator slower than this share of real time measures the load of the machine ..."""
GAP_S = 0.05
"""... and so does a longer gap between joint states, which come every 10 ms."""
ATTEMPTS = 8
START_S = 30.0


@dataclass(frozen=True)
class Stop:
    """What was measured of one kill; times in s from the signal, on the monotonic clock."""

    commanded_rest_s: float
    """The last trajectory sent comes to its end."""
    slowing_s: float
    """The fastest joint falls below nine tenths of its speed at the kill, for good."""
    rest_s: float
    """No joint is measured at 0.02 rad/s or faster from here on."""
    speed_at_kill_rad_s: float
    tip_travel_m: float
    """Path of the tip from the signal to rest."""
    pace: float
    """Simulated time over real time while it was watched."""
    gap_s: float
    """Longest time between two joint states."""


class Rig:
    """The processes of one trial after another. Use as a context manager."""

    def __init__(self) -> None:
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._kinematics = Kinematics()

    def __enter__(self) -> Rig:
        self._context = Context()
        rclpy.init(context=self._context, args=[])
        self.node = rclpy.create_node("kill_rig", context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._joints: list[tuple[float, float, Array, Array]] = []
        self._trajectories: list[tuple[float, float]] = []
        self.mode = ""
        listen = self.node.create_subscription
        listen(JointState, "joint_states", self._on_joints, qos.SENSOR_SUB)
        topic = "arm_controller/joint_trajectory"
        listen(JointTrajectory, topic, self._on_trajectory, qos.COMMAND)
        listen(GateStatus, "command_gate/status", self._on_gate, qos.STATUS)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        for name in list(self._processes):
            self.end(name)
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self._context)

    def start(self, name: str) -> None:
        """Start one of `MODULES`."""
        command = [sys.executable, "-m", "ros_nodes.process", MODULES[name], "--ros-args"]
        if name != "sim":
            command += ["-p", "use_sim_time:=true"]
        self._processes[name] = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, start_new_session=True
        )

    def end(self, name: str) -> None:
        """End it now, stopped or not."""
        process = self._processes.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        process.wait()

    def until(self, condition: Callable[[], Any], limit_s: float, what: str) -> None:
        """Listen until something is so.

        Raises:
            EpisodeError: it is not within `limit_s`, or a process has ended by itself.
        """
        end = time.monotonic() + limit_s
        while not condition():
            for name, process in self._processes.items():
                if process.poll() is not None:
                    raise EpisodeError(f"{name} ended with code {process.returncode}")
            if time.monotonic() > end:
                raise EpisodeError(f"not within {limit_s:.0f} s: {what}; the gate is {self.mode}")
            self._executor.spin_once(timeout_sec=0.02)

    def moving(self) -> bool:
        """Whether the arm is measured to move under the policy."""
        return self.mode == "POLICY" and bool(self._joints) and self._speed() > MOVING_RAD_S

    def kill(self, name: str, number: signal.Signals) -> Stop:
        """Wait until the arm moves, send the signal, and watch what the arm does.

        A trial that the machine did not keep up with is made again.

        Raises:
            EpisodeError: the arm does not move, does not come to rest, or no trial was at 1x.
        """
        for _ in range(ATTEMPTS):
            stop = self._trial(name, number)
            if stop.pace >= PACE and stop.gap_s <= GAP_S:
                return stop
        raise EpisodeError(
            f"the simulator ran at {stop.pace:.2f} of real time, need {PACE}; joint states came "
            f"up to {stop.gap_s:.3f} s apart, need {GAP_S}: end other work on this machine"
        )

    def _trial(self, name: str, number: signal.Signals) -> Stop:
        for each in MODULES:
            if each not in self._processes:
                self.start(each)
        self._joints.clear()
        self.until(self.moving, START_S, "the arm moves")
        speed = self._speed()
        self._joints.clear()
        del self._trajectories[:-1]
        began = time.monotonic()
        os.kill(self._processes[name].pid, number)
        end = began + WATCH_S
        while time.monotonic() < end:
            self._executor.spin_once(timeout_sec=0.02)
        self.end(name)
        return self._judge(began, speed)

    def _judge(self, began: float, speed: float) -> Stop:
        times = np.array([t - began for t, _, _, _ in self._joints])
        stamps = np.array([stamp for _, stamp, _, _ in self._joints])
        fastest = np.array([np.abs(qd).max() for _, _, _, qd in self._joints])
        if times.size < 50 or fastest[-1] >= AT_REST_RAD_S:
            raise EpisodeError(
                f"{times.size} joint states in {WATCH_S} s after the kill, the last at "
                f"{fastest[-1] if times.size else np.nan:.3f} rad/s: the arm does not rest"
            )
        rest = last_over(times, fastest, AT_REST_RAD_S)
        tips = np.array([self._kinematics.forward(q)[0] for _, _, q, _ in self._joints])
        path = np.linalg.norm(np.diff(tips, axis=0), axis=1)
        sent = [t + length - began for t, length in self._trajectories]
        return Stop(
            commanded_rest_s=max(sent, default=0.0),
            slowing_s=last_over(times, fastest, 0.9 * speed),
            rest_s=rest,
            speed_at_kill_rad_s=speed,
            tip_travel_m=float(path.sum()),
            gap_s=float(np.diff(times, prepend=0.0).max()),
            pace=float((stamps[-1] - stamps[0]) / (times[-1] - times[0])),
        )

    def _speed(self) -> float:
        return float(np.abs(self._joints[-1][3]).max())

    def _on_joints(self, msg: JointState) -> None:
        q, qd = joint_positions(msg, JOINT_NAMES), joint_velocities(msg, JOINT_NAMES)
        self._joints.append((time.monotonic(), stamp_ns(msg.header.stamp) * 1e-9, q, qd))

    def _on_trajectory(self, msg: JointTrajectory) -> None:
        length_s = duration_ns(msg.points[-1].time_from_start) * 1e-9
        self._trajectories.append((time.monotonic(), length_s))

    def _on_gate(self, msg: GateStatus) -> None:
        self.mode = msg.mode_name


def last_over(times: Array, values: Array, bound: float) -> float:
    """The first time from which all values are below the bound; 0 if they all are."""
    over = np.flatnonzero(values >= bound)
    if over.size == 0:
        return 0.0
    return float(times[min(over[-1] + 1, times.size - 1)])
