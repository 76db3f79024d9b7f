import numpy as np
import pytest
import torch

from robot_meta import loops
from robot_meta.errors import ConfigError
from robot_meta.few_shot import Episodes, Examples
from robot_meta.loops import TrainConfig
from tests.robot_meta.few_shot_world import NUMBERS, VECTORS, double, first, make, vectors


def numbers(tasks=3, seed=0):
    """Slopes: y = a x."""
    rng = torch.Generator().manual_seed(seed)
    slope = torch.randn(tasks, 1, 1, generator=rng)
    x = torch.randn(tasks, 10, 1, generator=rng)
    y = slope * x
    return Episodes(Examples(x[:, :5], y[:, :5]), Examples(x[:, 5:], y[:, 5:]))


@pytest.mark.parametrize("bottleneck", ["weights", "activations", "none"])
def test_only_the_head_adapts(bottleneck):
    learner, tasks = make("mrmaml", NUMBERS, bottleneck=bottleneck), numbers()
    theta = learner.init(0)
    phi = learner.adapt(theta, first(tasks.support))
    moved = {name for name in theta if not torch.equal(theta[name], phi[name])}
    assert moved == {"head.w", "head.b"}
    assert learner.adapt(theta, first(tasks.support), 0) is theta


def test_without_a_bottleneck_the_loss_is_that_of_adapting_and_predicting():
    learner, tasks = make("mrmaml", NUMBERS, bottleneck="none"), double(numbers())
    theta = double(learner.init(0))
    loss, told = learner.task_loss(theta, tasks, 0)
    each = [
        (learner.predict(learner.adapt(theta, first(tasks.support, i)), x) - y).square().mean()
        for i, (x, y) in enumerate(zip(*tasks.query, strict=True))
    ]
    assert loss.item() == pytest.approx(torch.stack(each).mean().item(), rel=1e-9)
    assert told["nats"] == 0


@pytest.mark.parametrize("bottleneck", ["weights", "activations"])
def test_information_is_paid_for_and_the_less_the_less_is_known(bottleneck):
    tasks = numbers()
    costs = []
    for spread in (0.01, 0.9):  # means are the same in both
        learner = make("mrmaml", NUMBERS, bottleneck=bottleneck, spread=spread, beta=1e-3)
        loss, told = learner.task_loss(learner.init(0), tasks, 0)
        assert loss.item() == pytest.approx(told["query"] + 1e-3 * told["nats"], rel=1e-4)
        costs.append(told["nats"])
    assert costs[0] > costs[1] > 0


@pytest.mark.parametrize("bottleneck", ["weights", "activations"])
def test_noise_is_of_the_step_and_of_the_task(bottleneck):
    learner, tasks = make("mrmaml", NUMBERS, bottleneck=bottleneck, spread=0.5), numbers()
    theta = learner.init(0)
    losses = [learner.task_loss(theta, tasks, step)[1]["query"] for step in (1, 1, 2)]
    assert losses[0] == losses[1] != losses[2]
    twice = Episodes(*(Examples(e.x[[0, 0]], e.y[[0, 0]]) for e in tasks))
    noise = learner._noise(theta, twice, np.random.default_rng(0))
    assert all((drawn[0] != drawn[1]).any() for drawn in noise.values())


@pytest.mark.parametrize("bottleneck", ["weights", "activations"])
def test_a_high_price_makes_the_learner_forget(bottleneck):
    """With beta large, what does not adapt goes to the prior: nats fall."""
    learner = make("mrmaml", VECTORS, bottleneck=bottleneck, beta=1.0)
    config = TrainConfig(steps=60, tasks=1, rate=0.05, warmup=1)
    sample = lambda rng: vectors(seed=int(rng.integers(10**6)))  # noqa: E731
    steps = [s.metrics["nats"] for s in loops.meta_train(learner, learner.init(0), sample, config)]
    assert steps[-1] < 0.7 * steps[0]


@pytest.mark.parametrize(
    "settings", [{"bottleneck": "both"}, {"beta": -1.0}, {"alpha": 0.0}, {"code": 0}]
)
def test_nonsense_is_refused(settings):
    with pytest.raises(ConfigError, match="mrmaml"):
        make("mrmaml", NUMBERS, **settings)
