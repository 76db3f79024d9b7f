import numpy as np
import pytest
import torch

from robot_meta.errors import ConfigError
from robot_meta.loops import TrainConfig, meta_train
from robot_meta.nets import acai
from robot_meta.nets.acai import Pictures

SMALL = {"inputs": [1, 9, 6], "widths": [4, 6], "latent": 3}


@pytest.fixture
def net():
    return acai.make(SMALL)


def batch(n=4, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return Pictures(torch.rand(n, 1, 9, 6, generator=rng), torch.rand(n, generator=rng) / 2)


def test_a_code_has_the_size_told_and_pictures_come_back_in_theirs(net):
    params, (x, _) = net.init(0), batch()
    z = net.encode(params, x)
    assert z.shape == (4, net.size)
    assert net.decode(params, z).shape == x.shape
    assert net.critic(params, x).shape == (4,)


def test_the_published_code_of_omniglot_has_256_numbers():
    assert acai.make({}).size == 256


def test_mixing_nothing_in_is_reconstruction_and_half_is_even(net):
    params, (x, _) = net.init(0), batch(2)
    z = net.encode(params, x)
    assert torch.allclose(net.mixed(params, z, torch.zeros(2)), net.decode(params, z), atol=1e-6)
    even = net.mixed(params, z, torch.full((2,), 0.5))
    assert torch.allclose(even[0], even[1], atol=1e-6)  # each is mixed with the other


def test_neither_loss_trains_the_other_part(net):
    task = batch()
    params = {name: p.requires_grad_() for name, p in net.init(0).items()}

    def gradients(weight):
        other = acai.make({**SMALL, "weight": weight})
        loss, _ = other.task_loss(params, task, 0)
        return dict(zip(params, torch.autograd.grad(loss, list(params.values())), strict=True))

    one, two = gradients(0.0), gradients(5.0)
    for name in params:
        same = torch.allclose(one[name], two[name])
        assert same == name.startswith("d"), name  # fooling the critic moves the autoencoder alone
    x, alpha = task
    again = net.decode(params, net.encode(params, x)).detach()
    mixed = net.mixed(params, net.encode(params, x), alpha).detach()
    gamma = net.config.gamma
    loss = net.critic_loss(params, mixed, alpha, gamma * x + (1 - gamma) * again)
    names = [name for name in params if name.startswith("d")]
    critic = torch.autograd.grad(loss, [params[name] for name in names])
    for name, g in zip(names, critic, strict=True):
        assert torch.allclose(g, one[name], atol=1e-6), name


def test_training_reconstructs_better(net):
    def sample(rng):
        x = np.outer(rng.uniform(0, 1, 16), np.linspace(0, 1, 54)).reshape(16, 1, 9, 6)
        return Pictures(
            torch.from_numpy(x).float(), torch.from_numpy(rng.uniform(0, 0.5, 16)).float()
        )

    config = TrainConfig(steps=60, tasks=1, rate=1e-2, warmup=5)
    steps = list(meta_train(net, net.init(0), sample, config))
    errors = [step.metrics["reconstruction"] for step in steps]
    assert errors[-1] < 0.3 * errors[0]


def test_nonsense_is_refused():
    with pytest.raises(ConfigError, match="gamma"):
        acai.make({"gamma": 2})
    with pytest.raises(ConfigError, match="sizes"):
        acai.make({"widths": []})
