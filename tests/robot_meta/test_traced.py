"""A replayed meta-gradient against the learner's own."""

import pytest
import torch

from robot_meta import meta_step
from robot_meta.few_shot import Episodes, Examples
from robot_meta.learners.maml import Maml
from robot_meta.traced import Traced, replayable


def double(name, learner, tasks=3):
    return getattr(meta_step, name)(learner, tasks).double()


def gradient(learner, theta, tasks):
    leaves = {n: p.detach().requires_grad_() for n, p in theta.items()}
    loss, told = learner.task_loss(leaves, tasks, 0)
    grads = torch.autograd.grad(2 * loss, list(leaves.values()))
    return loss, grads, {key: float(value) for key, value in told.items()}


@pytest.mark.parametrize(
    ("net", "learner"),
    [("sinusoid", "maml"), ("sinusoid", "fomaml"), ("sinusoid", "anil"), ("omniglot", "protonet")],
)
def test_a_replay_gives_what_the_learner_gives_on_other_values_than_it_was_traced_on(net, learner):
    problem = double(net, learner)
    assert replayable(problem.learner)
    replayed = Traced(problem.learner)
    gradient(replayed, problem.theta, problem.tasks)
    rng = torch.Generator().manual_seed(1)
    theta = {n: p + 0.1 * torch.randn(p.shape, generator=rng) for n, p in problem.theta.items()}
    support, query = (Examples(e.x.roll(1, 0), e.y.roll(1, 0)) for e in problem.tasks)
    tasks = Episodes(support, query)
    loss, grads, told = gradient(replayed, theta, tasks)
    wanted_loss, wanted, wanted_told = gradient(problem.learner, theta, tasks)
    assert loss.item() == pytest.approx(wanted_loss.item(), rel=1e-12)
    assert told == pytest.approx(wanted_told)
    for one, other in zip(grads, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


def test_other_shapes_are_traced_anew():
    three, two = double("sinusoid", "maml"), double("sinusoid", "maml", tasks=2)
    replayed = Traced(three.learner)
    for problem in (three, two, three):
        _, grads, _ = gradient(replayed, problem.theta, problem.tasks)
        _, wanted, _ = gradient(problem.learner, problem.theta, problem.tasks)
        torch.testing.assert_close(grads, wanted, rtol=1e-9, atol=1e-12)


def test_a_learner_that_says_nothing_is_not_replayed():
    class Other:
        pass

    assert replayable(Maml)
    assert not replayable(Other())
