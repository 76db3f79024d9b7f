"""Layers that read a sequence of examples: an LSTM cell, and SNAIL's two blocks. (..., T, D) in."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import conv1d, linear, pad

from robot_meta.types import Params


def init_linear(name: str, before: int, after: int, rng: torch.Generator) -> Params:
    """Fresh `name.w` (after, before) and `name.b`, of variance 1 / before."""
    w = torch.randn(after, before, generator=rng) / math.sqrt(before)
    return {f"{name}.w": w, f"{name}.b": torch.zeros(after)}


def apply_linear(params: Params, name: str, x: Tensor) -> Tensor:
    """The layer `name` of x (..., before)."""
    return linear(x, params[f"{name}.w"], params[f"{name}.b"])


def lstm_step(
    params: Params, name: str, x: Tensor, state: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """(h, c) after one step of Hochreiter and Schmidhuber's cell (1997); x (..., D), h (..., H)."""
    h, c = state
    i, f, o, u = apply_linear(params, name, torch.cat([x, h], -1)).chunk(4, -1)
    c = torch.sigmoid(f + 1) * c + torch.sigmoid(i) * torch.tanh(u)  # + 1: remember, at first
    return torch.sigmoid(o) * torch.tanh(c), c


def init_attention(name: str, before: int, key: int, value: int, rng: torch.Generator) -> Params:
    """Fresh parameters of `attention`; keys begin as queries, so that like reads like at first."""
    asked = init_linear(f"{name}.query", before, key, rng)
    told = {of.replace(".query.", ".key."): each.clone() for of, each in asked.items()}
    return asked | told | init_linear(f"{name}.value", before, value, rng)


def attention(params: Params, name: str, x: Tensor) -> Tensor:
    """SNAIL's AttentionBlock: x beside what each time reads of those up to it (Mishra et al. 2018).

    read = softmax(q k' / sqrt(d)) v, over the present and the past.
    """
    q, k, v = (apply_linear(params, f"{name}.{part}", x) for part in ("query", "key", "value"))
    logits = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    times = torch.arange(x.shape[-2])
    logits = logits.masked_fill(times[None] > times[:, None], -math.inf)
    return torch.cat([x, logits.softmax(-1) @ v], -1)


def dilations(length: int) -> list[int]:
    """1, 2, 4, ... until the whole sequence is seen."""
    return [2**i for i in range(max(1, math.ceil(math.log2(length))))]


def init_tc(name: str, before: int, length: int, filters: int, rng: torch.Generator) -> Params:
    """Fresh parameters of `tc`, for sequences of so many steps."""
    out: Params = {}
    for i in range(len(dilations(length))):
        scale = 1 / math.sqrt(2 * before)
        out[f"{name}.{i}.w"] = scale * torch.randn(2 * filters, before, 2, generator=rng)
        out[f"{name}.{i}.b"] = torch.zeros(2 * filters)
        before += filters
    return out


def tc(params: Params, name: str, x: Tensor, length: int) -> Tensor:
    """SNAIL's TCBlock: dense blocks of causal convolutions tanh(.) sigmoid(.), dilated 1, 2, 4."""
    for i, dilation in enumerate(dilations(length)):
        past = pad(x.transpose(-1, -2), (dilation, 0))
        both = conv1d(past, params[f"{name}.{i}.w"], params[f"{name}.{i}.b"], dilation=dilation)
        f, g = both.transpose(-1, -2).chunk(2, -1)
        x = torch.cat([x, torch.tanh(f) * torch.sigmoid(g)], -1)
    return x
