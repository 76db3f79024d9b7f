import json

import pytest

from robot_meta.errors import ObservationError
from ros_nodes.arm_sim import ArmSim
from ros_nodes.scripted import ScriptedHand
from sim.servo import Servo


def drive(family, index, limit=120):
    """The expert on the simulator's own states until it lets go; returns (info, hand)."""
    sim = ArmSim(json.dumps({"family": family, "index": index}), seed=1, image_size=None)
    servo = Servo()
    servo.reset(sim.receiver.sample(0.0)[0])
    hand = ScriptedHand()
    hand.begin()
    for _ in range(limit):
        if not hand.see(sim.time_ns, sim.episode_number, json.dumps(sim.info())):
            break
        stamp, command = hand.command(sim.time_ns, 1)
        assert stamp == sim.time_ns
        sim.set_gripper([max(0.0, command.opening_m)])
        for _ in range(5):
            servo.step(command.twist, 0.02)
            sim.episode.command(servo.braking_points(0.02))
            sim.step()
            sim.step()
    return sim.info(), hand


@pytest.mark.parametrize("family", ["reach", "push", "place", "pick_place"])
def test_does_the_task_and_lets_go(family):
    info, hand = drive(family, 2)
    assert info["success"]
    assert not hand.running
    assert hand.why == "the episode is done"


def test_nothing_before_begin_and_nothing_after_end():
    text = json.dumps(ArmSim(image_size=None).info())
    hand = ScriptedHand()
    assert not hand.see(5, 1, text)
    hand.begin()
    assert hand.command(0, 100) is None
    assert hand.see(5, 1, text)
    assert hand.command(105, 100)[0] == 5
    assert hand.command(106, 100) is None  # stale: better nothing than the past
    hand.end("told to")
    assert hand.command(0, 100) is None
    assert (hand.running, hand.why) == (False, "told to")


def test_a_new_episode_ends_the_run():
    text = json.dumps(ArmSim(image_size=None).info())
    hand = ScriptedHand()
    hand.begin()
    assert hand.see(5, 1, text)
    assert not hand.see(9, 2, text)
    assert hand.why == "a new episode has begun"


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"done": false, "expert": {"family": "fold"}}', '{"done": false}']
)
def test_a_state_that_no_expert_can_act_on_ends_the_run(text):
    hand = ScriptedHand()
    hand.begin()
    with pytest.raises(ObservationError, match="info_json has no state for an expert"):
        hand.see(5, 1, text)
    assert not hand.running
