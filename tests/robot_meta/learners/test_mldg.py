import pytest
import torch

from robot_meta.errors import ConfigError
from robot_meta.few_shot import Examples
from robot_meta.learners import mldg

NET = {"kind": "mlp", "inputs": [3], "widths": [4]}


def made(**settings):
    return mldg.make({"encoder": NET, "outputs": 2, **settings})


def domains(count=3, n=6):
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(count, n, 3, generator=rng).double()
    return Examples(x, torch.randint(0, 2, (count, n), generator=rng))


def doubled(params):
    return {name: p.double() for name, p in params.items()}


def test_the_gradient_goes_through_the_virtual_step():
    learner, task = made(alpha=0.3, beta=0.7), domains()
    theta = doubled(learner.init(0))
    leaves = {n: p.clone().requires_grad_() for n, p in theta.items()}
    loss, _ = learner.task_loss(leaves, task, 0)
    grads = dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True))
    rng = torch.Generator().manual_seed(1)
    way = {n: torch.randn(p.shape, generator=rng).double() for n, p in theta.items()}
    ends = [
        learner.task_loss({n: p + e * way[n] for n, p in theta.items()}, task, 0)[0]
        for e in (1e-6, -1e-6)
    ]
    slope = sum((grads[n] * way[n]).sum() for n in theta)
    assert float(slope) == pytest.approx(float(ends[0] - ends[1]) / 2e-6, rel=1e-5)


def test_a_step_of_nothing_is_training_on_both_parts():
    task = domains(2)
    learner, plain = made(alpha=1e-9, beta=1.0), made(beta=0.0)
    theta = doubled(learner.init(0))
    both, _ = learner.task_loss(theta, task, 0)
    assert float(both) == pytest.approx(2 * float(plain.task_loss(theta, task, 0)[0]))


def test_the_order_of_the_domains_that_are_seen_is_no_matter():
    learner, task = made(alpha=0.3), domains()
    theta = doubled(learner.init(0))
    turned = Examples(task.x[[1, 0, 2]], task.y[[1, 0, 2]])
    other = Examples(task.x[[2, 1, 0]], task.y[[2, 1, 0]])
    loss = learner.task_loss(theta, task, 0)[0]
    assert float(learner.task_loss(theta, turned, 0)[0]) == pytest.approx(float(loss))
    assert float(learner.task_loss(theta, other, 0)[0]) != pytest.approx(float(loss))


def test_nonsense_is_refused():
    with pytest.raises(ConfigError, match="alpha"):
        made(alpha=0.0)
    with pytest.raises(ConfigError, match="two to hold one out"):
        made().task_loss(made().init(0), domains(1), 0)
