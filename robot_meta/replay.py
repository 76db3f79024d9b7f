"""Functions of tensors, written down once and called without Python from then on.

Of a small network's time most is Python's: `vmap` of `grad` finds out each time which sums to do.
For functions of tensors alone that do the same at every call: no chance and no branch on values, as
all that stays as it was when it was written down, and shapes too.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from robot_meta.tidied import tidied

Function = Callable[..., Sequence[Tensor]]


def written_down(function: Function, tensors: Sequence[Tensor]) -> Function:
    """The same function of tensors of the same shapes, derivatives within it spelled out."""
    graph = tidied(make_fx(function)(*tensors))
    if any(
        node.target is torch.ops.aten.convolution_backward.default for node in graph.graph.nodes
    ):
        return graph  # torch's interpreter does not take it, and Python's part is small here
    return interpreted(graph, tensors)


def interpreted(function: Function, tensors: Sequence[Tensor]) -> Function:
    """The same function, called by torch's interpreter; it has no `grad` or `vmap` within.

    It may write into tensors that it makes.

    Torch calls this interpreter deprecated in favour of `torch.compile`, which wants a C++ compiler
    on the machine.
    """
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        found: Function = torch.jit.trace(  # type: ignore[no-untyped-call]
            _Module(function), tuple(tensors), check_trace=False
        )
    return found


class _Module(torch.nn.Module):
    """A function as what torch traces."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        self._function = function

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        return tuple(self._function(*tensors))
