"""What an episode says about its task never reaches a policy: shuffle it, same actions."""

import json

import numpy as np
import pytest

from robot_meta.learners.mil import Mil, MilConfig
from robot_meta.nets.vision import VisionConfig
from robot_meta.session import Session
from ros_nodes.bag import read_demo
from tests.ros_nodes.recordings import CONTRACT, STORE, header, stream, write_episode

NET = VisionConfig(channels=(4, 4), kernels=(3, 3), strides=(4, 4), groups=2, embed=8, hidden=8)


def told(ns, task, target):
    """What the simulator tells people of the episode."""
    state = {"family": "place", "expert": {"container": [0.1 * target, 0.0, 0.0]}, "success": True}
    return STORE.types["robot_meta_msgs/msg/SimState"](
        header(ns), ns, 3, target, f"{target:064d}", task, json.dumps(state)
    )


@pytest.fixture
def decisions():
    """Version and actions after adapting on an episode."""
    learner = Mil(MilConfig(net=NET, steps=2, alpha=0.05))
    theta = learner.init(0)

    def made(episode):
        demo = read_demo(episode, CONTRACT)
        session = Session(learner, theta)
        adaptation = session.adapt([demo])
        session.apply(adaptation)
        return adaptation.version, [session.act(frame).tobytes() for frame in demo.frames]

    return made


def test_label_seed_and_simulators_state_change_no_action(decisions, tmp_path):
    def with_state(task, target):
        messages = stream()
        stamps = [ns for topic, ns, _ in messages if topic == "/front/image_raw"]
        messages += [("/sim/state", ns, told(ns, task, target)) for ns in stamps]
        return sorted(messages, key=lambda message: message[1])

    plain = write_episode(tmp_path / "plain", with_state('{"index": 0}', 0), seed=1)
    shuffled = write_episode(
        tmp_path / "shuffled", with_state('{"index": 7}', 2), task="reach/train/9", seed=5
    )
    silent = write_episode(tmp_path / "silent", task="")
    first = decisions(plain)
    assert decisions(shuffled) == first
    assert decisions(silent) == first


def test_what_was_seen_and_done_changes_the_actions(decisions, tmp_path):
    """The same comparison does notice another demonstration."""

    def brighter(topic, _, msg):
        if topic == "/front/image_raw":
            msg.data = np.minimum(msg.data, 200).astype(np.uint8)
        return msg

    first = decisions(write_episode(tmp_path / "one"))
    assert decisions(write_episode(tmp_path / "two", change=brighter))[0] != first[0]
