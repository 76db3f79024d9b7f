import math

import pytest
import torch

from robot_meta.config import as_dict
from robot_meta.data.vocabulary import BEGIN, END, PAD
from robot_meta.errors import ConfigError
from robot_meta.few_shot import Episodes, Examples
from robot_meta.learners import sequences
from robot_meta.learners.sequences import token_loss

NET = {
    "source_tokens": 7,
    "target_tokens": 6,
    "source_length": 3,
    "target_length": 3,
    "width": 4,
    "heads": 1,
    "layers": 1,
    "hidden": 6,
}


def drawn(tasks: int, n: int, seed: int) -> Examples:
    rng = torch.Generator().manual_seed(seed)
    y = torch.randint(3, 6, (tasks, n, 3), generator=rng)
    y[..., 2] = END
    begin = torch.full((tasks, n, 1), BEGIN)
    source = torch.randint(3, 7, (tasks, n, 3), generator=rng)
    return Examples(torch.cat([source, begin, y[..., :2]], -1), y)


def meta_gradient(learner, theta, tasks):
    theta = {name: p.requires_grad_() for name, p in theta.items()}
    loss, _ = learner.task_loss(theta, tasks, 0)
    return loss, dict(zip(theta, torch.autograd.grad(loss, list(theta.values())), strict=True))


def test_the_loss_of_a_token_is_in_closed_form():
    logits = torch.tensor([[[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, math.log(3)], [9.0, 0, 0, 0]]])
    y = torch.tensor([[1, 3, PAD]])
    assert token_loss(logits, y).item() == pytest.approx((math.log(4) + math.log(2)) / 2)


def test_the_meta_gradient_is_that_of_finite_differences():
    learner = sequences.make({"net": NET, "alpha": 0.3, "steps": 2, "second_order": True})
    theta = {name: p.double() for name, p in learner.init(0).items()}
    tasks = Episodes(drawn(2, 3, 0), drawn(2, 4, 1))
    _, gradient = meta_gradient(learner, theta, tasks)
    for name, at in (
        ("head.w", (4, 1)),
        ("source.embed", (5, 2)),
        ("decoder.0.cross.query.w", (0, 1)),
    ):
        losses = []
        for move in (1e-5, -1e-5):
            moved = {n: p.detach().clone() for n, p in theta.items()}
            moved[name][at] += move
            losses.append(learner.task_loss(moved, tasks, 0)[0].item())
        assert gradient[name][at].item() == pytest.approx((losses[0] - losses[1]) / 2e-5, rel=1e-4)


def test_first_order_is_the_gradient_at_phi():
    learner = sequences.make({"net": NET, "alpha": 0.3, "steps": 1})
    theta = learner.init(0)
    tasks = Episodes(drawn(1, 3, 0), drawn(1, 4, 1))
    _, found = meta_gradient(learner, theta, tasks)
    support, query = (Examples(part.x[0], part.y[0]) for part in tasks)
    phi = {n: p.detach().requires_grad_() for n, p in learner.adapt(theta, support).items()}
    at_phi = torch.autograd.grad(learner.loss(phi, query), list(phi.values()))
    for name, gradient in zip(phi, at_phi, strict=True):
        assert torch.allclose(found[name], gradient, atol=1e-6)


def test_no_step_is_plain_training():
    learner = sequences.make({"net": NET, "steps": 0})
    theta = learner.init(0)
    tasks = Episodes(drawn(2, 3, 0), drawn(2, 4, 1))
    loss, _ = learner.task_loss(theta, tasks, 0)
    query = Examples(tasks.query.x.flatten(0, 1), tasks.query.y.flatten(0, 1))
    assert loss.item() == pytest.approx(learner.loss(theta, query).item(), rel=1e-5)


def test_adapting_lowers_the_support_loss():
    learner = sequences.make({"net": NET, "alpha": 0.3, "steps": 5})
    theta, support = learner.init(0), Examples(*(t[0] for t in drawn(1, 4, 0)))
    assert learner.loss(learner.adapt(theta, support), support) < 0.8 * learner.loss(theta, support)


def test_the_config_survives_json():
    learner = sequences.make({"net": NET, "steps": 2})
    assert sequences.make(as_dict(learner.config)).config == learner.config


@pytest.mark.parametrize("wrong", [{"alpha": 0.0}, {"steps": -1}, {"alpha": math.nan}])
def test_nonsense_is_refused(wrong):
    with pytest.raises(ConfigError, match="alpha > 0"):
        sequences.make({"net": NET, **wrong})
