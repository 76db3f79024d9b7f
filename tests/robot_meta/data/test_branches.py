import numpy as np
import pytest
import torch

from robot_meta.data.branches import BranchConfig, Branching
from robot_meta.data.roam import roam
from robot_meta.errors import ConfigError
from tests.robot_meta.data.line import LateLine, Line


class Steady:
    """Always the same, and a plan of the same."""

    def __init__(self, speed=0.3, robots=2):
        self.speed, self.robots = speed, robots
        self.plan = torch.full((robots, 3, 1), speed)

    def act(self, states, pending):
        return np.full((self.robots, 1), self.speed)


def tried(steps=6, actor=None, **more):
    config = BranchConfig(**{"count": 4, "past": 3, "future": 5, **more})
    batch = Line()
    actor = Branching(actor or Steady(), batch, config, torch.Generator().manual_seed(0))
    rngs = [np.random.default_rng(i) for i in range(2)]
    return actor, roam(batch, actor, rngs, steps), config


def test_each_piece_is_motion_that_can_happen_and_its_past_is_what_happened():
    actor, roamed, config = tried()
    pieces = actor.motion()
    assert pieces.states.shape == (2 * 3 * 4, config.length + 1, 1)
    assert np.allclose(np.diff(pieces.states, axis=1), pieces.actions, atol=1e-6)
    # Robot 0, its first step with a whole past behind it.
    assert np.allclose(pieces.states[:4, :4], roamed.states[0, :4], atol=1e-6)
    assert np.allclose(pieces.actions[:4, :4], roamed.actions[0, :4], atol=1e-6)
    assert np.ptp(pieces.actions[:4, 4]) > 0.01  # then they part


def test_pieces_of_what_arrives_late_are_of_what_was_done():
    batch = LateLine()
    config = BranchConfig(count=4, past=3, future=5)
    actor = Branching(Steady(), batch, config, torch.Generator().manual_seed(0))
    roam(batch, actor, [np.random.default_rng(i) for i in range(2)], 6)
    pieces = actor.motion()
    assert np.allclose(np.diff(pieces.states, axis=1), pieces.actions, atol=1e-6)


def test_what_is_tried_changes_nothing_of_what_happens():
    _, beside, _ = tried()
    alone = roam(Line(), Steady(), [np.random.default_rng(i) for i in range(2)], 6)
    assert np.array_equal(beside.states, alone.states)


def test_futures_are_about_the_plan_and_within_the_range():
    narrow = tried(spread=(1e-3, 1e-3))[0].motion()
    assert np.allclose(narrow.actions[:, 4:], 0.3, atol=0.02)
    wide = tried(spread=(5.0, 5.0))[0].motion()
    assert np.abs(wide.actions).max() <= 1.0


def test_an_actor_without_a_plan_is_at_rest():
    class Planless(Steady):
        plan = None

        def __init__(self):
            self.speed, self.robots = 0.3, 2

    pieces = tried(actor=Planless(), spread=(1e-3, 1e-3))[0].motion()
    assert np.allclose(pieces.actions[:, 4:], 0.0, atol=0.02)


def test_futures_that_left_the_numbers_are_left_out():
    class Breaking(Line):
        def simulate(self, actions):
            states, rewards = super().simulate(actions)
            states[1, 0] = np.nan
            return states, rewards

    actor = Branching(Steady(), Breaking(), BranchConfig(count=4, past=3), torch.Generator())
    roam(Breaking(), actor, [np.random.default_rng(i) for i in range(2)], 3)
    with pytest.raises(ConfigError, match="4 steps"):
        actor.motion()
    batch = Breaking()
    actor = Branching(Steady(), batch, BranchConfig(count=4, past=3), torch.Generator())
    roam(batch, actor, [np.random.default_rng(i) for i in range(2)], 4)
    assert len(actor.motion().states) == 7


def test_futures_of_no_length_are_refused():
    with pytest.raises(ConfigError, match="future >= 2"):
        BranchConfig(future=1)
