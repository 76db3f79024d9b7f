"""The recorder: every topic of the contract, raw, into one episode after another.

Action `~/record_episode` records until it is cancelled, its time is over, or `~/stop` is called;
`~/start` and `~/stop` do the same for clients that cannot call actions. `~/discard_last` moves the
episode that runs, or the last one, to the trash; `~/save_last` makes an episode of the seconds
before the call. Under `use_sim_time` nothing is written before the first `/clock`.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.serialization import deserialize_message
from rclpy.task import Future
from robot_meta_msgs.action import RecordEpisode
from robot_meta_msgs.msg import RecorderStatus, SimState
from std_srvs.srv import Trigger

from robot_meta.errors import EpisodeError
from ros_nodes.bag_writer import COMPRESSIONS, Writer
from ros_nodes.contract import Contract
from ros_nodes.episode_info import EpisodeInfo
from ros_nodes.intake import Intake
from ros_nodes.node import ERROR, OK, WARN, RobotNode, run
from ros_nodes.params import param
from ros_nodes.qos import STATUS
from ros_nodes.recording import Arrival, Recording
from ros_nodes.store import Store
from ros_nodes.taps import Taps

SCAN_S = 0.5
"""How often publishers are looked for."""
TICK_S = 0.05
"""How often the time limit and cancel requests are looked at."""
FEEDBACK_EVERY = 10
CLOSE_S = 4.0
"""A launch sends SIGTERM 5 s after SIGINT: the episode is closed before that."""
KINDS = {RecordEpisode.Goal.ROBOT: "robot", RecordEpisode.Goal.HUMAN: "human"}
OUTCOMES = {
    "succeeded": RecordEpisode.Result.SUCCEEDED,
    "cancelled": RecordEpisode.Result.CANCELLED,
    "timeout": RecordEpisode.Result.TIMEOUT,
    "stopped": RecordEpisode.Result.STOPPED,
}


@dataclass(frozen=True, kw_only=True)
class RecorderParams:
    """Parameters of the recorder."""

    robot: str = param("sawyer", "Whose contract is recorded.", read_only=True)
    directory: str = param("episodes", "Folder of episodes; made when needed.", read_only=True)
    task: str = param("", "Label of an episode whose goal has none.")
    kind: str = param("robot", "What `~/start` records.", choices=("robot", "human"))
    max_duration_s: float = param(
        60.0, "Longest episode, s, where its goal sets none.", low=0.1, high=3600.0
    )
    ring_buffer_s: float = param(
        10.0, "What `~/save_last` saves, s; 0 keeps nothing.", low=0.0, high=120.0
    )
    compression: str = param("zstd", "Of chunks.", choices=tuple(COMPRESSIONS))
    min_free_mb: float = param(200.0, "Disk that is left free, MB.", low=0.0, high=1e6)
    status_hz: float = param(2.0, "Rate of `~/status`, Hz.", low=1.0, high=10.0, read_only=True)


class RecorderNode(RobotNode):
    """Records the contract's topics."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("recorder", RecorderParams(), **kwargs)
        self._ticking: list[Any] = []
        self._offered: list[Any] = []
        self._action_server: Any = None

    # --- lifecycle ------------------------------------------------------------------------------

    def setup(self) -> None:
        """Read the contract; offer services and the action."""
        self.contract = Contract.load(self.p.robot)
        self.store = Store(self.p.directory)
        self.intake = Intake(self.p.ring_buffer_s)
        self.taps = Taps(self, self.contract, self._on_message)
        self._last: Path | None = None
        self._last_messages = self._last_dropped = 0
        self._waiting: list[tuple[Recording, Future]] = []
        self._goal: Any = None
        self._limit_s = 0.0
        self._began_ns = 0
        self._lost_before = 0
        self._ticks = 0
        self._scene: dict[str, Any] = {}
        self._status_pub = self.create_publisher(RecorderStatus, "~/status", STATUS)
        self._ended = self.create_guard_condition(self._on_ended)
        self._action_server = ActionServer(
            self,
            RecordEpisode,
            "~/record_episode",
            self._execute,
            goal_callback=self._on_goal,
            cancel_callback=lambda _: CancelResponse.ACCEPT,
        )
        # Those that await the end of a file must not keep the others' callbacks from running.
        group = ReentrantCallbackGroup()
        self._offered = [
            self.create_service(Trigger, f"~/{name}", callback, callback_group=group)
            for name, callback in (
                ("start", self._on_start),
                ("stop", self._on_stop),
                ("discard_last", self._on_discard_last),
                ("save_last", self._on_save_last),
            )
        ]
        self._ticking = [
            self.steady_timer(SCAN_S, self._scan),
            self.steady_timer(1.0 / self.p.status_hz, self._publish_status),
            self.steady_timer(TICK_S, self._tick),
        ]
        self.publish_contract(self.contract.hash)

    def start(self) -> None:
        """Subscribe to what is there."""
        self._scan()

    def stop(self) -> None:
        """Close the episode that runs, and subscribe to nothing."""
        recording = self.intake.recording
        if recording is not None:
            self._finish("stopped", "the recorder was deactivated or shut down")
            if not recording.ended.wait(CLOSE_S):
                self.get_logger().error(f"{recording.folder}: not closed in {CLOSE_S} s")
            self._on_ended()
        self.taps.close()

    def teardown(self) -> None:
        """Give back what `setup` made."""
        for timer in self._ticking:
            self.destroy_timer(timer)
        for service in self._offered:
            self.destroy_service(service)
        if self._action_server is not None:
            self._action_server.destroy()
            self.destroy_guard_condition(self._ended)
            self.destroy_publisher(self._status_pub)
        self._ticking, self._offered, self._action_server = [], [], None

    def changed(self) -> None:
        """A parameter was set."""
        if hasattr(self, "intake"):
            self.intake.ring_s = self.p.ring_buffer_s

    # --- messages -------------------------------------------------------------------------------

    def _on_message(self, arrival: Arrival) -> None:
        if arrival.log_ns <= 0:
            return  # simulated time has not begun
        if arrival.type == "robot_meta_msgs/msg/SimState" and not self._scene:
            state = deserialize_message(arrival.data, SimState)
            self._scene = {"seed": int(state.seed), "scene": state.task}
        self.intake.put(arrival)

    def _scan(self) -> None:
        if not self.active:
            return
        problems = self.taps.scan()
        text = "; ".join(f"{topic}: {problem}" for topic, problem in problems.items())
        self.diagnose("topics", WARN if problems else OK, text or "all that publish are recorded")

    # --- an episode -----------------------------------------------------------------------------

    def _begin(self, kind: str, task: str, limit_s: float) -> Recording:
        """Start an episode.

        Raises:
            EpisodeError: one runs already, or the folder cannot be made.
        """
        if not self.active:
            raise EpisodeError("the recorder is not active; activate it first")
        if self.intake.recording is not None:
            raise EpisodeError(
                f"{self.intake.recording.folder.name} is being recorded; stop it first"
            )
        recording = self._open(kind, task)
        self._scene = {}
        self._limit_s = limit_s
        self._began_ns = self.now_ns()
        self._lost_before = self.taps.lost
        self._ticks = 0
        self.intake.begin(recording, self._began_ns)
        if self._began_ns == 0:
            self.get_logger().info("waiting for the first /clock")
        self.get_logger().info(f"recording {recording.folder}")
        return recording

    def _open(self, kind: str, task: str) -> Recording:
        sim_time = bool(self.get_parameter("use_sim_time").value)
        namespace = self.get_namespace().rstrip("/")
        info = EpisodeInfo(
            robot=self.contract.robot,
            kind=kind,
            task=task or self.p.task,
            namespace=namespace,
            remapped=self._remapped(namespace),
            clock="sim" if sim_time else "system",
            contract_hash=self.contract.hash,
            created=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        )
        folder = self.store.new_folder(info.task or kind)
        writer = Writer(folder, info, self.contract, compression=self.p.compression)
        return Recording(
            writer,
            min_free_bytes=round(self.p.min_free_mb * 1e6),
            on_end=self._ended.trigger,
        )

    def _remapped(self, namespace: str) -> dict[str, str]:
        """Contract name -> topic, of the topics that are elsewhere than their names say."""
        topics = {t.name: self.taps.resolve(t.name) for t in self.contract.recorded}
        return {n: t for n, t in topics.items() if t != (n if n[0] == "/" else f"{namespace}/{n}")}

    def _finish(self, outcome: str, reason: str) -> None:
        """Take no more messages; `_on_ended` follows when the file is closed."""
        recording = self.intake.recording
        if recording is None:
            return
        facts = {
            "silent_topics": tuple(self._silent(recording)),
            "dropped": recording.dropped + self.taps.lost - self._lost_before,
        }
        recording.finish(outcome, reason, **facts, **self._scene)

    def _on_ended(self) -> None:
        """A writing thread closed its file, or failed."""
        recording = self.intake.recording
        if recording is not None and recording.ended.is_set():
            self.intake.end()
            self._report(recording)
        for waiting in list(self._waiting):
            if waiting[0].ended.is_set():
                self._waiting.remove(waiting)
                waiting[1].set_result(waiting[0])

    def _report(self, recording: Recording) -> None:
        self._last, self._last_messages = recording.folder, recording.messages
        self._last_dropped = recording.dropped
        try:
            info = recording.wait()
        except EpisodeError as error:
            self.diagnose("episode", ERROR, str(error), uri=recording.folder)
            return
        missing = [topic for topic in info.silent_topics if topic in self._required()]
        text = f"{info.outcome}: {info.messages} messages, {info.duration_s:.1f} s"
        if missing:
            text += f"; nothing came on {', '.join(missing)}"
        self.diagnose("episode", WARN if missing else OK, text, uri=recording.folder)
        self.get_logger().info(f"{recording.folder}: {text}")

    def _end_of(self, recording: Recording) -> Future:
        """Done when the recording is closed."""
        future = Future()
        self._waiting.append((recording, future))
        return future

    def _tick(self) -> None:
        recording = self.intake.recording
        if recording is None:
            return
        if recording.ended.is_set():
            self._on_ended()
            return
        now = self.now_ns()
        if self._began_ns == 0:
            self._began_ns = now
        duration_s = (now - self._began_ns) / 1e9
        if self._goal is not None and self._goal.is_cancel_requested:
            self._finish("cancelled", "the goal was cancelled")
        elif duration_s >= self._limit_s:
            self._finish("timeout", f"{self._limit_s:g} s were over")
        self._ticks += 1
        if self._goal is not None and self._ticks % FEEDBACK_EVERY == 0:
            feedback = RecordEpisode.Feedback(duration_s=duration_s, messages=recording.messages)
            self._goal.publish_feedback(feedback)

    # --- action ---------------------------------------------------------------------------------

    def _on_goal(self, goal: Any) -> Any:
        busy = self.intake.recording is not None or self._goal is not None
        wrong = goal.kind not in KINDS or not 0.0 <= goal.max_duration_s < float("inf")
        if not self.active or busy or wrong:
            why = "not active" if not self.active else "one runs" if busy else "bad kind or time"
            self.get_logger().warning(f"refused a goal of record_episode: {why}")
            return GoalResponse.REJECT
        return GoalResponse.ACCEPT

    async def _execute(self, goal: Any) -> Any:
        request, result = goal.request, RecordEpisode.Result()
        try:
            limit_s = request.max_duration_s or self.p.max_duration_s
            recording = self._begin(KINDS[request.kind], request.task, limit_s)
        except EpisodeError as error:
            self.get_logger().error(str(error))
            result.outcome, result.termination_reason = result.ERROR, str(error)
            goal.abort()
            return result
        self._goal = goal
        await self._end_of(recording)
        self._goal = None
        self._fill(result, recording)
        if goal.is_cancel_requested:
            goal.canceled()
        elif result.outcome in (result.ERROR, result.STOPPED):
            goal.abort()
        else:
            goal.succeed()
        return result

    def _fill(self, result: Any, recording: Recording) -> None:
        info = recording.result
        result.uri = str(recording.folder)
        result.messages, result.dropped = recording.messages, recording.dropped
        if info is None:
            result.outcome, result.termination_reason = result.ERROR, str(recording.error)
            return
        result.outcome = OUTCOMES.get(info.outcome, result.ERROR)
        result.termination_reason, result.sha256 = info.termination_reason, info.sha256
        result.messages, result.dropped = info.messages, info.dropped

    # --- services -------------------------------------------------------------------------------

    def _on_start(self, _: Any, response: Any) -> Any:
        try:
            recording = self._begin(self.p.kind, self.p.task, self.p.max_duration_s)
        except EpisodeError as error:
            return _answer(response, False, str(error))
        return _answer(response, True, str(recording.folder))

    async def _on_stop(self, _: Any, response: Any) -> Any:
        recording = self.intake.recording
        if recording is None:
            return _answer(response, False, "nothing is being recorded")
        self._finish("succeeded", "stop requested")
        await self._end_of(recording)
        if recording.result is None:
            return _answer(response, False, str(recording.error))
        return _answer(response, True, str(recording.folder))

    async def _on_discard_last(self, _: Any, response: Any) -> Any:
        recording = self.intake.recording
        if recording is not None:
            self._finish("cancelled", "discarded")
            await self._end_of(recording)
        if self._last is None:
            return _answer(response, False, "nothing was recorded since this node started")
        try:
            moved = self.store.discard(self._last)
        except (EpisodeError, OSError) as error:
            return _answer(response, False, str(error))
        self._last = None
        return _answer(response, True, f"moved to {moved}")

    async def _on_save_last(self, _: Any, response: Any) -> Any:
        if not self.intake.last():
            return _answer(response, False, "nothing to save; is ring_buffer_s above 0?")
        try:
            recording = self._open(self.p.kind, self.p.task)
        except EpisodeError as error:
            return _answer(response, False, str(error))
        self.intake.give_last(recording)
        recording.finish("succeeded", "save_last", **self._scene)
        await self._end_of(recording)
        if recording.result is None:
            return _answer(response, False, str(recording.error))
        self._last = recording.folder
        return _answer(response, True, str(recording.folder))

    # --- status ---------------------------------------------------------------------------------

    def _required(self) -> set[str]:
        return {self.taps.resolve(t.name) for t in self.contract.recorded if t.required}

    def _silent(self, recording: Recording | None) -> list[str]:
        names = [self.taps.resolve(topic.name) for topic in self.contract.recorded]
        return self.intake.silent(names, None if recording is None else recording.counts)

    def _publish_status(self) -> None:
        recording = self.intake.recording
        status = RecorderStatus(recording=recording is not None)
        status.header.stamp = self.get_clock().now().to_msg()
        folder = self._last if recording is None else recording.folder
        status.uri = "" if folder is None else str(folder)
        status.messages = self._last_messages if recording is None else recording.messages
        status.dropped = self._last_dropped if recording is None else recording.dropped
        status.silent_topics = self._silent(recording)
        self._status_pub.publish(status)


def _answer(response: Any, success: bool, message: str) -> Any:
    response.success, response.message = success, message
    return response


def main(argv: list[str] | None = None) -> int:
    """Run the node."""
    return run(RecorderNode, argv)
