"""Driving along legs: on a point that goes where it is sent, and in the simulated world."""

import numpy as np
import pytest

from robot_meta import evaluate, rollout
from robot_meta.data.demo_set import keyposes, touch_down
from robot_meta.data.legs import LEGS, legs
from robot_meta.driving import ARRIVED_M, GRIP_TICKS, SPEED_M_S, Driving, drive
from robot_meta.evaluate import EvalConfig

WAY = np.array(
    [
        [0.60, 0.10, 0.03, 0.20, 0.07],
        [0.60, 0.10, 0.03, 0.03, 0.00],
        [0.50, -0.10, 0.10, 0.18, 0.00],
        [0.50, -0.10, 0.10, 0.18, 0.06],
    ]
)


def driven(way, start, ticks=150):
    """Tips (n, 3), actions (n, 4) and how far it is, of a point that does as it is told."""
    tip, at, log = np.array(start), Driving(), []
    for _ in range(ticks):
        action, at = drive(way, tip, at)
        log.append((tip, action, at))
        tip = tip + 0.1 * action[:3]
    tips, actions, ways = zip(*log, strict=True)
    return np.array(tips), np.array(actions), ways


def test_every_waypoint_is_reached_in_turn_and_the_gripper_moves_at_each():
    tips, actions, ways = driven(WAY, (0.45, 0.0, 0.2))
    assert [w.leg for w in ways] == sorted(w.leg for w in ways)
    assert ways[-1].leg == LEGS - 1
    for leg in range(LEGS - 1):
        left = next(k for k, w in enumerate(ways) if w.leg > leg)
        assert np.abs(tips[left] - WAY[leg, :3]).max() < ARRIVED_M
        still = slice(left, left + GRIP_TICKS)
        assert not actions[still, :3].any(), "it waits for the gripper"
        assert set(actions[still, 3]) == {WAY[leg + 1, 4]}
    assert tips[-1] == pytest.approx(WAY[-1, :3], abs=1e-3)


def test_it_goes_over_at_the_height_of_the_leg_and_never_fast():
    tips, actions, ways = driven(WAY, (0.45, 0.0, 0.2))
    assert np.linalg.norm(actions[:, :3], axis=1).max() <= SPEED_M_S + 1e-9
    carried = np.array([w.leg == 2 and not w.waiting for w in ways])
    beside = np.hypot(*(tips[:, :2] - WAY[2, :2]).T)
    travelling = carried & (beside > 0.05) & (beside < 0.15)
    assert travelling.any()
    assert tips[travelling, 2].min() > 0.12, "high above what it carries over"
    climbing = carried & (tips[:, 2] < 0.1) & (beside > 0.05)
    assert np.abs(actions[climbing, :2]).max() < 0.05, "up before over"


@pytest.mark.parametrize("family", ["place", "pick_place"])
def test_driving_along_a_demonstrations_own_legs_repeats_it(family):
    config = EvalConfig(family=family, split="val", trials=1)
    env = evaluate.environment(config, 80)
    options = {"task": 0, "split": "val", "trial": 0}
    demo, _ = rollout.demonstrate(env, seed=0, options=options)
    tip = demo.ee_pos_m
    before = np.arange(len(tip)) <= touch_down(tip)
    state = np.c_[tip, demo.gripper_m].astype(np.float32)
    way = legs(state, demo.actions, before, keyposes(tip)).astype(float)
    at = Driving()

    def policy(frame):
        nonlocal at
        action, at = drive(way, frame.ee_pos_m, at)
        return action

    assert rollout.run(env, policy, seed=0, options=options).success
