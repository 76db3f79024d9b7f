"""The recorder: every topic of the contract, raw, into one episode after another.

Action `~/record_episode` records until it is cancelled, its time is over, or `~/stop` is called;
`~/start` and `~/stop` do the same for clients that cannot call actions. `~/discard_last` moves the
episode that runs, or the last one, to the trash; `~/save_last` makes an episode of the seconds
before the call. Under `use_sim_time` nothing is written before the first `/clock`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.serialization import deserialize_message
from rclpy.task import Future
from robot_meta_msgs.action import RecordEpisode
from robot_meta_msgs.msg import RecorderStatus, SimState
from std_srvs.srv import Trigger

from robot_meta.errors import EpisodeError
from ros_nodes.bag_writer import COMPRESSIONS
from ros_nodes.contract import Contract
from ros_nodes.node import ERROR, OK, WARN, RobotNode, run
from ros_nodes.params import param
from ros_nodes.qos import STATUS
from ros_nodes.recorder import Recorder, Settings
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
SIM_STATE = "robot_meta_msgs/msg/SimState"
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
        10.0, "What `~/save_last` saves, s; 0 keeps nothing.", low=0.0, high=120.0, read_only=True
    )
    compression: str = param("zstd", "Of chunks.", choices=tuple(COMPRESSIONS), read_only=True)
    min_free_mb: float = param(
        200.0, "Disk that is left free, MB.", low=0.0, high=1e6, read_only=True
    )
    status_hz: float = param(2.0, "Rate of `~/status`, Hz.", low=1.0, high=10.0, read_only=True)


class RecorderNode(RobotNode):
    """Records the contract's topics."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("recorder", RecorderParams(), **kwargs)
        self._give_back: list[Callable[[], object]] = []
        self._waiting: list[tuple[Recording, Future]] = []
        self._goal: Any = None
        self._ticks = 0
        self._listening = False

    # --- lifecycle ------------------------------------------------------------------------------

    def setup(self) -> None:
        """Read the contract; offer services and the action."""
        contract = Contract.load(self.p.robot)
        self._taps = Taps(self, contract, self._on_message)
        ended = self.create_guard_condition(self._on_ended)
        self._recorder = Recorder(
            contract,
            Store(self.p.directory),
            Settings(
                namespace=self.get_namespace().rstrip("/"),
                sim_time=bool(self.get_parameter("use_sim_time").value),
                compression=self.p.compression,
                min_free_bytes=round(self.p.min_free_mb * 1e6),
                ring_s=self.p.ring_buffer_s,
            ),
            resolve=self._taps.resolve,
            on_end=ended.trigger,
        )
        self._status_pub = self.create_publisher(RecorderStatus, "~/status", STATUS)
        action = ActionServer(
            self,
            RecordEpisode,
            "~/record_episode",
            self._execute,
            goal_callback=self._on_goal,
            cancel_callback=lambda _: CancelResponse.ACCEPT,
        )
        self._give_back = [
            action.destroy,
            partial(self.destroy_guard_condition, ended),
            partial(self.destroy_publisher, self._status_pub),
        ]
        # Those that await the end of a file must not keep the others' callbacks from running.
        group = ReentrantCallbackGroup()
        for name, callback in (
            ("start", self._on_start),
            ("stop", self._on_stop),
            ("discard_last", self._on_discard_last),
            ("save_last", self._on_save_last),
        ):
            service = self.create_service(Trigger, f"~/{name}", callback, callback_group=group)
            self._give_back.append(partial(self.destroy_service, service))
        for period_s, timed in (
            (SCAN_S, self._scan),
            (1.0 / self.p.status_hz, self._publish_status),
            (TICK_S, self._tick),
        ):
            timer = self.steady_timer(period_s, timed)
            self._give_back.append(partial(self.destroy_timer, timer))
        self.publish_contract(contract.hash)

    def start(self) -> None:
        """Subscribe to what is there."""
        self._listening = True
        self._scan()

    def stop(self) -> None:
        """Close the episode that runs, and subscribe to nothing."""
        self._listening = False
        recording = self._recorder.recording
        if recording is not None:
            self._recorder.finish("stopped", "the recorder was deactivated or shut down")
            if not recording.ended.wait(CLOSE_S):
                self.get_logger().error(f"{recording.folder}: not closed in {CLOSE_S} s")
            self._on_ended()
        self._taps.close()

    def teardown(self) -> None:
        """Give back what `setup` made."""
        while self._give_back:
            self._give_back.pop()()

    # --- messages -------------------------------------------------------------------------------

    def _on_message(self, arrival: Arrival) -> None:
        if arrival.type == SIM_STATE and self._recorder.wants_world:
            state = deserialize_message(arrival.data, SimState)
            self._recorder.set_world(int(state.seed), state.task)
        self._recorder.take(arrival)

    def _scan(self) -> None:
        if not self._listening:
            return
        problems = self._taps.scan()
        text = "; ".join(f"{topic}: {problem}" for topic, problem in problems.items())
        self.diagnose("topics", WARN if problems else OK, text or "all that publish are recorded")

    # --- an episode -----------------------------------------------------------------------------

    def _begin(self, kind: str, task: str, limit_s: float) -> Recording:
        if not self.active:
            raise EpisodeError("the recorder is not active; activate it first")
        now_ns = self.now_ns()
        recording = self._recorder.begin(kind, task or self.p.task, limit_s, now_ns)
        self._ticks = 0
        wait = "" if now_ns else ", waiting for the first /clock"
        self.get_logger().info(f"recording {recording.folder}{wait}")
        return recording

    def _tick(self) -> None:
        recording = self._recorder.recording
        if recording is None:
            return
        self._recorder.lost = self._taps.lost
        if self._goal is not None and self._goal.is_cancel_requested:
            self._recorder.finish("cancelled", "the goal was cancelled")
        duration_s = self._recorder.tick(self.now_ns())
        self._ticks += 1
        if self._goal is not None and self._ticks % FEEDBACK_EVERY == 0:
            feedback = RecordEpisode.Feedback(duration_s=duration_s, messages=recording.messages)
            self._goal.publish_feedback(feedback)

    def _on_ended(self) -> None:
        """A writing thread closed its file, or failed."""
        recording = self._recorder.closed()
        if recording is not None:
            try:
                text, missing = self._recorder.summary(recording)
                self.get_logger().info(f"{recording.folder}: {text}")
                self.diagnose("episode", WARN if missing else OK, text, uri=recording.folder)
            except EpisodeError as error:
                self.diagnose("episode", ERROR, str(error), uri=recording.folder)
        for waiting in list(self._waiting):
            if waiting[0].ended.is_set():
                self._waiting.remove(waiting)
                waiting[1].set_result(waiting[0])

    def _end_of(self, recording: Recording) -> Future:
        """Done when the recording is closed."""
        future = Future()
        self._waiting.append((recording, future))
        return future

    # --- action ---------------------------------------------------------------------------------

    def _on_goal(self, goal: Any) -> Any:
        if not self.active:
            why = "the recorder is not active"
        elif self._goal is not None or self._recorder.recording is not None:
            why = "an episode is being recorded"
        elif goal.kind not in KINDS or not 0.0 <= goal.max_duration_s < float("inf"):
            why = f"kind {goal.kind}, max_duration_s {goal.max_duration_s}"
        else:
            return GoalResponse.ACCEPT
        self.get_logger().warning(f"refused a goal of record_episode: {why}")
        return GoalResponse.REJECT

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
        _fill(result, recording)
        if goal.is_cancel_requested:
            goal.canceled()
        elif result.outcome in (result.ERROR, result.STOPPED):
            goal.abort()
        else:
            goal.succeed()
        return result

    # --- services -------------------------------------------------------------------------------

    def _on_start(self, _: Any, response: Any) -> Any:
        try:
            recording = self._begin(self.p.kind, "", self.p.max_duration_s)
        except EpisodeError as error:
            return _answer(response, False, str(error))
        return _answer(response, True, str(recording.folder))

    async def _on_stop(self, _: Any, response: Any) -> Any:
        recording = self._recorder.recording
        if recording is None:
            return _answer(response, False, "nothing is being recorded")
        self._recorder.finish("succeeded", "stop requested")
        await self._end_of(recording)
        return _answer(response, recording.result is not None, _where(recording))

    async def _on_discard_last(self, _: Any, response: Any) -> Any:
        recording = self._recorder.recording
        if recording is not None:
            self._recorder.finish("cancelled", "discarded")
            await self._end_of(recording)
        try:
            moved = self._recorder.discard_last()
        except EpisodeError as error:
            return _answer(response, False, str(error))
        return _answer(response, True, f"moved to {moved}")

    async def _on_save_last(self, _: Any, response: Any) -> Any:
        try:
            recording = self._recorder.save_last(self.p.kind, self.p.task)
        except EpisodeError as error:
            return _answer(response, False, str(error))
        await self._end_of(recording)
        return _answer(response, recording.result is not None, _where(recording))

    # --- status ---------------------------------------------------------------------------------

    def _publish_status(self) -> None:
        running = self._recorder.recording
        status = RecorderStatus(recording=running is not None)
        status.header.stamp = self.get_clock().now().to_msg()
        shown = running or self._recorder.last
        if shown is not None:
            status.uri = str(shown.folder)
            status.messages, status.dropped = shown.messages, shown.dropped
        status.silent_topics = self._recorder.silent()
        self._status_pub.publish(status)


def _fill(result: Any, recording: Recording) -> None:
    info = recording.result
    result.uri = str(recording.folder)
    if info is None:
        result.outcome, result.termination_reason = result.ERROR, str(recording.error)
        result.messages, result.dropped = recording.messages, recording.dropped
        return
    result.outcome = OUTCOMES.get(info.outcome, result.ERROR)
    result.termination_reason, result.sha256 = info.termination_reason, info.sha256
    result.messages, result.dropped = info.messages, info.dropped


def _where(recording: Recording) -> str:
    return str(recording.folder if recording.result is not None else recording.error)


def _answer(response: Any, success: bool, message: str) -> Any:
    response.success, response.message = success, message
    return response


def main(argv: list[str] | None = None) -> int:
    """Run the node."""
    return run(RecorderNode, argv)
