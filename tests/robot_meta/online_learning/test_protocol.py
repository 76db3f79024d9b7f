import numpy as np
import pytest
import torch

from robot_meta.errors import ConfigError, DataError
from robot_meta.few_shot import Examples
from robot_meta.online_learning.protocol import Outcome, ProtocolConfig, follow, preload

CONFIG = ProtocolConfig(batch=10, batches=3, threshold=0.9)


class Memory:
    """Knows an example once it was trained on; guesses 0 of any other."""

    def __init__(self):
        self.known, self.waiting, self.told = {}, [], []

    def see(self, batch, rng, *, begin):
        if begin:
            self.known = {}
        self.told.append((begin, batch.x.flatten().tolist()))
        self.waiting.append(batch)

    def learn(self, rng):
        for batch in self.waiting:
            self.known |= dict(zip(batch.x.flatten().tolist(), batch.y.tolist(), strict=True))
        self.waiting = []

    def answers(self):
        return {"memory": {}}

    def predict(self, phi, x):
        y = torch.tensor([self.known.get(each, 0) for each in x.flatten().tolist()])
        return torch.nn.functional.one_hot(y, 3).float()


def task(first, count=45, answer=1):
    x = first + torch.arange(count).float()[:, None]
    return Examples(x, torch.full((count,), answer))


def test_what_judges_was_never_learned_from():
    learner = Memory()
    outcomes = [o for each in follow(learner, [("a", task(0))], CONFIG, rng()) for o in each]
    assert outcomes[0].next_batch == (0.0, 0.0, 0.0)
    assert outcomes[0].final == 0.0
    assert [len(batch) for _, batch in learner.told] == [10, 10, 10, 15]


def test_the_batch_is_judged_after_training_on_those_before_it():
    answers = torch.cat([torch.ones(20), torch.zeros(25)]).long()
    learner = Memory()
    given = Examples(task(0).x, answers)
    (outcome,) = next(iter(follow(learner, [("a", given)], CONFIG, rng(), first=7)))
    assert outcome.next_batch == (0.0, 1.0, 1.0)
    assert (outcome.final, outcome.index) == (1.0, 7)
    assert outcome.examples(CONFIG) == 20


def test_every_task_begins_once():
    learner = Memory()
    list(follow(learner, [("a", task(0)), ("b", task(100))], CONFIG, rng()))
    assert [begin for begin, _ in learner.told] == [True, False, False, False] * 2


def test_nine_of_ten_reach_ninety_percent_and_eight_do_not():
    reached = Outcome("r", 0, "a", (0.8, 0.9, 0.8), 0.5)
    assert reached.examples(CONFIG) == 20
    assert Outcome("r", 0, "a", (0.8, 0.8, 0.8), 0.5).examples(CONFIG) is None


def test_preloaded_tasks_are_whole_and_trained_on():
    learner = Memory()
    preload(learner, [task(0), task(100)], 1, rng())
    assert [len(batch) for _, batch in learner.told] == [45, 45]
    assert learner.known[120.0] == 1


def test_too_few_examples_are_named():
    with pytest.raises(DataError, match=r"task 0 \(a\): 39 examples.*need 40"):
        list(follow(Memory(), [("a", task(0, 39))], CONFIG, rng()))


def test_nonsense_is_refused():
    with pytest.raises(ConfigError, match="threshold in"):
        ProtocolConfig(threshold=0.0)


def rng():
    return np.random.default_rng(0)
