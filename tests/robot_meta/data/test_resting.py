import numpy as np
import pytest
import torch

from robot_meta.data.branches import BranchConfig, Branching
from robot_meta.data.resting import Resting
from robot_meta.data.roam import roam
from robot_meta.errors import ConfigError
from tests.robot_meta.data.line import Line


class Busy:
    """Commands every motor, and means to go on so."""

    def __init__(self, robots, motors):
        self.asked = np.full((robots, motors), 0.7)
        self.plan = torch.full((robots, 4, motors), 0.7)

    def act(self, states, pending):
        return self.asked


def acted(share, robots=40, motors=8, steps=200):
    actor = Resting(Busy(robots, motors), share, np.random.default_rng(0))
    states, pending = np.zeros((robots, 1)), np.zeros((robots, motors))
    return np.stack([actor.act(states, pending) for _ in range(steps)], 1), actor


def test_a_motor_is_as_it_was_told_or_at_rest_for_a_stretch():
    actions, _ = acted(0.5)
    assert set(np.unique(actions)) == {0.0, 0.7}
    turns = (np.diff((actions == 0.0).astype(int), axis=1) != 0).any(2)
    for robot in turns:
        assert np.diff(np.flatnonzero(robot)).min() >= 10


def test_the_share_is_of_stretches_in_which_any_rests():
    actions, _ = acted(0.5)
    assert (actions == 0.0).mean() == pytest.approx(0.8 * 0.5, abs=0.03)
    assert (actions == 0.7).all(2).mean() == pytest.approx(0.2, abs=0.05)
    assert (acted(0.0)[0] == 0.7).all()


def test_the_plan_leaves_the_same_motors_at_rest():
    actions, actor = acted(0.5)
    plan = actor.plan.numpy()
    assert np.allclose(plan, actions[:, -1:].repeat(4, 1))


def test_futures_leave_them_at_rest_too():
    actor = Resting(Busy(2, 1), 0.99, np.random.default_rng(0))
    config, batch = BranchConfig(count=4, past=3, future=5), Line()
    branching = Branching(actor, batch, config, torch.Generator().manual_seed(0))
    roam(batch, branching, [np.random.default_rng(i) for i in range(2)], 6)
    futures = branching.motion().actions[:, 4:, 0].reshape(2, 3, 4, 4)
    rests = actor.moving[:, 0] == 0.0
    assert rests.any()
    assert (futures[rests] == 0.0).all()


def test_all_motors_at_rest_for_good_is_refused():
    with pytest.raises(ConfigError, match=r"share of motors in \[0, 1\), got 1"):
        Resting(Busy(1, 1), 1.0, np.random.default_rng(0))
