"""What reads the last steps of motion into a context: recurrent cells as functions of parameters.

M steps, D inputs of the dynamics model, S size of a state, H units, Z size of the context.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import linear

from robot_meta.types import Params


def init_cell(kind: str, inputs: int, units: int, generator: torch.Generator) -> Params:
    """Parameters of a GRU (3 gates) or LSTM (4 gates) cell under the prefix `cell.`."""
    gates = {"gru": 3, "lstm": 4}[kind]
    bound = 1.0 / math.sqrt(units)

    def uniform(*shape: int) -> Tensor:
        return (2.0 * torch.rand(shape, generator=generator) - 1.0) * bound

    return {
        "cell.wi": uniform(gates * units, inputs),
        "cell.wh": uniform(gates * units, units),
        "cell.bi": uniform(gates * units),
        "cell.bh": uniform(gates * units),
    }


def gru(params: Mapping[str, Tensor], x: Tensor, h: Tensor) -> Tensor:
    """One step of a gated recurrent unit (Cho et al. 2014): (..., D), (..., H) to (..., H)."""
    ri, zi, ni = linear(x, params["cell.wi"], params["cell.bi"]).chunk(3, -1)
    rh, zh, nh = linear(h, params["cell.wh"], params["cell.bh"]).chunk(3, -1)
    r, z = torch.sigmoid(ri + rh), torch.sigmoid(zi + zh)
    n = torch.tanh(ni + r * nh)
    return (1.0 - z) * n + z * h


def lstm(params: Mapping[str, Tensor], x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """One step of an LSTM (Hochreiter and Schmidhuber 1997): new h and c (..., H)."""
    gates = linear(x, params["cell.wi"], params["cell.bi"]) + linear(
        h, params["cell.wh"], params["cell.bh"]
    )
    i, f, g, o = gates.chunk(4, -1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c
