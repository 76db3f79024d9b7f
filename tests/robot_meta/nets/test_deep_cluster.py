import pytest
import torch

from robot_meta.errors import ConfigError
from robot_meta.nets import acai, deep_cluster
from robot_meta.nets.deep_cluster import Assigned

SMALL = {"inputs": [1, 9, 6], "widths": [4, 6], "latent": 3}


def test_its_codes_are_those_of_acais_encoder():
    net, other = deep_cluster.make({**SMALL, "clusters": 4}), acai.make(SMALL)
    params, x = other.init(0), torch.rand(5, 1, 9, 6)
    assert net.size == other.size
    assert torch.equal(net.encode(params, x), other.encode(params, x))


def test_no_knowledge_costs_the_logarithm_of_the_clusters():
    net = deep_cluster.make({**SMALL, "clusters": 4})
    params = {n: torch.zeros_like(p) for n, p in net.init(0).items()}
    task = Assigned(torch.rand(8, 1, 9, 6), torch.arange(8) % 4)
    loss, told = net.task_loss(params, task, 0)
    assert loss.item() == pytest.approx(torch.log(torch.tensor(4.0)).item())
    assert told["accuracy"] == pytest.approx(0.25)


def test_encoder_and_head_both_learn():
    net = deep_cluster.make({**SMALL, "clusters": 3})
    params = {n: p.requires_grad_() for n, p in net.init(0).items()}
    loss, _ = net.task_loss(params, Assigned(torch.rand(6, 1, 9, 6), torch.arange(6) % 3), 0)
    grads = torch.autograd.grad(loss, list(params.values()))
    assert all(g.abs().max() > 0 for g in grads)


def test_one_cluster_is_refused():
    with pytest.raises(ConfigError, match="clusters >= 2, got 1"):
        deep_cluster.make({"clusters": 1})
