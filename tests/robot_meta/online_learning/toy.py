"""Tasks of which each is the same three classes under one of several names for them."""

from itertools import permutations

import torch

from robot_meta.few_shot import Examples
from robot_meta.learners.maml import Maml, MamlConfig
from robot_meta.nets.encoder import EncoderConfig

NAMES = tuple(permutations(range(3)))


def task(names, count, seed):
    """Points around three corners, named as `names` says: no network knows that untold."""
    rng = torch.Generator().manual_seed(seed)
    corner = torch.randint(3, (count,), generator=rng)
    x = torch.eye(3)[corner] + 0.1 * torch.randn(count, 3, generator=rng)
    return Examples(x, torch.tensor(names)[corner])


def tasks(count, size=40):
    return [(str(NAMES[k % 6]), task(NAMES[k % 6], size, k)) for k in range(count)]


def net(alpha=0.5, steps=1, test_steps=1):
    encoder = EncoderConfig(kind="mlp", inputs=(3,), widths=(16,))
    return Maml(
        MamlConfig(encoder=encoder, outputs=3, alpha=alpha, steps=steps, test_steps=test_steps)
    )
