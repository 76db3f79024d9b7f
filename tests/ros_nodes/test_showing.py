"""Showing and trying over the nodes in lock-step is what the environment does, to the bit."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

pytest.importorskip("rclpy")

from robot_meta import rollout
from robot_meta.cpu import configure_cpu
from robot_meta.errors import SessionError
from robot_meta.session import Session
from ros_nodes.agreement import difference, identical
from ros_nodes.bag import read_demo
from ros_nodes.client_node import RobotClient
from ros_nodes.contract import Contract
from ros_nodes.graph import DEPLOY
from ros_nodes.running import RunningGraph
from ros_nodes.showing import Director
from tests.ros_nodes import untrained

pytestmark = pytest.mark.ros
STEPS = 60
IDS = {"place": "sim:sim/SawyerPlace-v0", "push": "sim:sim/SawyerPush-v0"}


@pytest.fixture
def theta(tmp_path):
    return untrained.save(tmp_path)


@pytest.fixture
def client(ros_domain, theta, tmp_path):
    given = {
        "teleop": "scripted",
        "checkpoint": str(theta),
        "episodes": str(tmp_path / "episodes"),
        "lockstep": "true",
        "rate": "0",
    }
    with RunningGraph(DEPLOY, given) as graph, RobotClient(check=graph.check) as client:
        client.wait_ready()
        yield client


def test_demonstration_adaptation_and_trials_are_those_in_process(client, theta):
    configure_cpu()
    session, contract = Session.load(theta), Contract.load("sawyer")
    director = Director(client, max_steps=STEPS, lockstep=True)
    for family, index in (("place", 3), ("push", 5)):
        env = gymnasium.make(IDS[family], split="test", max_steps=STEPS, preset="mild").unwrapped
        task = {"family": family, "split": "test", "index": index}
        options = {"task": index, "split": "test"}

        shown = director.demonstrate({**task, "trial": 500}, 7, "shown")
        inside, arrangement = rollout.demonstrate(env, seed=7, options={**options, "trial": 500})
        avoid = arrangement.target_xy_m(env.episode.task)
        assert difference(read_demo(shown.episode, contract), inside) == ""
        assert np.array_equal(shown.target_xy_m, avoid)

        adaptation = session.adapt([inside])
        assert client.adapt(shown.episode).version == adaptation.version
        session.apply(adaptation)
        for trial in range(2):
            place = {"trial": trial, "avoid": shown.target_xy_m}
            take = director.attempt({**task, **place}, 7, "trial")
            session.reset()
            options_ = {**options, "trial": trial, "avoid": avoid}
            outcome = rollout.run(env, session.act, seed=7, options=options_)
            assert identical(take, outcome), (take, outcome)
        assert session.rollback()
        client.rollback()
        env.close()


def test_what_the_nodes_refuse_is_told(client, tmp_path):
    with pytest.raises(SessionError, match="no such episode"):
        client.adapt(str(tmp_path / "nowhere"))
    with pytest.raises(SessionError, match="nothing was changed"):
        client.rollback()
    with pytest.raises(SessionError, match="no such file"):
        client.load_policy(str(tmp_path / "nowhere.safetensors"))
    with pytest.raises(SessionError, match="no run_policy goal is active"):
        client.set_mode("POLICY")
    recording = client.record("first")
    with pytest.raises(SessionError, match="rejected the goal"):
        client.record("second")
    client.discard(recording)
