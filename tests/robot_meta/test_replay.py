"""Functions that are written down do the same with other values."""

import pytest
import torch
from torch.func import grad, vmap

from robot_meta.replay import interpreted, written_down


def squares(w, x):
    """Gradients of a loss of each row."""
    return [vmap(grad(lambda row: (torch.tanh(w @ row) ** 2).sum()))(x), w.sum(0)]


def tensors(seed):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(3, 4, generator=rng), torch.randn(5, 4, generator=rng)


def plain(w, x):
    return [torch.tanh(x @ w.T), x[:, 1:3].clamp(-0.5, 0.5)]


@pytest.mark.parametrize(("how", "function"), [(written_down, squares), (interpreted, plain)])
def test_other_values_of_the_same_shapes_give_what_the_function_gives(how, function):
    found = how(function, tensors(0))
    for one, other in zip(found(*tensors(1)), function(*tensors(1)), strict=True):
        torch.testing.assert_close(one, other)


def test_a_function_that_writes_into_its_own_tensor_leaves_those_it_was_given():
    def filled(x):
        out = torch.empty(2, 3)
        out[0], out[1] = x, 2 * x
        return [out]

    found = interpreted(filled, [torch.zeros(3)])
    x = torch.arange(3.0)
    (first,) = found(x)
    (second,) = found(x + 1)
    assert first.tolist() == [[0, 1, 2], [0, 2, 4]]
    assert second.tolist() == [[1, 2, 3], [2, 4, 6]]
    assert x.tolist() == [0, 1, 2]


def test_convolutions_are_written_down_too():
    def gradient(w, x):
        return [grad(lambda k: torch.conv2d(x, k, stride=2, padding=1).square().sum())(w)]

    def drawn(seed):
        rng = torch.Generator().manual_seed(seed)
        return torch.randn(2, 1, 3, 3, generator=rng), torch.randn(4, 1, 6, 6, generator=rng)

    found = written_down(gradient, drawn(0))
    torch.testing.assert_close(found(*drawn(1))[0], gradient(*drawn(1))[0])
