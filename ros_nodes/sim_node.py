"""The simulator behind topics and services: owns the clock, follows trajectories, stops by itself.

Physics runs in batches of 10 ms on a steady timer; every batch ends with `/clock` and
`joint_states`, and a picture follows at once when one is due. Rendering stays in the thread that
made the renderer, so all of it happens on the executor's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from rclpy.callback_groups import ReentrantCallbackGroup
from robot_meta_msgs.msg import Applied
from std_msgs.msg import Bool, Float64MultiArray
from trajectory_msgs.msg import JointTrajectory

from robot_meta.errors import ConfigError, ObservationError
from ros_nodes import qos
from ros_nodes.arm_sim import BATCH_NS, DECISION_NS, START_NS, ArmSim, parse_task
from ros_nodes.contract import Contract
from ros_nodes.lockstep import TICK_NS, Lockstep
from ros_nodes.messages import stamp_ns
from ros_nodes.node import ERROR, OK, WARN, RobotNode, run
from ros_nodes.pacing import Pacer
from ros_nodes.sim_params import SimParams
from ros_nodes.sim_services import SimServices
from ros_nodes.sim_topics import SimTopics

MAX_BATCHES_A_CALL = 20
"""Callbacks get a turn after so many batches, however much time is owed."""
REMEMBER_NS = 2_000_000_000
"""A refusal or a watchdog stop stays in the diagnostics for so long."""
UNDER_WAY_NS = 100_000_000
"""Commands that come so soon after a reset were on their way to an arm that is elsewhere now."""


class SimNode(RobotNode):
    """Node `sim`."""

    def __init__(self) -> None:
        super().__init__("sim", SimParams())
        self._sim: ArmSim | None = None
        self._timer: Any = None
        self._next_ns = START_NS
        self.aside = ReentrantCallbackGroup()
        """For callbacks that wait for others."""
        self.undo: list[Callable[[], object]] = []
        """Gives back what `setup` made, last first."""

    # --- lifecycle ----------------------------------------------------------------------------

    def setup(self) -> None:
        """Publishers, subscriptions and services; the world itself is made on activation."""
        self.contract = Contract.load(self.p.robot)
        parse_task(self.p.first_task)
        self._topics = SimTopics(self, self.contract)
        listen = self._subscription
        listen(JointTrajectory, "arm_controller/joint_trajectory", self._on_trajectory, qos.COMMAND)
        listen(Float64MultiArray, "gripper_controller/commands", self._on_gripper, qos.COMMAND)
        listen(Bool, "estop", self._on_estop, qos.LATCHED)
        if self.p.lockstep:
            listen(Applied, "command_gate/applied", self._on_applied, qos.STATUS)
        self._doors = SimServices(self)
        self.publish_contract(self.contract.hash)

    def start(self) -> None:
        """Make the world and let time run."""
        if self._sim is None:
            cam = self.contract.camera
            self._sim = ArmSim(
                self.p.first_task,
                self.p.seed,
                preset=self.p.preset,
                image_size=(cam.width, cam.height),
                start_ns=self._next_ns,
            )
        self._topics.describe(self._sim)
        self._lock = Lockstep()
        self.paused = self.p.paused
        self.steps_left = 0
        self._complained_ns = self._reset_ns = 0
        self._pacer = self._new_pacer()
        self._announce()
        # Several looks a batch cost little and keep a batch within half of its time.
        self._timer = self.steady_timer(BATCH_NS * 1e-9 / max(self.p.rate, 1.0), self._run)

    def stop(self) -> None:
        """Let time stand."""
        if self._timer is not None:
            self.destroy_timer(self._timer)
            self._timer = None

    def teardown(self) -> None:
        """Free the renderer, and give back what `setup` made."""
        self.stop()
        while self.undo:
            self.undo.pop()()
        if self._sim is not None:
            self._sim.close()
            self._next_ns = self._sim.time_ns + DECISION_NS
            self._sim = None

    def changed(self) -> None:
        """Follow a new rate."""
        if self._timer is not None:
            self._pacer = self._new_pacer()
            self.stop()
            self._timer = self.steady_timer(BATCH_NS * 1e-9 / max(self.p.rate, 1.0), self._run)

    # --- time ---------------------------------------------------------------------------------

    @property
    def sim(self) -> ArmSim:
        """The world.

        Raises:
            ConfigError: while the node is not active.
        """
        if self._sim is None:
            raise ConfigError("the simulator is not active; activate it first")
        return self._sim

    def new_episode(self, task: str, seed: int, keyframe: str) -> None:
        """Reset the world and announce it; what was commanded before counts for nothing.

        Raises:
            ConfigError: a task or keyframe that does not exist; the world is as before.
        """
        self.sim.reset(task=task, seed=seed, keyframe=keyframe)
        self._lock.reset()
        self.restart_time()
        self._reset_ns = time.monotonic_ns()
        self._announce()

    def restart_time(self) -> None:
        """After a pause or a reset nothing is owed, and waiting begins anew."""
        self._lock.resume(time.monotonic_ns())
        if self._pacer:
            self._pacer.restart()

    def _new_pacer(self) -> Pacer | None:
        return Pacer(BATCH_NS, self.p.rate) if self.p.rate > 0.0 else None

    def _run(self) -> None:
        """Timer: as many batches as are due."""
        steady_ns = time.monotonic_ns()
        # In lock-step time itself waits for the gate; its silence ends in a pause.
        if not self.p.lockstep and self.sim.receiver.watch(self.sim.now_s, steady_ns):
            self._complained_ns = steady_ns
            self.diagnose("commands", WARN, "no command for 0.2 s: the arm has been braked to rest")
        due = self._pacer.due(steady_ns) if self._pacer else MAX_BATCHES_A_CALL
        if self.paused:
            due = min(self.steps_left, MAX_BATCHES_A_CALL)
        self._batches(due)
        if self.p.lockstep:
            self._mind_the_gate(steady_ns)

    def _batches(self, count: int) -> None:
        """Up to `count` batches, fewer when lock-step waits or the physics has diverged."""
        for _ in range(count):
            if self.sim.diverged or not self._lock.complete():
                break
            if self._unbegun:
                self._begin()
                continue
            self.sim.step()
            if self.sim.diverged:
                self._report_divergence()
                break
            self._publish()
            if self.steps_left:
                self.steps_left -= 1

    def _mind_the_gate(self, steady_ns: int) -> None:
        if not self._lock.complete() and self._lock.repeat_due(steady_ns):
            self._topics.repeat(self.sim)
        if self.paused:
            return
        if self._lock.lost(steady_ns):
            told = "the gate has not answered for 5 s: paused until it does"
            self.diagnose("lockstep", ERROR, told)
        elif self._lock.waiting_ns is not None and not self._lock.heard:
            self.diagnose("lockstep", WARN, "waiting for the gate's first answer")

    def _report_divergence(self) -> None:
        self.diagnose(
            "physics", ERROR, "the physics has diverged: nothing is published until reset_world"
        )

    def _announce(self) -> None:
        """The first messages of an episode: frames, and everything as it is now."""
        self._topics.announce(self.sim)
        self.diagnose("physics", OK, "running", episode=self.sim.episode_number)
        # In lock-step, an episode laid out while time stands begins with time: its first picture
        # then finds everybody ready, and is answered within its own tick.
        self._unbegun = self.p.lockstep and self.paused
        self._publish()

    def _begin(self) -> None:
        """Announce the first moment again, now with its picture, and wait for the answer to it."""
        self._unbegun = False
        self._lock.reset()
        self._publish()

    def _publish(self) -> None:
        """What is due at this tick; then, in lock-step, wait for its answer."""
        sim, steady_ns = self.sim, time.monotonic_ns()
        picture = self._topics.publish(sim, self.p.camera_hz, pictures=not self._unbegun)
        if sim.batches * BATCH_NS % DECISION_NS == 0:
            self._diagnose_work(steady_ns)
        if self.p.lockstep and sim.time_ns % TICK_NS == 0:
            self._lock.wait(sim.time_ns, steady_ns, sim.time_ns if picture else 0)

    def _diagnose_work(self, steady_ns: int) -> None:
        receiver = self.sim.receiver
        counts = {"accepted": receiver.accepted, "refused": receiver.refused}
        if steady_ns - self._complained_ns > REMEMBER_NS:
            message = "at rest, no commands" if receiver.watchdog else "following"
            self.diagnose("commands", OK, message, **counts)
        if self.p.lockstep:
            late = self._lock.off_image
            message = "in step" if not late else "commands answered older images than they should"
            self.diagnose("lockstep", WARN if late else OK, message, off_image=late)
        elif self._pacer is not None and self.sim.batches % 100 == 0:
            factor = self._pacer.real_time_factor(steady_ns)
            slow = factor < 0.95 * self.p.rate
            message = "slower than asked for" if slow else "in time"
            stalls = self._pacer.let_go
            self.diagnose("pace", WARN if slow else OK, message, rate=factor, stalls=stalls)

    # --- what comes in ------------------------------------------------------------------------

    def _on_trajectory(self, msg: JointTrajectory) -> None:
        sim = self._sim
        if sim is None or self._under_way():
            return
        try:
            sim.receiver.accept(msg, sim.now_s, time.monotonic_ns())
        except ObservationError as error:
            self._complain(str(error))
        if self.p.lockstep:
            self._lock.on_trajectory(msg.points[0].positions if msg.points else ())
            self._step_on()

    def _under_way(self) -> bool:
        """Whether what comes now was sent before a reset. In lock-step ticks tell that apart."""
        young = time.monotonic_ns() - self._reset_ns < UNDER_WAY_NS
        return young and not self.p.lockstep

    def _complain(self, why: str) -> None:
        now_ns = time.monotonic_ns()
        if now_ns - self._reset_ns < UNDER_WAY_NS:
            return  # sent before the reset
        self._complained_ns = now_ns
        self.diagnose("commands", ERROR, why, refused=self.sim.receiver.refused)

    def _on_gripper(self, msg: Float64MultiArray) -> None:
        if self._sim is None or self._under_way():
            return
        try:
            self._sim.set_gripper(msg.data)
        except ObservationError as error:
            self.diagnose("gripper", ERROR, str(error))
            return
        self.diagnose("gripper", OK, "following")
        if self.p.lockstep:
            self._lock.on_gripper(msg.data[0])
            self._step_on()

    def _on_applied(self, msg: Applied) -> None:
        if self._sim is None:
            return
        self._lock.on_applied(
            stamp_ns(msg.header.stamp),
            msg.positions,
            msg.gripper_m,
            msg.source,
            stamp_ns(msg.proposal_stamp),
        )
        self._step_on()

    def _step_on(self) -> None:
        """Lock-step: the tick may be complete now, so do not wait for the timer."""
        if not self.paused and self._lock.waiting_ns is not None and self._lock.complete():
            self._batches(
                self._pacer.due(time.monotonic_ns()) if self._pacer else MAX_BATCHES_A_CALL
            )

    def _on_estop(self, msg: Bool) -> None:
        if self._sim is None:
            return
        self._sim.receiver.emergency_stop(bool(msg.data), self._sim.now_s)
        if msg.data:
            self.diagnose("estop", WARN, "the emergency stop is on: the arm has been braked")
        else:
            self.diagnose("estop", OK, "off")

    # --- small help ---------------------------------------------------------------------------

    def publisher(self, kind: Any, topic: str, profile: Any) -> Any:
        """A lifecycle publisher that lasts until `teardown`."""
        watch = qos.watch_publisher(self, topic)
        made = self.create_lifecycle_publisher(kind, topic, profile, event_callbacks=watch)
        self.undo.append(lambda: self.destroy_lifecycle_publisher(made))
        return made

    def _subscription(
        self, kind: Any, topic: str, callback: Callable[[Any], None], profile: Any
    ) -> None:
        watch = qos.watch_subscription(self, topic)
        made = self.create_subscription(kind, topic, callback, profile, event_callbacks=watch)
        self.undo.append(lambda: self.destroy_subscription(made))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the node."""
    return run(SimNode, argv)


if __name__ == "__main__":
    raise SystemExit(main())
