"""What a bag decodes to is what the robot's nodes saw and sent, across the real processes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy")
pytest.importorskip("robot_meta_msgs")

from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from robot_meta_msgs.msg import RecorderStatus, SimState
from rosbags.highlevel import AnyReader
from std_srvs.srv import Trigger

from robot_meta.types import Frame
from ros_nodes.bag import Bag, read_demo
from ros_nodes.messages import stamp_ns
from ros_nodes.qos import STATUS
from ros_nodes.sampler import Sampler
from tests.ros_nodes.recordings import CONTRACT, digest

pytestmark = pytest.mark.ros
STEPS = 30
NEEDED = {"/joint_states", "/front/image_raw", "/command_gate/applied", "/sim/state"}


class Graph:
    """Simulator, gate, scripted teleoperation, recorder and policy, each in its process."""

    def __init__(self, nodes, client, folder: Path, lockstep: bool) -> None:
        self.client = client
        self.frames_file = folder / "frames.txt"
        time = ("-p", "use_sim_time:=true")
        lock = (*time, "-p", f"lockstep:={str(lockstep).lower()}")
        store = ("-p", f"directory:={folder / 'episodes'}", "-p", "status_hz:=10.0")
        nodes.node("ros_nodes.sim_node", *lock, "-p", "task:=place")
        nodes.node("ros_nodes.command_gate_node", *lock)
        nodes.node("ros_nodes.teleop_node", *time, "-p", "device:=scripted")
        nodes.node("ros_nodes.recorder_node", *time, *store)
        nodes.node("tests.ros_nodes.watching_policy_node", *time, FRAMES_FILE=str(self.frames_file))
        self.world = client.inbox(SimState, "sim/state", STATUS)
        self.status = client.inbox(RecorderStatus, "recorder/status", STATUS)

    def demonstrate(self) -> Path:
        """Record the script doing the task for `STEPS` pictures; the episode's folder."""

        def heard():
            return self.status and not NEEDED & set(self.status[-1].silent_topics)

        self.client.until(heard, 40.0, "all topics heard")
        self.client.until(self.frames_file.exists, 40.0, "the policy node sees frames")
        folder = Path(self.trigger("recorder/start"))
        self.trigger("teleop/start")
        del self.world[:]
        self.client.until(lambda: len(self.world) >= STEPS, 60.0, f"{STEPS} states")
        self.trigger("teleop/stop")
        self.trigger("recorder/stop")
        return folder

    def trigger(self, name: str) -> str:
        answer = self.client.call(Trigger, name, Trigger.Request())
        assert answer.success, f"{name}: {answer.message}"
        return answer.message

    def seen(self) -> dict[int, str]:
        """Stamp -> digest of the frames that the policy node saw."""
        lines = self.frames_file.read_text().splitlines()
        return {int(stamp): code for stamp, code in (line.split() for line in lines)}


@pytest.mark.parametrize("lockstep", [False, True], ids=["1x", "lockstep"])
def test_frames_from_the_bag_are_the_frames_seen_live(nodes, ros_client, tmp_path, lockstep):
    graph = Graph(nodes, ros_client, tmp_path, lockstep)
    folder = graph.demonstrate()
    frames, live = frames_of(folder), graph.seen()
    assert len(frames) >= STEPS - 2
    both = [frame for frame in frames if frame.stamp_ns in live]
    # The policy node keeps to the newest picture, and may skip one on a loaded machine.
    assert len(both) >= len(frames) - 3
    for frame in both:
        assert digest(frame) == live[frame.stamp_ns], frame.stamp_ns
    demo = read_demo(folder, CONTRACT)
    assert {f.stamp_ns for f in demo.frames} <= {f.stamp_ns for f in frames}
    assert np.abs(demo.actions[:, :3]).max() > 0.005  # it was driven
    opens_with_other_readers(folder, len(frames))
    labels_are_what_was_applied(folder, demo)


def frames_of(folder: Path) -> list[Frame]:
    """All frames of an episode, those before and after it was driven too."""
    sampler, frames = Sampler(CONTRACT), []
    for topic, _, msg in Bag.open(folder).decoded(["/joint_states", "/front/image_raw"]):
        sampler.feed(topic.removeprefix("/"), msg)
        frames += sampler.ready()
    return frames


def opens_with_other_readers(folder: Path, frames: int) -> None:
    images = "/front/image_raw"
    with (folder / "episode.mcap").open("rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        decoded = [m.decoded_message for m in reader.iter_decoded_messages(topics=[images])]
    assert len(decoded) >= frames
    with AnyReader([folder]) as reader:
        connections = [c for c in reader.connections if c.topic == images]
        again = [reader.deserialize(d, c.msgtype) for c, _, d in reader.messages(connections)]
        assert {c.topic for c in reader.connections if c.msgcount} >= NEEDED
    for one, other in zip(decoded, again, strict=True):
        assert bytes(one.data) == other.data.tobytes()


def labels_are_what_was_applied(folder: Path, demo) -> None:
    """Each action is what the gate applied for that picture, and within its limits."""
    assert np.abs(demo.actions[:, :3]).max() <= CONTRACT.limits.linear_m_s + 1e-6
    bag = Bag.open(folder)
    told = [msg for _, _, msg in bag.decoded(["/command_gate/applied"])]
    # A simulator in lock-step that had no answer asks again; the last account of a tick is true.
    applied = list({stamp_ns(msg.header.stamp): msg for msg in told}.values())
    stamps = [stamp_ns(msg.proposal_stamp) for msg in applied]
    for frame, action in zip(demo.frames, demo.actions, strict=True):
        mine = [m for m, ns in zip(applied, stamps, strict=True) if ns == frame.stamp_ns]
        if mine:
            mean = np.mean([m.twist[:3] for m in mine], axis=0)
            np.testing.assert_allclose(action[:3], mean, atol=1e-6)
            assert action[3] == pytest.approx(mine[-1].gripper_m)
    assert json.loads((folder / "episode.json").read_text())["seed"] is not None
