"""Tiny tasks and learners for tests of few-shot learning."""

import torch

from robot_meta import learners
from robot_meta.few_shot import Episodes, Examples

CLASSES = {
    "encoder": {"kind": "conv", "inputs": [1, 8, 8], "widths": [6, 6]},
    "outputs": 3,
}
VECTORS = {"encoder": {"kind": "mlp", "inputs": [64], "widths": [16]}, "outputs": 3}
NUMBERS = {"encoder": {"kind": "mlp", "inputs": [1], "widths": [8, 8]}, "outputs": 1}
OWN = {"snail": {"seen": 6, "filters": 4, "heads": [[4, 4], [4, 4], [4, 4]]}}


def pictures(tasks=4, way=3, shot=2, query=3, seed=0):
    """Each class of a task is a random picture, its examples that picture with noise."""
    rng = torch.Generator().manual_seed(seed)
    kinds = torch.rand(tasks, way, 1, 1, 8, 8, generator=rng)
    x = kinds + 0.1 * torch.randn(tasks, way, shot + query, 1, 8, 8, generator=rng)
    y = torch.arange(way).view(1, -1, 1).expand(tasks, -1, shot + query)
    return Episodes(
        Examples(x[:, :, :shot].flatten(1, 2), y[:, :, :shot].flatten(1)),
        Examples(x[:, :, shot:].flatten(1, 2), y[:, :, shot:].flatten(1)),
    )


def vectors(*args, **kwargs):
    """The same, each picture as 64 numbers."""
    support, query = pictures(*args, **kwargs)
    return Episodes(
        Examples(support.x.flatten(2), support.y), Examples(query.x.flatten(2), query.y)
    )


def make(name, base=CLASSES, **settings):
    return learners.make_few_shot(name, {**base, **OWN.get(name, {}), **settings})


def double(tree):
    """Parameters or tasks in float64."""
    if isinstance(tree, dict):
        return {n: p.double() for n, p in tree.items()}

    def one(e):
        return Examples(e.x.double(), e.y.double() if e.y.is_floating_point() else e.y)

    return Episodes(one(tree.support), one(tree.query))


def first(examples, i=0):
    """Task i alone."""
    return Examples(examples.x[i], examples.y[i])
