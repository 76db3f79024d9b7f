import pytest
import torch

from robot_meta.few_shot import correct, loss_of, outputs_alone, outputs_of, query_loss
from tests.robot_meta.few_shot_world import VECTORS, make, pictures, vectors


def test_the_loss_goes_by_what_y_is():
    assert loss_of(torch.tensor([[1.0], [3.0]]), torch.tensor([[1.0], [1.0]])).item() == 2.0
    even = loss_of(torch.zeros(4, 2), torch.tensor([0, 1, 1, 0]))
    assert even.item() == pytest.approx(0.6931, abs=1e-4)


def test_the_outer_loss_is_the_mean_over_tasks():
    learner, tasks = make("protonet"), pictures(3)
    theta = learner.init(0)
    loss, told = query_loss(learner, theta, tasks)
    found = outputs_of(learner, theta, tasks)
    each = [loss_of(o, y) for o, y in zip(found, tasks.query.y, strict=True)]
    assert loss.item() == pytest.approx(torch.stack(each).mean().item(), rel=1e-5)
    assert told["accuracy"] == pytest.approx(correct(found, tasks.query.y).float().mean().item())


def test_without_batch_statistics_alone_and_together_are_the_same():

    learner, tasks = make("maml", VECTORS), vectors(2)
    theta = learner.init(0)
    together = outputs_of(learner, theta, tasks)
    assert torch.allclose(outputs_alone(learner, theta, tasks), together, atol=1e-5)
