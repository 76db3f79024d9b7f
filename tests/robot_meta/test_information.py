import torch

from robot_meta.information import nats


def test_nats_are_the_divergence_of_normal_distributions():
    mu, s = torch.tensor([0.5, -1.0]), torch.tensor([-0.3, 0.2])
    wanted = torch.distributions.kl_divergence(
        torch.distributions.Normal(mu, s.exp()), torch.distributions.Normal(0.0, 1.0)
    )
    assert torch.allclose(nats(mu, s), wanted.sum())
    assert nats(torch.zeros(3), torch.zeros(3)) == 0
