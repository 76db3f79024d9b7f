"""The recorder, across real processes."""

from __future__ import annotations

import hashlib
import json
import signal
from pathlib import Path

import pytest

pytest.importorskip("rclpy")
pytest.importorskip("robot_meta_msgs")

from action_msgs.msg import GoalStatus
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.action import ActionClient
from robot_meta_msgs.action import RecordEpisode
from robot_meta_msgs.msg import RecorderStatus
from std_srvs.srv import Trigger

from ros_nodes.bag import Bag, read_demo, recover
from ros_nodes.qos import DIAGNOSTICS, STATUS
from tests.ros_nodes.recordings import CONTRACT

pytestmark = pytest.mark.ros
NEEDED = {"/joint_states", "/front/image_raw", "/command_gate/applied"}


class Recorder:
    """A recorder process, and what a client does with it."""

    def __init__(self, nodes, client, folder: Path, *words: str) -> None:
        self.nodes, self.client, self.folder = nodes, client, folder
        words = ("-p", f"directory:={folder}", "-p", "status_hz:=10.0", *words)
        self.process = nodes.node("ros_nodes.recorder_node", *words)
        self.status = client.inbox(RecorderStatus, "recorder/status", STATUS)
        self.action = ActionClient(client.node, RecordEpisode, "recorder/record_episode")
        self.feedback: list = []

    def hears(self, topics=NEEDED) -> None:
        """Wait until something came on these topics."""

        def heard():
            return self.status and not topics & set(self.status[-1].silent_topics)

        self.client.until(heard, what="topics heard")

    def trigger(self, name: str):
        return self.client.call(Trigger, f"recorder/{name}", Trigger.Request())

    def goal(self, **fields):
        """Send a goal and return its handle."""
        self.client.until(self.action.server_is_ready, what="record_episode")
        sent = self.action.send_goal_async(
            RecordEpisode.Goal(**fields),
            feedback_callback=lambda message: self.feedback.append(message.feedback),
        )
        self.client.until(sent.done, what="answer to the goal")
        return sent.result()

    def result(self, handle):
        future = handle.get_result_async()
        self.client.until(future.done, what="result")
        return future.result()

    def records(self, messages: int) -> None:
        """Wait until the running episode has so many messages."""

        def grown():
            last = self.status[-1] if self.status else None
            return last is not None and last.recording and last.messages >= messages

        self.client.until(grown, what=f"{messages} messages")


@pytest.fixture
def robot(nodes):
    child = nodes.python("-m", "tests.ros_nodes.robot_node")
    child.wait_for("robot")
    return child


@pytest.fixture
def recorder(robot, nodes, ros_client, tmp_path):
    return Recorder(nodes, ros_client, tmp_path / "store", "-p", "use_sim_time:=true")


def test_action_records_an_episode_that_is_a_demo(recorder):
    recorder.hears()
    handle = recorder.goal(task="place/test/3", max_duration_s=1.5)
    answer = recorder.result(handle)
    result = answer.result
    assert answer.status == GoalStatus.STATUS_SUCCEEDED
    assert (result.outcome, result.dropped) == (result.TIMEOUT, 0)
    assert result.termination_reason == "1.5 s were over"
    assert recorder.feedback
    folder = Path(result.uri)
    assert folder.parent == recorder.folder
    assert result.sha256 == hashlib.sha256((folder / "episode.mcap").read_bytes()).hexdigest()
    bag = Bag.open(folder)
    assert sum(bag.counts.values()) == result.messages
    assert bag.counts["/joint_states"] >= 100
    assert bag.counts["/estop"] == 1
    assert "/clock" not in bag.types
    assert bag.info.seed == 7
    assert json.loads(bag.info.scene) == {"family": "place"}
    assert (bag.info.task, bag.info.clock, bag.info.outcome) == ("place/test/3", "sim", "timeout")
    assert bag.contract == CONTRACT.to_dict()
    assert bag.first_ns < 600_000_000_000  # stamps are of the robot's clock, not of the wall
    demo = read_demo(folder, CONTRACT)
    assert len(demo) >= 10
    assert demo.actions.shape == (len(demo), 4)


def test_services_record_discard_and_refuse(recorder):
    assert not recorder.trigger("stop").success
    recorder.hears()
    assert not recorder.trigger("discard_last").success
    started = recorder.trigger("start")
    assert started.success
    folder = Path(started.message)
    recorder.records(100)
    assert "is being recorded; stop it first" in recorder.trigger("start").message
    assert not recorder.goal().accepted
    stopped = recorder.trigger("stop")
    assert (stopped.success, stopped.message) == (True, str(folder))
    assert Bag.open(folder).info.outcome == "succeeded"
    assert recorder.trigger("discard_last").success
    assert not folder.exists()
    assert (recorder.folder / "trash" / folder.name / "episode.mcap").is_file()
    assert "nothing was recorded" in recorder.trigger("discard_last").message


def test_discard_while_recording(recorder):
    recorder.hears()
    folder = Path(recorder.trigger("start").message)
    recorder.records(50)
    assert recorder.trigger("discard_last").success
    assert (recorder.folder / "trash" / folder.name / "episode.mcap").is_file()


def test_cancel_keeps_the_episode(recorder):
    recorder.hears()
    handle = recorder.goal()
    recorder.records(50)
    recorder.client.until(handle.cancel_goal_async().done)
    answer = recorder.result(handle)
    assert answer.status == GoalStatus.STATUS_CANCELED
    assert answer.result.outcome == answer.result.CANCELLED
    assert Bag.open(answer.result.uri).info.outcome == "cancelled"


def test_save_last_saves_what_was_before(recorder):
    recorder.hears()
    seen = recorder.status[-1]
    assert not seen.recording
    saved = recorder.trigger("save_last")
    assert saved.success
    bag = Bag.open(saved.message)
    assert bag.counts["/joint_states"] > 0
    assert bag.counts["/estop"] == 1


def test_ctrl_c_while_recording_closes_the_episode(recorder):
    recorder.hears()
    folder = Path(recorder.trigger("start").message)
    recorder.records(100)
    assert recorder.process.end(signal.SIGINT) == 0
    info = Bag.open(folder).info
    assert info.outcome == "stopped"
    assert "shut down" in info.termination_reason


def test_deactivation_is_told_from_a_stop(recorder):
    recorder.hears()
    handle = recorder.goal()
    recorder.records(50)
    request = ChangeState.Request(transition=Transition(id=Transition.TRANSITION_DEACTIVATE))
    assert recorder.client.call(ChangeState, "recorder/change_state", request).success
    answer = recorder.result(handle)
    assert answer.status == GoalStatus.STATUS_ABORTED
    assert answer.result.outcome == answer.result.STOPPED
    assert not recorder.goal().accepted
    assert "not active" in recorder.trigger("start").message
    for transition in (Transition.TRANSITION_CLEANUP, Transition.TRANSITION_CONFIGURE):
        request = ChangeState.Request(transition=Transition(id=transition))
        assert recorder.client.call(ChangeState, "recorder/change_state", request).success
    request = ChangeState.Request(transition=Transition(id=Transition.TRANSITION_ACTIVATE))
    assert recorder.client.call(ChangeState, "recorder/change_state", request).success
    recorder.status.clear()
    recorder.hears()
    assert recorder.result(recorder.goal(max_duration_s=0.3)).result.messages > 0


def test_kill_in_mid_episode_loses_at_most_a_second(recorder):
    recorder.hears()
    folder = Path(recorder.trigger("start").message)
    recorder.records(300)
    had = recorder.status[-1].messages
    recorder.process.send(signal.SIGKILL)
    recorder.process.popen.wait()
    assert (folder / "episode.mcap.part").is_file()
    info = recover(folder)
    # About 171 messages come in a second: 100 joint states, 50 ticks, 10 pictures, 11 others.
    assert had - info.messages <= 171
    assert info.outcome == "recovered"
    assert len(read_demo(folder, CONTRACT)) >= 5


def test_nothing_is_written_before_the_first_clock(nodes, ros_client, tmp_path):
    recorder = Recorder(nodes, ros_client, tmp_path / "store", "-p", "use_sim_time:=true")
    folder = Path(recorder.trigger("start").message)
    recorder.process.wait_for("waiting for the first /clock")
    nodes.python("-m", "tests.ros_nodes.robot_node").wait_for("robot")
    recorder.records(200)
    assert recorder.trigger("stop").success
    assert Bag.open(folder).first_ns > 0
    assert Bag.open(folder).info.duration_s < 600


def test_best_effort_publishers_are_heard_too(nodes, ros_client, tmp_path):
    robot = nodes.python(
        "-m", "tests.ros_nodes.robot_node", "--ros-args", "-p", "offer:=best_effort"
    )
    robot.wait_for("robot")
    recorder = Recorder(nodes, ros_client, tmp_path / "store")
    recorder.hears()
    answer = recorder.result(recorder.goal(max_duration_s=0.5)).result
    assert Bag.open(answer.uri).counts["/front/image_raw"] > 0
    assert Bag.open(answer.uri).info.clock == "system"


def test_silent_and_mistyped_topics_are_named(nodes, ros_client, tmp_path):
    nodes.python("-m", "tests.ros_nodes.robot_node", "--ros-args", "-p", "bad_type:=true")
    diagnostics = ros_client.inbox(DiagnosticArray, "/diagnostics", DIAGNOSTICS)
    recorder = Recorder(nodes, ros_client, tmp_path / "store")
    recorder.hears()
    answer = recorder.result(recorder.goal(max_duration_s=0.3)).result
    silent = json.loads((Path(answer.uri) / "episode.json").read_text())["silent_topics"]
    assert {"/teleop/twist", "/policy/twist", "/estop"} <= set(silent)
    assert not set(silent) & NEEDED

    def complaint():
        return [s for a in diagnostics for s in a.status if "/estop: published as" in s.message]

    recorder.client.until(complaint, what="diagnostics name the type")


def test_under_a_namespace(nodes, ros_client, tmp_path):
    left = ("--ros-args", "-r", "__ns:=/left")
    nodes.python("-m", "tests.ros_nodes.robot_node", *left).wait_for("robot")
    nodes.node(
        "ros_nodes.recorder_node",
        *left[1:],
        "-p",
        f"directory:={tmp_path}",
        "-p",
        "status_hz:=10.0",
    )
    status = ros_client.inbox(RecorderStatus, "/left/recorder/status", STATUS)
    needed = {f"/left{topic}" for topic in NEEDED}
    ros_client.until(lambda: status and not needed & set(status[-1].silent_topics))
    start = ros_client.call(Trigger, "/left/recorder/start", Trigger.Request())
    ros_client.until(lambda: status[-1].messages > 200)
    assert ros_client.call(Trigger, "/left/recorder/stop", Trigger.Request()).success
    assert len(read_demo(start.message, CONTRACT)) > 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-p", "robot:=baxter"), "no contract for robot 'baxter'"),
        (("-p", "compression:=rar"), "rar"),
        (("-p", "status_hz:=50.0"), "status_hz"),
    ],
)
def test_bad_parameters_stop_the_start(nodes, tmp_path, words, message):
    child = nodes.node("ros_nodes.recorder_node", "-p", f"directory:={tmp_path}", *words)
    assert child.wait() == 1
    assert message in child.output


def test_a_folder_that_cannot_be_made_is_named(robot, nodes, ros_client, tmp_path):
    (tmp_path / "store").write_text("a file, not a folder")
    recorder = Recorder(nodes, ros_client, tmp_path / "store")
    recorder.hears()
    answer = recorder.trigger("start")
    assert not answer.success
    assert "cannot be made" in answer.message
    result = recorder.result(recorder.goal()).result
    assert result.outcome == result.ERROR
