"""The camera node, across real processes: a video file becomes an episode, picture by picture."""

from __future__ import annotations

import json
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy")
pytest.importorskip("robot_meta_msgs")

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.action import ActionClient
from robot_meta_msgs.action import RecordEpisode
from robot_meta_msgs.msg import RecorderStatus
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image
from std_srvs.srv import Trigger

from ros_nodes.bag import Bag, read_demo
from ros_nodes.messages import rgb, stamp_ns
from ros_nodes.qos import CLOCK, DIAGNOSTICS, SENSOR_PUB, STATUS
from ros_nodes.store import lint
from ros_nodes.video_file import VideoFile
from tests.ros_nodes.recordings import CONTRACT
from tests.ros_nodes.test_calibration import TEXT
from tests.ros_nodes.videos import corners, level, moving, ramp, write

pytestmark = pytest.mark.ros
FRAME = CONTRACT.camera.frame_id


class Camera:
    """A camera process, and what comes of it."""

    def __init__(self, nodes, client, source: Path | str, *words: str) -> None:
        self.client = client
        self.images = client.inbox(Image, "front/image_raw", SENSOR_PUB(50))
        self.infos = client.inbox(CameraInfo, "front/camera_info", SENSOR_PUB(50))
        self.diagnostics = client.inbox(DiagnosticArray, "/diagnostics", DIAGNOSTICS)
        pairs = [f"source:={source}", *words]
        args = [word for pair in pairs for word in ("-p", pair)]
        self.process = nodes.node("ros_nodes.camera_node", *args)

    def change(self, transition: int) -> None:
        request = ChangeState.Request(transition=Transition(id=transition))
        assert self.client.call(ChangeState, "camera/change_state", request).success

    def trigger(self, name: str):
        return self.client.call(Trigger, f"camera/{name}", Trigger.Request())

    def begins(self) -> None:
        """Activate it once this process is heard by it: nothing of a file is then missed."""
        self.change(Transition.TRANSITION_CONFIGURE)
        node = self.client.node
        self.client.until(lambda: node.count_publishers("front/image_raw"), what="publisher")
        self.client.until(lambda: node.count_publishers("front/camera_info"), what="publisher")
        self.client.spin_for(0.5)  # the other side has found us too
        self.change(Transition.TRANSITION_ACTIVATE)

    def told(self, text: str) -> None:
        """Wait for a diagnostic with this text."""

        def found() -> bool:
            return any(text in s.message for a in self.diagnostics for s in a.status)

        self.client.until(found, what=f"diagnostic {text!r}")

    def has(self, count: int) -> None:
        self.client.until(
            lambda: len(self.images) >= count and len(self.infos) >= count, what=f"{count} images"
        )


def numbers(images) -> list[int]:
    return [level(rgb(image)) for image in images]


def test_a_film_becomes_an_episode_with_exactly_its_pictures(nodes, ros_client, tmp_path):
    """Camera node and recorder, no robot: the demo is the file, stamp by stamp."""
    path = write(tmp_path / "film.mp4", moving([(0.0, 2.0)], 2.0, width=640, height=360))
    camera = Camera(nodes, ros_client, path, "autostart:=false")
    # Without diagnostics every message that the recorder counts is one of the camera's.
    contract = CONTRACT.to_dict()
    del contract["topics"]["/diagnostics"]
    (tmp_path / "robot.yaml").write_text(json.dumps(contract))
    pairs = f"directory:={tmp_path / 'e'}", f"robot:={tmp_path / 'robot.yaml'}", "status_hz:=10.0"
    nodes.node("ros_nodes.recorder_node", *[word for pair in pairs for word in ("-p", pair)])
    status = ros_client.inbox(RecorderStatus, "recorder/status", STATUS)
    camera.change(Transition.TRANSITION_CONFIGURE)
    node = ros_client.node
    # Our own subscription, and the recorder's.
    for topic in ("front/image_raw", "front/camera_info"):
        ros_client.until(lambda t=topic: node.count_subscribers(t) == 2, what="the recorder")
    action = ActionClient(node, RecordEpisode, "recorder/record_episode")
    ros_client.until(action.server_is_ready)
    goal = RecordEpisode.Goal(task="film", kind=RecordEpisode.Goal.HUMAN, max_duration_s=60.0)
    sent = action.send_goal_async(goal)
    ros_client.until(sent.done)
    assert sent.result().accepted
    ros_client.spin_for(0.5)  # the publishers have found the recorder too
    camera.change(Transition.TRANSITION_ACTIVATE)
    ros_client.until(lambda: status and status[-1].messages >= 40, what="the whole film")
    ros_client.call(Trigger, "recorder/stop", Trigger.Request())
    ended = sent.result().get_result_async()
    ros_client.until(ended.done)
    action.destroy()
    folder = Path(ended.result().result.uri)

    with VideoFile(path) as file:
        times, pictures = zip(*((p.time_ns, p.rgb()) for p in file.pictures()), strict=True)
    demo = read_demo(folder, CONTRACT)
    assert (demo.kind, demo.actions, demo.task) == ("human", None, "film")
    assert (demo.stamp_ns - demo.stamp_ns[0]).tolist() == list(times)
    # Policies see the square in the middle of the film, of 360 x 360 pixels.
    seen = [cv2.resize(p[:, 140:500], (240, 240), interpolation=cv2.INTER_AREA) for p in pictures]
    seen = [cv2.resize(p, (80, 80), interpolation=cv2.INTER_AREA) for p in seen]
    assert np.array_equal(demo.rgb, np.stack(seen))
    assert Bag.open(folder).info.kind == "human"
    assert list(lint(folder)) == [], "a person needs no robot"


def test_a_file_is_published_once_and_said_to_have_ended(nodes, ros_client, tmp_path):
    camera = Camera(nodes, ros_client, write(tmp_path / "v.mp4", ramp(6)), "autostart:=false")
    camera.begins()
    camera.told("the file has ended after 6 pictures")
    camera.has(6)
    assert numbers(camera.images) == list(range(6))
    stamps = [stamp_ns(image.header.stamp) for image in camera.images]
    assert np.diff(stamps).tolist() == [100_000_000] * 5
    assert 0 <= time.time_ns() - stamps[-1] < 60e9
    for image, info in zip(camera.images, camera.infos, strict=True):
        assert image.header == info.header
        assert image.header.frame_id == FRAME
        assert (image.width, image.height, image.encoding) == (320, 240, "rgb8")
        assert (info.width, info.height, info.k[0]) == (320, 240, 0.0)
    assert camera.trigger("restart").success
    camera.has(12)
    assert numbers(camera.images) == [*range(6), *range(6)]
    assert camera.process.end() == 0, camera.process.output
    assert "no such parameters" not in camera.process.output


def test_simulated_time_paces_a_file(nodes, ros_client, tmp_path):
    path = write(tmp_path / "v.mp4", ramp(6))
    clock = ros_client.node.create_publisher(Clock, "/clock", CLOCK)
    camera = Camera(nodes, ros_client, path, "use_sim_time:=true", "autostart:=false")
    camera.begins()
    camera.told("waiting for the first /clock")
    assert not camera.images
    now = Clock()
    for seconds, count in ((10, 1), (10.2, 3), (20, 6)):
        whole = int(seconds)
        now.clock.sec, now.clock.nanosec = whole, round((seconds - whole) * 1e9)

        def ticked(count=count) -> bool:
            clock.publish(now)
            return len(camera.images) >= count

        ros_client.until(ticked, what=f"{count} pictures by {seconds} s")
        assert len(camera.images) == count
    assert stamp_ns(camera.images[-1].header.stamp) == 10_500_000_000


def test_a_snapshot_is_the_picture_as_the_camera_gave_it(nodes, ros_client, tmp_path):
    path = write(tmp_path / "v.mp4", [corners(640, 360)] * 3)
    folder = tmp_path / "shots"
    camera = Camera(
        nodes, ros_client, path, "at_end:=hold", f"snapshots:={folder}", "autostart:=false"
    )
    camera.change(Transition.TRANSITION_CONFIGURE)
    early = camera.trigger("snapshot")
    assert (early.success, early.message) == (False, "no picture yet: not active")
    camera.change(Transition.TRANSITION_ACTIVATE)
    camera.has(4)  # one more than the file has: the last one is held
    answer = camera.trigger("snapshot")
    assert answer.success, answer.message
    assert Path(answer.message).parent == folder
    with VideoFile(path) as file:
        expected = next(file.pictures()).rgb()
    found = cv2.cvtColor(cv2.imread(answer.message), cv2.COLOR_BGR2RGB)
    assert found.shape == (360, 640, 3)
    assert np.abs(found.astype(int) - expected).mean() < 2


def test_a_calibration_is_published_for_the_picture_that_is(nodes, ros_client, tmp_path):
    path = write(tmp_path / "v.mp4", ramp(2, 1280, 720))
    (tmp_path / "camera.yaml").write_text(TEXT)
    calibration = f"calibration:={tmp_path / 'camera.yaml'}"
    camera = Camera(nodes, ros_client, path, calibration, "at_end:=hold")
    camera.has(1)
    assert camera.infos[0].k[0] == pytest.approx(900.0 / 3)
    assert list(camera.infos[0].d) == [0.1, -0.2, 0.001, 0.002, 0.0]
    camera.told("of 1280 x 720")


def test_another_size_than_was_calibrated_is_said_and_not_used(nodes, ros_client, tmp_path):
    (tmp_path / "camera.yaml").write_text(TEXT)
    words = f"calibration:={tmp_path / 'camera.yaml'}", "at_end:=hold", "scale:=false"
    camera = Camera(nodes, ros_client, write(tmp_path / "v.mp4", ramp(2)), *words)
    camera.has(1)
    camera.told("it is of 1280 x 720, the camera gives 96 x 64: not used")
    assert not any(camera.infos[0].k)
    assert (camera.images[0].width, camera.images[0].height) == (96, 64)


def test_a_camera_that_is_not_there_is_waited_for(nodes, ros_client):
    camera = Camera(nodes, ros_client, "/dev/video99")
    camera.told("camera '/dev/video99' does not open; there are")
    camera.told("trying again in")
    assert "'/dev/video99'" in camera.trigger("snapshot").message
    assert camera.process.end() == 0, camera.process.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["source:=gone.mp4"], "gone.mp4: no such file"),
        (
            ["source:=/dev/video99", "calibration:=gone.yaml"],
            "calibration gone.yaml: cannot be read",
        ),
        (["source:=/dev/video99", "crop:='1,2'"], "write x,y,width,height"),
    ],
)
def test_what_cannot_be_ends_with_one_line(nodes, ros_domain, words, message):
    args = [word for pair in words for word in ("-p", pair)]
    process = nodes.node("ros_nodes.camera_node", *args)
    assert process.wait() == 1
    assert message in process.output
    assert "Traceback" not in process.output
