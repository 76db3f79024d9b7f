import numpy as np
import torch

from robot_meta.data.roam import Gaits, TrueSimulator, roam
from robot_meta.planning import PlanConfig
from tests.robot_meta.data.line import LateLine, Line


def rngs(count):
    return [np.random.default_rng(i) for i in range(count)]


def test_what_is_decided_now_is_done_one_step_later():
    class Counting:
        def __init__(self):
            self.seen = []

        def act(self, states, pending):
            self.seen.append((states.copy(), pending.copy()))
            return np.full((2, 1), 0.1 * len(self.seen))

    actor = Counting()
    done = roam(Line(), actor, rngs(2), 4)
    assert np.allclose(done.actions[:, :, 0], [[0.0, 0.1, 0.2, 0.3]] * 2)
    assert np.allclose(np.diff(done.states[:, :, 0]), done.actions[:, :, 0])
    assert np.array_equal(actor.seen[2][1], done.actions[:, 2])  # told what is pending
    assert np.array_equal(actor.seen[2][0], done.states[:, 2])
    assert np.array_equal(done.rewards, done.actions[:, :, 0])


def test_actions_that_arrive_late_are_recorded_as_what_was_done():
    gaits = Gaits(2, 1, 0.05, np.random.default_rng(0))
    done = roam(LateLine(), gaits, rngs(2), 8)
    assert np.allclose(np.diff(done.states, axis=1), done.actions)


def test_something_may_happen_before_each_step():
    told = []
    roam(Line(), Gaits(1, 1, 0.05, np.random.default_rng(0)), rngs(1), 3, told.append)
    assert told == [0, 1, 2]


def test_episodes_that_left_the_numbers_are_left_out():
    class Breaking(Line):
        def step(self, actions):
            states, rewards = super().step(actions)
            states[1] = np.nan
            return states, rewards

    done = roam(Breaking(), Gaits(3, 1, 0.05, np.random.default_rng(0)), rngs(3), 5)
    assert done.motion().states.shape == (2, 6, 1)


def test_gaits_differ_from_robot_to_robot_and_repeat_with_their_seed():
    def waves():
        gaits = Gaits(3, 2, 0.05, np.random.default_rng(1))
        return np.stack([gaits.act(np.zeros((3, 1)), np.zeros((3, 2))) for _ in range(5)])

    assert np.array_equal(waves(), waves())
    assert not np.array_equal(waves()[:, 0], waves()[:, 1])


def test_planning_on_the_true_physics_finds_the_way():
    batch = Line()
    planner = PlanConfig(horizon=4, candidates=64, rounds=3, elites=6)
    actor = TrueSimulator(batch, 2, planner, torch.Generator().manual_seed(0), noise=0.0)
    done = roam(batch, actor, rngs(2), 6)
    assert (done.rewards[:, 2:] > 0.9).all()
