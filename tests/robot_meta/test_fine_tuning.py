import pytest
import torch

from robot_meta.errors import ConfigError
from robot_meta.few_shot import Episodes, Examples
from robot_meta.fine_tuning import Tuning, chosen, copies, last, losses, tuned
from robot_meta.learners import sequences

LEARNER = sequences.make(
    {
        "net": {
            "source_tokens": 7,
            "target_tokens": 7,
            "source_length": 2,
            "target_length": 2,
            "width": 4,
            "heads": 1,
            "layers": 1,
            "hidden": 6,
        }
    }
)
THETA = LEARNER.init(0)


def drawn(tasks: int, n: int, seed: int) -> Examples:
    rng = torch.Generator().manual_seed(seed)
    x = torch.randint(3, 7, (tasks, n, 4), generator=rng)
    return Examples(x, x[..., :2].flip(-1))


@pytest.mark.parametrize("kind", ["adam", "descent"])
def test_tasks_tuned_together_end_where_each_ends_alone(kind):
    tuning = Tuning(rate=0.05, steps=4, kind=kind)
    support = drawn(3, 5, 0)
    together = last(LEARNER, THETA, support, tuning)
    for i in range(3):
        alone = last(LEARNER, THETA, Examples(support.x[i : i + 1], support.y[i : i + 1]), tuning)
        for name, p in together.items():
            assert torch.allclose(p[i], alone[name][0], atol=1e-5), name


def test_descent_is_the_inner_loop():
    support = drawn(1, 5, 0)
    found = last(LEARNER, THETA, support, Tuning(rate=0.1, steps=3, kind="descent"))
    phi = LEARNER.adapt(THETA, Examples(support.x[0], support.y[0]), 3)
    for name, p in phi.items():
        assert torch.allclose(found[name][0], p, atol=1e-6)


def test_marks_are_the_path_of_one_run():
    support, tuning = drawn(2, 5, 0), Tuning(rate=0.05, steps=6)
    path = dict(tuned(LEARNER, THETA, support, tuning, (0, 2)))
    assert list(path) == [0, 2, 6]
    two = last(LEARNER, THETA, support, Tuning(rate=0.05, steps=2))
    assert all(torch.equal(p, path[0][name]) for name, p in copies(THETA, 2).items())
    assert all(torch.allclose(p, path[2][name]) for name, p in two.items())


def test_tuning_helps_and_the_best_of_validation_is_chosen():
    tasks = Episodes(drawn(2, 20, 0), drawn(2, 20, 1))
    good, idle = Tuning(rate=0.02, steps=30), Tuning(rate=1e-6, steps=30)
    assert chosen(LEARNER, THETA, tasks, [idle, good], (5,)).rate == good.rate
    after = losses(LEARNER, last(LEARNER, THETA, tasks.support, good), tasks.query)
    assert (after < losses(LEARNER, copies(THETA, 2), tasks.query)).all()


def test_a_tuning_that_makes_it_worse_is_stopped_at_once():
    tasks = Episodes(drawn(1, 4, 0), drawn(1, 30, 1))
    assert chosen(LEARNER, THETA, tasks, [Tuning(rate=30.0, steps=3)], (0,)).steps == 0


def test_nonsense_is_refused():
    with pytest.raises(ConfigError, match="rate > 0"):
        Tuning(rate=0.0, steps=1)
    with pytest.raises(ConfigError, match="no tunings"):
        chosen(LEARNER, THETA, Episodes(drawn(1, 2, 0), drawn(1, 2, 1)), [], ())
