"""`robot-meta record` against a real recorder, without and with a terminal."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rclpy")
pytest.importorskip("robot_meta_msgs")

from diagnostic_msgs.msg import DiagnosticArray
from robot_meta_msgs.msg import RecorderStatus

from ros_nodes.bag import read_demo
from ros_nodes.qos import DIAGNOSTICS, STATUS
from ros_nodes.store import Store, lint
from ros_nodes.video_file import VideoFile
from tests.ros_nodes.recordings import CONTRACT
from tests.ros_nodes.videos import moving, write

CLI = "import sys; from ros_nodes.cli import main; sys.exit(main())"
pytestmark = pytest.mark.ros


@pytest.fixture
def store(nodes, ros_client, tmp_path):
    """A robot that moves, and a recorder that hears it."""
    nodes.python("-m", "tests.ros_nodes.robot_node")
    words = ("-p", f"directory:={tmp_path / 'episodes'}", "-p", "status_hz:=10.0")
    nodes.node("ros_nodes.recorder_node", *words)
    status = ros_client.inbox(RecorderStatus, "recorder/status", STATUS)
    ros_client.until(lambda: status and "/joint_states" not in status[-1].silent_topics)
    return Store(tmp_path / "episodes")


def test_records_for_a_time(nodes, store, tmp_path):
    answer = tmp_path / "answer.json"
    words = ("--task", "place/test/7", "--max-duration-s", "1.2", "--json", str(answer))
    child = nodes.python("-c", CLI, "record", *words)
    assert child.wait() == 0, child.output
    (facts,) = json.loads(answer.read_text())
    assert facts["good"]
    assert facts["termination_reason"] == "1.2 s were over"
    assert read_demo(facts["uri"], CONTRACT).task == "place/test/7"


def test_ctrl_c_keeps_the_episode(nodes, store):
    child = nodes.python("-c", CLI, "record")
    child.wait_for("messages")
    assert child.end(signal.SIGINT) == 0
    (episode,) = store.episodes()
    assert episode.info.termination_reason == "stop requested"
    assert len(read_demo(episode.path, CONTRACT)) > 0


def test_keys_redo_and_keep(store):
    master, slave = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-u", "-c", CLI, "record", "--episodes", "2"],
        stdin=slave,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        for key, said in ((b"r", "moved to"), (b"n", "stop requested"), (b"q", "stop requested")):
            wait_for(child, " messages")
            os.write(master, key)
            wait_for(child, said)
        assert child.wait(10) == 0
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
        os.close(master)
        os.close(slave)
    assert len(store.episodes()) == 2
    assert len(list((store.root / "trash").iterdir())) == 1


def test_a_person_is_recorded_where_no_robot_is(nodes, ros_client, tmp_path):
    film = write(tmp_path / "film.mp4", moving([(0.0, 2.0)], 2.0))
    episodes = tmp_path / "episodes"
    words = f"source:={film}", "at_end:=loop", f"episodes:={episodes}"
    nodes.python("-c", CLI, "launch", "camera", *words)
    status = ros_client.inbox(RecorderStatus, "recorder/status", STATUS)
    ros_client.until(lambda: status and "/front/image_raw" not in status[-1].silent_topics)
    answer = tmp_path / "answer.json"
    words = ("--kind", "human", "--max-duration-s", "1.5", "--json", str(answer))
    child = nodes.python("-c", CLI, "record", *words)
    assert child.wait() == 0, child.output
    (facts,) = json.loads(answer.read_text())
    demo = read_demo(facts["uri"], CONTRACT)
    assert (demo.kind, demo.actions) == ("human", None)
    assert len(demo) > 3
    assert list(lint(Path(facts["uri"]))) == []


def test_a_film_is_played_from_its_beginning_and_recorded_to_its_end(nodes, ros_client, tmp_path):
    film = write(tmp_path / "film.mp4", moving([(0.0, 2.0)], 2.0))
    nodes.python("-c", CLI, "launch", "camera", f"source:={film}", f"episodes:={tmp_path / 'e'}")
    status = ros_client.inbox(RecorderStatus, "recorder/status", STATUS)
    ros_client.until(lambda: status)  # by now the first showing may run, or be over
    child = nodes.python("-c", CLI, "record", "--kind", "human", "--play", "--episodes", "2")
    assert child.wait() == 0, child.output
    episodes = Store(tmp_path / "e").episodes()
    assert [e.info.termination_reason for e in episodes] == ["stop requested"] * 2
    assert [shown_at(e.path) for e in episodes] == [times(film)] * 2


def test_a_film_that_had_ended_before_there_was_a_recorder(nodes, ros_client, tmp_path):
    film = write(tmp_path / "film.mp4", moving([(0.0, 1.0)], 1.0))
    diagnostics = ros_client.inbox(DiagnosticArray, "/diagnostics", DIAGNOSTICS)
    nodes.node("ros_nodes.camera_node", "-p", f"source:={film}")
    told = lambda: [s.message for a in diagnostics for s in a.status]  # noqa: E731
    ros_client.until(lambda: any("the file has ended" in text for text in told()))
    nodes.node("ros_nodes.recorder_node", "-p", f"directory:={tmp_path / 'e'}")
    status = ros_client.inbox(RecorderStatus, "recorder/status", STATUS)
    ros_client.until(lambda: status)
    child = nodes.python("-c", CLI, "record", "--kind", "human", "--play")
    assert child.wait() == 0, child.output
    (episode,) = Store(tmp_path / "e").episodes()
    assert shown_at(episode.path) == times(film)


def test_without_a_camera_nothing_is_played(nodes, ros_client, tmp_path):
    nodes.node("ros_nodes.recorder_node", "-p", f"directory:={tmp_path / 'e'}")
    status = ros_client.inbox(RecorderStatus, "recorder/status", STATUS)
    ros_client.until(lambda: status)
    child = nodes.python("-c", CLI, "record", "--kind", "human", "--play")
    assert child.wait() == 1
    assert "the recorder hears no camera" in child.output
    assert Store(tmp_path / "e").episodes() == []


def times(film: Path) -> list[int]:
    """When a file's pictures are shown, ns."""
    with VideoFile(film) as file:
        return [picture.time_ns for picture in file.pictures()]


def shown_at(episode: Path) -> list[int]:
    """The same of a recording, since its first picture."""
    stamps = read_demo(episode, CONTRACT).stamp_ns
    return (stamps - stamps[0]).tolist()


def wait_for(child, text):
    for line in child.stdout:
        if text in line:
            return
    raise AssertionError(f"no {text!r}")


def test_without_a_recorder_it_says_so(nodes, ros_domain):
    child = nodes.python("-c", CLI, "record")
    assert child.wait() == 1
    assert "no recorder; start one with `robot-meta launch record`" in child.output
