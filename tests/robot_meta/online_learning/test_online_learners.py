"""FTML, FTL, training on everything and from scratch, on tasks that contradict each other."""

import numpy as np
import pytest
import torch

from robot_meta.errors import ConfigError
from robot_meta.few_shot import Examples, loss_of
from robot_meta.online_learning.ftml import Ftml, FtmlConfig
from robot_meta.online_learning.joint import Joint, JointConfig
from robot_meta.online_learning.learner import RoundConfig
from robot_meta.online_learning.protocol import accuracy, preload
from robot_meta.online_learning.scratch import Scratch
from tests.robot_meta.online_learning import toy

ROUND = RoundConfig(steps=1, rate=1e-2)


def rng():
    return np.random.default_rng(0)


def ftml(capacity=None, **inner):
    return Ftml(toy.net(**inner), FtmlConfig(round=ROUND, capacity=capacity), 0)


def joint():
    return Joint(toy.net(), JointConfig(round=ROUND, tasks=5, batch=10), 0)


def test_ftml_answers_by_gradient_steps_on_all_of_the_task_at_hand():
    learner, net = ftml(), toy.net()
    seen = toy.task((2, 0, 1), 12, 0)
    learner.see(toy.task((0, 1, 2), 20, 1), rng(), begin=True)
    learner.see(Examples(seen.x[:5], seen.y[:5]), rng(), begin=True)
    learner.see(Examples(seen.x[5:], seen.y[5:]), rng(), begin=False)
    expected = net.adapt(net.init(0), seen)
    found = learner.answers()["ftml"]
    assert all(torch.allclose(found[name], expected[name]) for name in expected)


def test_toe_is_what_ftl_starts_from():
    learner, net = joint(), toy.net()
    seen = toy.task((2, 0, 1), 12, 0)
    preload(learner, [toy.task((0, 1, 2), 30, 1)], 3, rng())
    learner.see(seen, rng(), begin=True)
    answers = learner.answers()
    tuned = net.adapt(answers["toe"], seen)
    assert all(torch.allclose(answers["ftl"][name], tuned[name]) for name in tuned)
    start = net.init(0)
    assert not torch.equal(answers["toe"]["head.w"], start["head.w"])


def test_answering_teaches_nothing():
    for learner in (ftml(), joint()):
        learner.see(toy.task((0, 1, 2), 12, 0), rng(), begin=True)
        once, twice = learner.answers(), learner.answers()
        for row, phi in once.items():
            assert all(torch.equal(phi[name], twice[row][name]) for name in phi)


def test_ftml_learns_to_adapt_where_one_network_for_all_cannot():
    known = [each for _, each in toy.tasks(6)]
    new = toy.task((1, 2, 0), 60, 99)
    seen, others = Examples(new.x[:10], new.y[:10]), Examples(new.x[10:], new.y[10:])
    found = {}
    for learner in (ftml(), joint()):
        preload(learner, known, 150, rng())
        learner.see(seen, rng(), begin=True)
        found |= {r: accuracy(learner, phi, others) for r, phi in learner.answers().items()}
    assert found["ftml"] > 0.95
    assert found["toe"] < 0.6


def test_a_bounded_memory_still_learns_to_adapt():
    learner = ftml(capacity=70)
    preload(learner, [each for _, each in toy.tasks(6)], 150, rng())
    assert len(learner.buffer) <= 70
    new = toy.task((1, 2, 0), 60, 99)
    learner.see(Examples(new.x[:10], new.y[:10]), rng(), begin=True)
    phi = learner.answers()["ftml"]
    assert accuracy(learner, phi, Examples(new.x[10:], new.y[10:])) > 0.95


def test_scratch_forgets_everything_with_a_new_task():
    learner = Scratch(toy.net(), JointConfig(round=ROUND, tasks=1, batch=10), 0)
    preload(learner, [toy.task((0, 1, 2), 30, 1)], 5, rng())
    learner.see(toy.task((2, 1, 0), 10, 2), rng(), begin=True)
    fresh = toy.net().init(0)
    found = learner.answers()["scratch"]
    assert all(torch.equal(found[name], fresh[name]) for name in fresh)
    assert learner.buffer.sizes == [10]


def test_scratch_fits_its_own_task():
    learner = Scratch(
        toy.net(), JointConfig(round=RoundConfig(steps=30, rate=1e-2), tasks=1, batch=10), 0
    )
    seen = toy.task((2, 1, 0), 10, 2)
    learner.see(seen, rng(), begin=True)
    before = loss_of(learner.predict(learner.answers()["scratch"], seen.x), seen.y)
    learner.learn(rng())
    after = loss_of(learner.predict(learner.answers()["scratch"], seen.x), seen.y)
    assert after < 0.5 * before


@pytest.mark.parametrize(
    "make",
    [
        lambda: RoundConfig(steps=0),
        lambda: RoundConfig(rate=float("nan")),
        lambda: FtmlConfig(query=0),
        lambda: JointConfig(batch=0),
    ],
)
def test_nonsense_is_refused(make):
    with pytest.raises(ConfigError, match="got"):
        make()
