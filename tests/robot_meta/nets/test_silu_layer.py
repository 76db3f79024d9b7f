import pytest
import torch
from torch.nn.functional import linear, silu

from robot_meta.nets.silu_layer import silu_layer
from robot_meta.replay import interpreted


def asked(dtype):
    generator = torch.Generator().manual_seed(0)
    sizes = (64, 32), (48, 32), (48,)
    return [torch.randn(size, generator=generator).to(dtype) for size in sizes]


def error(found, tensors):
    exact = silu(linear(*(each.double() for each in tensors)))
    return (found.double() - exact).abs().max()


def test_it_is_silu_of_a_linear_layer():
    assert error(silu_layer(*asked(torch.float32)), asked(torch.float32)) < 1e-5


def test_in_half_precision_it_is_as_good_as_rounding_twice():
    tensors = asked(torch.bfloat16)
    twice = silu(linear(*tensors))
    assert error(silu_layer(*tensors), tensors) <= error(twice, tensors)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_can_be_written_down(dtype):
    tensors = asked(dtype)
    down = interpreted(lambda *all_: [silu_layer(*all_)], tensors)
    assert torch.equal(down(*tensors)[0], silu_layer(*tensors))
