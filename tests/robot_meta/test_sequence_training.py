import numpy as np
import pytest
import torch

from robot_meta import sequence_training
from robot_meta.data.vocabulary import Codec, Vocabulary, stacked
from robot_meta.few_shot import Episodes
from robot_meta.sequence_training import Method

CODEC = Codec(Vocabulary("abc"), Vocabulary("xyz"), 2, 3)
PAIRS = [("ab", "yx"), ("ba", "xy"), ("cb", "yz"), ("c", "z")]


def drawn(_: np.random.Generator) -> Episodes:
    return sequence_training.halved(stacked([CODEC.encode(PAIRS)] * 2))


def test_plain_training_sees_the_same_pairs():
    tasks = drawn(np.random.default_rng(0))
    assert tasks.support.x.shape == tasks.query.x.shape == (2, 2, 5)
    both = sequence_training.all_of(tasks).query
    assert torch.equal(both.x[0], CODEC.encode(PAIRS).x)
    assert torch.equal(both.y[1], CODEC.encode(PAIRS).y)


@pytest.mark.parametrize("inner_steps", [0, 1])
def test_training_moves_the_parameters_and_goes_on_where_it_stopped(tmp_path, inner_steps):
    method = Method(title="a row", inner_steps=inner_steps)
    shown: list[tuple[str, int]] = []

    def watch(steps, title, total):
        shown.append((title, total))
        return steps

    learner, theta = sequence_training.train(method, CODEC, drawn, 3, tmp_path / "run", watch)
    assert shown == [("a row", 3)]
    assert any(not torch.equal(p, learner.init(0)[name]) for name, p in theta.items())
    again = sequence_training.train(method, CODEC, drawn, 3, tmp_path / "run", watch)[1]
    assert all(torch.equal(p, again[name]) for name, p in theta.items())


def test_what_is_not_trained_is_fresh():
    learner, theta = sequence_training.train(
        Method(title="none", trained=False), CODEC, drawn, 3, None, lambda steps, *_: steps
    )
    assert all(torch.equal(p, learner.init(1)[name]) for name, p in theta.items())
