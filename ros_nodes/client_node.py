"""A script's end of the graph: what a person would ask the nodes for, as blocking verbs.

One rclpy node in this process. Every verb waits for an answer or a message, never for a time, and
while it waits `check` may give up: a node that has ended is told at once.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeVar

import numpy as np
import rclpy
from geometry_msgs.msg import TwistStamped
from numpy.typing import NDArray
from rclpy.action import ActionClient
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from robot_meta_msgs.action import Adapt, RecordEpisode, RunPolicy
from robot_meta_msgs.msg import Applied, GateStatus, PolicyStatus, RecorderStatus, SimState
from robot_meta_msgs.srv import LoadPolicy, ResetWorld, SetFault, SetMode, SetPause
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger

from robot_meta.errors import SessionError
from ros_nodes import qos
from ros_nodes.commands.action import topic
from ros_nodes.greeting import TEACHING, WALKING, Greetings
from ros_nodes.messages import fill_twist, rgb, stamp_ns

START_S = 120.0
"""A cold start imports torch and compiles shaders; on a loaded machine that takes a while."""
ANSWER_S = 30.0
"""A node that answers at all does so in milliseconds, unless its machine is very busy."""
PATIENCE_S = 3.0
MODES = {"IDLE": 0, "HOLD": 1, "TELEOP": 2, "POLICY": 3, "REPLAY": 4}
RECORDED = ("joint_states", "front/image_raw", "command_gate/applied", "sim/state")
"""Without these an episode is none."""
# Everything in order: a state that is missed may be the one that says how a trial ended.
_EVERY_STATE = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=200, reliability=ReliabilityPolicy.RELIABLE
)
T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """The simulator's account of one moment. Never an input of a policy."""

    episode: int
    stamp_ns: int
    steady_ns: int
    """The host's monotonic clock when it was sent."""
    state_hash: str
    info: Mapping[str, Any]
    """success, done, error_m, target_xy_m, label, ..."""


@dataclass(frozen=True)
class Adapted:
    """An adaptation that is in use."""

    version: str
    loss_before: float
    loss_after: float
    wall_s: float
    """From asking to the answer, reading the episode included."""


class Goal:
    """An action goal that was accepted."""

    def __init__(self, client: RobotClient, name: str, handle: Any) -> None:
        self._client, self._name, self._handle = client, name, handle
        self._result = handle.get_result_async()

    @property
    def done(self) -> bool:
        """Whether the result is there."""
        return bool(self._result.done())

    def result(self, limit_s: float = ANSWER_S) -> Any:
        """Wait for the result."""
        self._client.until(lambda: self.done, limit_s, f"{self._name} did not end")
        return self._result.result().result

    def cancel(self) -> Any:
        """Ask for the end, unless it has ended, and wait for the result."""
        if not self.done:
            self._handle.cancel_goal_async()
        return self.result()


class RobotClient:
    """Talks to a running graph. Use as a context manager, in one thread.

    Args:
        namespace: of the graph's nodes.
        check: called again and again while waiting; raises when waiting is in vain.
    """

    def __init__(self, namespace: str = "", check: Callable[[], None] = lambda: None) -> None:
        self.check = check
        self.states: deque[World] = deque(maxlen=1000)
        """What the simulator said, oldest first; `reset_world` empties it."""
        self.gate: Any = None
        """The gate's last `GateStatus`."""
        self.stopped_because = ""
        """Why the gate last went from moving to holding."""
        self.applied_ns = 0
        """Stamp of the gate's last tick."""
        self.on_image: Callable[[int, NDArray[np.uint8]], None] | None = None
        """Called with (stamp in ns, (H, W, 3) rgb) of every picture, if set."""
        self.velocity: tuple[float, float] | None = None
        """(m/s forward, rad/s to the left) that a walking robot is told with every `sim/state`."""
        self._namespace = namespace
        self._recorder: Any = None
        self._policy: Any = None

    def __enter__(self) -> RobotClient:
        self._context = Context()
        rclpy.init(args=[], context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        self.node = rclpy.create_node("robot_client", context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._velocity_pub = self.node.create_publisher(TwistStamped, self.name("cmd_vel"), 1)
        self._listen(SimState, "sim/state", self._on_state, _EVERY_STATE)
        self._listen(GateStatus, "command_gate/status", self._on_gate, qos.STATUS)
        self._listen(Applied, "command_gate/applied", self._on_applied, qos.STATUS)
        self._listen(RecorderStatus, "recorder/status", self._on_recorder, qos.STATUS)
        self._listen(PolicyStatus, "policy/status", self._on_policy, qos.STATUS)
        self._listen(Image, "front/image_raw", self._on_picture, qos.SENSOR_SUB)
        kinds: Iterable[tuple[Any, str]] = (
            (ResetWorld, "sim/reset_world"),
            (SetPause, "sim/set_pause"),
            (SetFault, "sim/set_fault"),
            (SetMode, "command_gate/set_mode"),
            (LoadPolicy, "policy/load_policy"),
            (Trigger, "policy/rollback"),
            (Trigger, "teleop/start"),
            (Trigger, "teleop/stop"),
            (Trigger, "recorder/stop"),
            (Trigger, "recorder/discard_last"),
        )
        self._services = {n: self.node.create_client(k, self.name(n)) for k, n in kinds}
        self._actions = {
            kind: ActionClient(self.node, kind, self.name(name))
            for kind, name in (
                (RecordEpisode, "recorder/record_episode"),
                (Adapt, "policy/adapt"),
                (RunPolicy, "policy/run_policy"),
            )
        }
        # Made last, as it must be.
        self._greetings = Greetings(self.node, map(self.name, (*WALKING, *TEACHING)))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for client in self._actions.values():
            client.destroy()
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self._context)

    # --- waiting ------------------------------------------------------------------------------

    @property
    def policy_version(self) -> str:
        """Version of the policy's parameters; empty before it has told of any."""
        return str(self._policy.version) if self._policy is not None else ""

    def name(self, relative: str) -> str:
        """The absolute name of a topic, service or action."""
        return topic(self._namespace, relative)

    def until(self, condition: Callable[[], T], limit_s: float, failure: str) -> T:
        """Take what comes until `condition()` is true, and return it.

        Raises:
            SessionError: with `failure`, after `limit_s` of wall time.
        """
        end = time.monotonic() + limit_s
        while not (result := condition()):
            self.check()
            if time.monotonic() > end:
                raise SessionError(f"{failure} within {limit_s:.0f} s")
            self._executor.spin_once(timeout_sec=0.05)
        return result

    def wait_ready(self, *, teaching: bool = True, limit_s: float = START_S) -> None:
        """Wait for the whole graph: world, gate and policy; teleop and recorder if `teaching`.

        Raises:
            SessionError: a part does not come.
        """
        self.until(lambda: self.states, limit_s, "no sim/state came")
        self.until(lambda: self.gate and self.applied_ns, limit_s, "the gate did not speak")
        for name, service in self._services.items():
            if teaching or not name.startswith(("teleop/", "recorder/")):
                self.until(service.service_is_ready, limit_s, f"no service {self.name(name)}")
        for kind, action in self._actions.items():
            if teaching or kind is not RecordEpisode:
                self.until(action.server_is_ready, limit_s, f"no action {kind.__name__}")
        self.meet(*WALKING, *(TEACHING if teaching else ()), limit_s=limit_s)
        has_policy = lambda: self._policy is not None and self._policy.version  # noqa: E731
        self.until(has_policy, limit_s, "no policy was loaded")
        if teaching:
            missing = {self.name(each) for each in RECORDED}
            hears = lambda: (  # noqa: E731
                self._recorder is not None and not missing & set(self._recorder.silent_topics)
            )
            self.until(hears, limit_s, f"the recorder did not hear {', '.join(RECORDED)}")

    def meet(self, *nodes: str, limit_s: float = START_S) -> None:
        """Wait until each node has answered; SessionError if one does not."""
        for name in map(self.name, nodes):
            self.until(self._greetings.answered(name), limit_s, f"node {name} did not answer")

    # --- verbs --------------------------------------------------------------------------------

    def reset_world(self, task: Mapping[str, Any], seed: int) -> World:
        """A new episode; what is true at its first moment.

        Args:
            task: as `ResetWorld.task`: family, split, index, target, avoid, trial.
            seed: of the arrangement.

        Raises:
            SessionError: the simulator refused; the message says why.
        """
        before = self.states[-1].episode if self.states else 0
        self.states.clear()
        request = ResetWorld.Request(task=json.dumps(dict(task)), seed=seed)
        self._call("sim/reset_world", request)
        begun = lambda: next((s for s in self.states if s.episode > before), None)  # noqa: E731
        found = self.until(begun, ANSWER_S, "no sim/state of the new episode came")
        assert found is not None
        while self.states[0] is not found:
            self.states.popleft()
        known = lambda: self.applied_ns >= found.stamp_ns  # noqa: E731
        self.until(known, ANSWER_S, "the gate did not tick in the new episode")
        return found

    def set_pause(self, paused: bool) -> None:
        """Let simulated time stand or run."""
        self._call("sim/set_pause", SetPause.Request(paused=paused))

    def set_fault(self, fault: str, **parameters: Any) -> str:
        """Break something, or with "none" mend it; what is broken now.

        Raises:
            SessionError: the simulator refused; the message says why.
        """
        text = json.dumps(parameters)  # which is YAML
        return self._call("sim/set_fault", SetFault.Request(fault=fault, parameters_yaml=text))

    def set_mode(self, mode: str) -> None:
        """Ask the gate for a mode: IDLE, HOLD, TELEOP, POLICY or REPLAY."""
        self._call("command_gate/set_mode", SetMode.Request(mode=MODES[mode]))

    def wait_mode(self, mode: str, goal: Goal | None = None) -> None:
        """Wait until the gate is in a mode, or `goal` has ended first."""
        there = lambda: self.gate.mode_name == mode or (goal is not None and goal.done)  # noqa: E731
        self.until(there, ANSWER_S, f"the gate did not go to {mode}")

    def wait_rest(self) -> None:
        """Wait until the gate lets nobody move the robot."""
        at_rest = lambda: self.gate.mode <= MODES["HOLD"]  # noqa: E731
        self.until(at_rest, ANSWER_S, "the gate did not stop")

    def take(self) -> None:
        """Let teleoperation take the robot; on a busy machine the gate may want another moment."""
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                self._call("teleop/start", Trigger.Request())
                return
            except SessionError:
                if time.monotonic() > end:
                    raise
            self._executor.spin_once(timeout_sec=0.1)
            self.check()

    def let_go(self) -> None:
        """Let teleoperation let go."""
        self._call("teleop/stop", Trigger.Request())

    def record(self, label: str, max_duration_s: float = 0.0) -> Goal:
        """Begin to record an episode; `keep` or `discard` ends it."""
        return self._send(
            RecordEpisode, RecordEpisode.Goal(task=label, max_duration_s=max_duration_s)
        )

    def keep(self, goal: Goal) -> str:
        """End the recording and keep it; the episode's folder.

        Raises:
            SessionError: it could not be written.
        """
        if not goal.done:
            self._call("recorder/stop", Trigger.Request())
        result = goal.result()
        if result.outcome not in (result.SUCCEEDED, result.TIMEOUT):
            raise SessionError(f"the recording failed: {result.termination_reason}")
        return str(result.uri)

    def discard(self, goal: Goal) -> None:
        """End the recording and move it to the store's trash."""
        self._call("recorder/discard_last", Trigger.Request())
        goal.result()

    def adapt(self, *episodes: str, steps: int = 0, seed: int = 0) -> Adapted:
        """Adapt the policy to episodes; `steps` 0 means its own number.

        Raises:
            SessionError: the policy refused; the message says why.
        """
        began = time.monotonic()
        goal = self._send(Adapt, Adapt.Goal(episode_uris=list(episodes), steps=steps, seed=seed))
        result = goal.result()
        wall_s = time.monotonic() - began
        if not result.accepted:
            raise SessionError(f"adapting to {', '.join(episodes)}: {result.message}")
        return Adapted(result.version, result.loss_before, result.loss_after, wall_s)

    def rollback(self) -> None:
        """Undo the policy's last change."""
        self._call("policy/rollback", Trigger.Request())

    def load_policy(self, path: str) -> None:
        """Let the policy node use a checkpoint."""
        self._call("policy/load_policy", LoadPolicy.Request(uri=path))

    def run_policy(self, label: str = "", max_duration_s: float = 0.0) -> Goal:
        """Let the policy move the robot."""
        return self._send(RunPolicy, RunPolicy.Goal(task=label, max_duration_s=max_duration_s))

    # --- small help ---------------------------------------------------------------------------

    def _call(self, name: str, request: Any) -> str:
        service = self._services[name]
        self.until(service.service_is_ready, ANSWER_S, f"no service {self.name(name)}")
        answer = service.call_async(request)
        self.until(answer.done, ANSWER_S, f"{self.name(name)} did not answer")
        result = answer.result()
        if not result.success:
            raise SessionError(f"{self.name(name)}: {result.message}")
        return str(result.message)

    def _send(self, kind: Any, goal: Any) -> Goal:
        client, name = self._actions[kind], kind.__name__
        self.until(client.server_is_ready, ANSWER_S, f"no action {name}")
        sent = client.send_goal_async(goal)
        self.until(sent.done, ANSWER_S, f"{name} did not answer the goal")
        if not sent.result().accepted:
            raise SessionError(f"{name} rejected the goal; is its node active and free?")
        return Goal(self, name, sent.result())

    def _listen(self, kind: Any, name: str, callback: Callable[[Any], None], profile: Any) -> None:
        self.node.create_subscription(kind, self.name(name), callback, profile)

    def _on_state(self, msg: Any) -> None:
        info = json.loads(msg.info_json)
        at_ns = stamp_ns(msg.header.stamp)
        self.states.append(World(msg.episode, at_ns, msg.steady_ns, msg.state_hash, info))
        if self.velocity is not None:
            forward, turn = self.velocity
            told = TwistStamped(header=msg.header)
            fill_twist(told, (forward, 0.0, 0.0, 0.0, 0.0, turn))
            self._velocity_pub.publish(told)

    def _on_gate(self, msg: Any) -> None:
        if self.gate is not None and self.gate.mode > MODES["HOLD"] >= msg.mode:
            self.stopped_because = str(msg.refusal)
        self.gate = msg

    def _on_applied(self, msg: Any) -> None:
        self.applied_ns = stamp_ns(msg.header.stamp)

    def _on_recorder(self, msg: Any) -> None:
        self._recorder = msg

    def _on_policy(self, msg: Any) -> None:
        self._policy = msg

    def _on_picture(self, msg: Any) -> None:
        if self.on_image is not None:
            self.on_image(stamp_ns(msg.header.stamp), rgb(msg))
