"""The simulator of legged robots behind topics and services; node `sim`, as for the arm.

Physics runs in batches of 10 ms on a steady timer; every batch ends with `/clock`, and then
`odom`, `imu/data` and `joint_states` of one stamp, the joints last: who has them has all.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from geometry_msgs.msg import Quaternion
from nav_msgs.msg import Odometry
from robot_meta_msgs.msg import SimState
from robot_meta_msgs.srv import ResetWorld, SetFault, SetPause
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Imu, JointState
from std_msgs.msg import Bool
from trajectory_msgs.msg import JointTrajectory

from robot_meta.errors import ConfigError, ObservationError, RobotMetaError
from ros_nodes import qos, sim_messages
from ros_nodes.leg_sim import BATCH_NS, START_NS, LegSim
from ros_nodes.messages import fill_joint_state
from ros_nodes.node import ERROR, OK, WARN, RobotNode, run
from ros_nodes.pacing import Pacer
from ros_nodes.params import param
from sim.leg_faults import leg_fault
from sim.legged import ROBOTS
from sim.terrain import BUILDERS

MAX_BATCHES_A_CALL = 20
"""Callbacks get a turn after so many batches, however much time is owed."""
STATE_BATCHES = 10
"""`sim/state` is said every so many batches."""
BASE, ODOM = "base", "odom"


@dataclass(frozen=True, kw_only=True)
class LegSimParams:
    """Parameters of the simulator."""

    robot: str = param("ant", "Which robot.", choices=tuple(ROBOTS), read_only=True)
    terrain: str = param("flat", "What it walks on.", choices=tuple(BUILDERS), read_only=True)
    fault: str = param("", "Fault at the start, with its defaults; see `robot-meta faults ls`.")
    seed: int = param(0, "Seed of the first state.", low=0)
    rate: float = param(1.0, "Simulated seconds a second.", low=0.01, high=100.0)
    paused: bool = param(False, "Start paused.", read_only=True)


class LegSimNode(RobotNode):
    """Node `sim` of a legged robot."""

    def __init__(self) -> None:
        super().__init__("sim", LegSimParams(), hardware_id="legs")
        self._sim: LegSim | None = None
        self._timer: Any = None
        self._next_ns = START_NS
        self._undo: list[Callable[[], object]] = []

    # --- lifecycle ----------------------------------------------------------------------------

    def setup(self) -> None:
        """Publishers, subscriptions and services; the world itself is made on activation."""

        def out(kind: Any, topic: str, profile: Any) -> Any:
            watch = qos.watch_publisher(self, topic)
            made = self.create_lifecycle_publisher(kind, topic, profile, event_callbacks=watch)
            self._undo.append(lambda: self.destroy_lifecycle_publisher(made))
            return made

        def hear(kind: Any, topic: str, callback: Callable[[Any], None], profile: Any) -> None:
            watch = qos.watch_subscription(self, topic)
            made = self.create_subscription(kind, topic, callback, profile, event_callbacks=watch)
            self._undo.append(lambda: self.destroy_subscription(made))

        self._clock_pub = out(Clock, "/clock", qos.CLOCK)
        self._joints_pub = out(JointState, "joint_states", qos.SENSOR_PUB(10))
        self._imu_pub = out(Imu, "imu/data", qos.SENSOR_PUB(10))
        self._odom_pub = out(Odometry, "odom", qos.SENSOR_PUB(10))
        self._state_pub = out(SimState, "sim/state", qos.SENSOR_PUB(10))
        kind, topic = (JointState, "leg_controller/effort")
        if ROBOTS[self.p.robot].servos:
            kind, topic = (JointTrajectory, "leg_controller/joint_trajectory")
        hear(kind, topic, self._on_command, qos.COMMAND)
        hear(Bool, "estop", self._on_estop, qos.LATCHED)
        for kind, name, work in (
            (ResetWorld, "~/reset_world", self._reset_world),
            (SetPause, "~/set_pause", self._set_pause),
            (SetFault, "~/set_fault", self._set_fault),
        ):
            service = self.create_service(kind, name, work)
            self._undo.append(lambda service=service: self.destroy_service(service))  # type: ignore[misc]

    def start(self) -> None:
        """Make the world and let time run."""
        self._sim = LegSim(self.p.robot, self.p.terrain, self.p.seed, self._next_ns)
        self._sim.set_fault(_fault(self.p.fault, ""))
        self.paused, self._complained_ns = self.p.paused, 0
        self._pacer = Pacer(BATCH_NS, self.p.rate)
        self.diagnose("physics", OK, "running", episode=self._sim.episode_number)
        self._publish()
        self._timer = self.steady_timer(BATCH_NS * 1e-9 / max(self.p.rate, 1.0), self._run)

    def stop(self) -> None:
        """Let time stand."""
        if self._timer is not None:
            self.destroy_timer(self._timer)
            self._timer = None

    def teardown(self) -> None:
        """Give back what `setup` made."""
        self.stop()
        while self._undo:
            self._undo.pop()()
        if self._sim is not None:
            self._next_ns, self._sim = self._sim.time_ns + BATCH_NS, None

    def changed(self) -> None:
        """Follow a new rate."""
        if self._timer is not None:
            self._pacer = Pacer(BATCH_NS, self.p.rate)
            self.stop()
            self._timer = self.steady_timer(BATCH_NS * 1e-9 / max(self.p.rate, 1.0), self._run)

    # --- time ---------------------------------------------------------------------------------

    def _run(self) -> None:
        sim, steady_ns = self._world(), time.monotonic_ns()
        if sim.receiver.watch(steady_ns):
            self._complained_ns = steady_ns
            self.diagnose("commands", WARN, "no command for 0.2 s: the joints are damped")
        due = 0 if self.paused else self._pacer.due(steady_ns)
        for _ in range(min(due, MAX_BATCHES_A_CALL)):
            if sim.diverged:
                self.diagnose("physics", ERROR, "diverged: nothing is published until reset_world")
                return
            sim.step()
            self._publish()
        if due and sim.batches % 100 == 0:
            self._diagnose_work(steady_ns)

    def _diagnose_work(self, steady_ns: int) -> None:
        receiver = self._world().receiver
        if steady_ns - self._complained_ns > 2_000_000_000:
            message = "damped, no commands" if receiver.watchdog else "following"
            counts = {"accepted": receiver.accepted, "refused": receiver.refused}
            self.diagnose("commands", OK, message, **counts)
        factor = self._pacer.real_time_factor(steady_ns)
        slow = factor < 0.95 * self.p.rate
        message = "slower than asked for" if slow else "in time"
        self.diagnose("pace", WARN if slow else OK, message, rate=factor)

    def _publish(self) -> None:
        sim = self._world()
        state, stamp = sim.state(), sim_messages.stamp(sim.time_ns)
        self._clock_pub.publish(Clock(clock=stamp))
        odom, imu, joints = Odometry(child_frame_id=BASE), Imu(), JointState()
        odom.header.stamp = imu.header.stamp = joints.header.stamp = stamp
        odom.header.frame_id, imu.header.frame_id = ODOM, BASE
        sim.messages.fill_odom(odom, state)
        _, quat, _, angular = sim.messages.base(state)
        w, x, y, z = map(float, quat)
        imu.orientation = Quaternion(w=w, x=x, y=y, z=z)
        for field, values in (
            (imu.angular_velocity, angular),
            (imu.linear_acceleration, sim.acceleration()),
        ):
            field.x, field.y, field.z = map(float, values)
        q, qd = sim.messages.joints(state)
        fill_joint_state(joints, sim.messages.names, q, qd, sim.efforts())
        self._odom_pub.publish(odom)
        self._imu_pub.publish(imu)
        self._joints_pub.publish(joints)
        if sim.batches % STATE_BATCHES == 0:
            self._state_pub.publish(self._told(stamp))

    def _told(self, stamp: Any) -> SimState:
        sim = self._world()
        msg = SimState(
            episode=sim.episode_number,
            seed=sim.seed,
            state_hash=sim.state_hash(),
            task=sim.task_json(),
            info_json=json.dumps(sim.info(), allow_nan=False),
            steady_ns=time.monotonic_ns(),
        )
        msg.header.stamp = stamp
        return msg

    # --- what comes in ------------------------------------------------------------------------

    def _on_command(self, msg: Any) -> None:
        if self._sim is None:
            return
        try:
            self._sim.accept(msg, time.monotonic_ns())
        except ObservationError as error:
            self._complained_ns = time.monotonic_ns()
            self.diagnose("commands", ERROR, str(error), refused=self._sim.receiver.refused)

    def _on_estop(self, msg: Bool) -> None:
        if self._sim is None:
            return
        self._sim.receiver.emergency_stop(bool(msg.data))
        if msg.data:
            self.diagnose("estop", WARN, "the emergency stop is on: the joints are damped")
        else:
            self.diagnose("estop", OK, "off")

    def _reset_world(self, request: Any, response: Any) -> Any:
        def work() -> str:
            if request.task not in ("", "{}") or request.keyframe:
                raise ConfigError("a legged robot has no tasks or keyframes; leave them empty")
            self._world().reset(request.seed)
            self._pacer.restart()
            self._publish()
            return f"episode {self._world().episode_number}"

        return _answer(response, work)

    def _set_pause(self, request: Any, response: Any) -> Any:
        def work() -> str:
            self._world()
            self.paused = bool(request.paused)
            self._pacer.restart()
            return "paused" if request.paused else "running"

        return _answer(response, work)

    def _set_fault(self, request: Any, response: Any) -> Any:
        def work() -> str:
            fault = _fault(request.fault, request.parameters_yaml)
            self._world().set_fault(fault)
            return str(fault) if fault else "no fault"

        return _answer(response, work)

    def _world(self) -> LegSim:
        if self._sim is None:
            raise ConfigError("the simulator is not active; activate it first")
        return self._sim


def _fault(name: str, text: str) -> Any:
    """The named fault.

    Raises:
        ConfigError: no such fault or parameter, or no YAML mapping.
    """
    try:
        parameters = yaml.safe_load(text) or {}
        if not isinstance(parameters, dict):
            raise ConfigError(f"parameters_yaml must be a mapping like 'leg: 3', got {text!r}")
        return leg_fault(name, parameters)
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(str(error)) from error


def _answer(response: Any, work: Callable[[], str]) -> Any:
    """Do the work; success with its message, or the reason why not."""
    try:
        response.message, response.success = work(), True
    except (RobotMetaError, ValueError) as error:
        response.success, response.message = False, str(error)
    return response


def main(argv: Sequence[str] | None = None) -> int:
    """Run the node."""
    return run(LegSimNode, argv)


if __name__ == "__main__":
    raise SystemExit(main())
