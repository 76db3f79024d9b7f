"""Many steps ahead in a model of motion: rewards of candidate actions that nobody carries out.

B robots with parameters of their own (E members each), C candidates, H steps ahead, S size of a
state, A motors. `imagine` asks any model; `Folding` makes the same for plain networks, and fast: a
control tick consists of little else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.functional import linear, silu

from robot_meta.body import Reward
from robot_meta.frame import back, both, facing, turned
from robot_meta.nets.dynamics import BOUND, Dynamics
from robot_meta.nets.silu_layer import silu_layer
from robot_meta.replay import Function, interpreted
from robot_meta.types import Params

WORST = -1e6
"""What a reward that is no number counts as: a model that is led astray can return anything."""
Predict = Callable[[Tensor, Tensor], Tensor]
"""Changes (B, C, S) of states (B, C, S) under actions (B, C, A)."""


class Imagine(Protocol):
    """Returns rewards (B, C, H) of candidates (B, C, H, A) from states (B, S)."""

    def __call__(self, start: Tensor, candidates: Tensor, /) -> Tensor:
        """See the class."""


def imagine(reward: Reward, predict: Predict, start: Tensor, candidates: Tensor) -> Tensor:
    """Rewards (B, C, H), each robot by its own model."""
    state = start[:, None].expand(-1, candidates.shape[1], -1)
    after, changes = [], []
    for action in candidates.unbind(2):
        delta = predict(state, action)
        state = state + delta
        after.append(state)
        changes.append(delta)
    return within_reason(reward(torch.stack(after, 2), torch.stack(changes, 2), candidates))


def within_reason(rewards: Tensor) -> Tensor:
    """The rewards, numbers all of them."""
    return torch.nan_to_num(rewards, nan=WORST).clamp(WORST, -WORST)


class Folding:
    """Makes `imagine` for plain networks, the normaliser folded into their first and last layers.

    States are carried along from where the robot faces; changes are turned to the world at the end.
    What is done for robots, candidates and steps of one number is written down at its first use.

    Args:
        net: what the parameters are of.
        dtype: what hidden layers multiply in. States, sums and the last layer, which gives the
            changes, are in full precision: what it rounds off adds up over a plan.
    """

    def __init__(self, net: Dynamics, dtype: torch.dtype = torch.float32) -> None:
        self._net, self._body, self._dtype = net, net.body, dtype
        s, n = net.body.state, len(net.body.turning)
        self._mean, self._std = net.input_mean[s:], net.input_std[s:]
        self._scale, self._shift = 1.0 / net.input_std[:s], -net.input_mean[:s] / net.input_std[:s]
        self._turning = _run(net.body.turning)
        # The input is the whole state, then sines, cosines and motors: what no model sees of the
        # state weighs nothing.
        self._width = s + 2 * n + net.body.action
        self._columns = [*net.body.seen, *range(s, self._width)]
        self._known: dict[Any, Function] = {}

    def __call__(self, params: Params, reward: Reward | None = None) -> Imagine:
        """`imagine` for these parameters.

        Args:
            params: of the layers alone, (B, ...) each, or (B, E, ...) of an ensemble's members:
                each imagines by itself, and what a candidate earns is the mean over them.
            reward: what a step is worth; None: the body's own.
        """
        judge, b = reward or self._body.reward, len(params["w0"])
        members = params["w0"].shape[1] if params["w0"].dim() == 4 else 1
        if members > 1:
            params = {name: each.flatten(0, 1) for name, each in params.items()}
        layers = self._folded(params)

        def imagined(start: Tensor, candidates: Tensor) -> Tensor:
            own = [each.repeat_interleave(members, 0) for each in (start, candidates)]
            tensors = [*own, *layers]
            key = tuple(each.shape for each in tensors)
            if key not in self._known:
                self._known[key] = interpreted(self._changes, tensors)
            (delta,) = self._known[key](*tensors)
            delta = delta.view(b, members, *delta.shape[1:])
            after = start[:, None, None, None] + delta.cumsum(3)
            return within_reason(judge(after, delta, candidates[:, None])).mean(1)

        return imagined

    def _folded(self, params: Params) -> list[Tensor]:
        """Weights and biases of each layer; of the last in full precision."""
        net, out = self._net, []
        for i in range(net.layers):
            weight, bias, dtype = params[f"w{i}"], params[f"b{i}"], self._dtype
            if i == 0:
                every = weight.new_zeros((*weight.shape[:2], self._width))
                every[..., self._columns] = weight
                weight = every
            if i == net.layers - 1:
                weight = weight * net.delta_std[:, None]
                bias, dtype = bias * net.delta_std + net.delta_mean, torch.float32
            out += [weight.to(dtype), bias.to(dtype)]
        return out

    def _changes(self, start: Tensor, candidates: Tensor, *layers: Tensor) -> tuple[Tensor]:
        """Changes (B, C, H, S) of candidates (B, C, H, A) from states (B, S)."""
        if len(start) > 1:
            return (self._rolled_out(start, candidates, layers),)
        # One robot: plain products of matrices are faster than batches of one.
        alone = self._rolled_out(start[0], candidates[0], [each[0] for each in layers])
        return (alone[None],)

    def _rolled_out(self, start: Tensor, candidates: Tensor, layers: Sequence[Tensor]) -> Tensor:
        """Changes (..., C, H, S) of candidates (..., C, H, A) from states (..., S)."""
        (*some, h, _), s, n = candidates.shape, self._body.state, len(self._body.turning)
        inputs = torch.empty((h, *some, self._width), dtype=self._dtype)
        motors = (candidates - self._mean) / self._std
        inputs[..., s + 2 * n :] = motors.clamp_(-BOUND, BOUND).movedim(-2, 0)
        state, half = self._faced(start.unsqueeze(-2).expand(*some, s))
        changes, halves = torch.empty((h, *some, s)), []
        for seen, change in zip(inputs, changes, strict=True):
            seen[..., :s] = torch.addcmul(self._shift, state, self._scale).clamp_(-BOUND, BOUND)
            if n:
                angle = state[..., self._turning]
                seen[..., s : s + n], seen[..., s + n : s + 2 * n] = angle.sin(), angle.cos()
            _network(seen, layers, change)
            state = state + change
            if self._body.trunk:
                halves.append(half)
                state, more = self._faced(state)
                half = both(half, more)
        if halves:
            changes = turned(self._body, changes, torch.stack(halves))
        return changes.movedim(0, -2)

    def _faced(self, state: Tensor) -> tuple[Tensor, Tensor]:
        """States (..., S) from where each robot faces, and half its yaw (..., 2)."""
        half = facing(self._body, state)
        return turned(self._body, state, back(half)), half


def _run(indices: Sequence[int]) -> slice | list[int]:
    """The same as a slice if they follow each other: that is a view, not a copy."""
    first, last = (indices[0], indices[-1] + 1) if indices else (0, 0)
    return slice(first, last) if list(indices) == list(range(first, last)) else list(indices)


def _network(x: Tensor, layers: Sequence[Tensor], out: Tensor) -> None:
    """Into `out` what weights and biases in turn make of x, the last in its own precision."""
    *hidden, weight, bias = layers
    for i in range(0, len(hidden), 2):
        x = _hidden(x, hidden[i], hidden[i + 1])
    torch.add(_product(x.to(weight.dtype), weight), _beside(bias), out=out)


def _hidden(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """silu(W x + b)."""
    if weight.dim() > 2:
        return silu(torch.baddbmm(_beside(bias), x, weight.transpose(1, 2)), inplace=True)
    return silu_layer(x, weight, bias)


def _product(x: Tensor, weight: Tensor) -> Tensor:
    """(C, U) by (V, U) to (C, V), or the same of B robots each."""
    return linear(x, weight) if weight.dim() == 2 else x @ weight.transpose(1, 2)


def _beside(bias: Tensor) -> Tensor:
    """(V,) for each of C candidates, or the same of B robots each."""
    return bias.unsqueeze(-2)
