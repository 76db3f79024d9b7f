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
    rewards = []
    for action in candidates.unbind(2):
        delta = predict(state, action)
        state = state + delta
        rewards.append(reward(state, delta, action))
    return within_reason(torch.stack(rewards, -1))


def within_reason(rewards: Tensor) -> Tensor:
    """The rewards, numbers all of them."""
    return torch.nan_to_num(rewards, nan=WORST).clamp(WORST, -WORST)


class Folding:
    """Makes `imagine` for plain networks, the normaliser folded into their first and last layers.

    States are carried along from where the robot faces; changes are turned to the world at the end.
    What is done for robots, candidates and steps of one number is written down at its first use.

    Args:
        net: what the parameters are of.
        dtype: what layers multiply in; states and sums are in full precision.
    """

    def __init__(self, net: Dynamics, dtype: torch.dtype = torch.float32) -> None:
        self._net, self._body, self._dtype = net, net.body, dtype
        s, n = net.body.state, len(net.body.turning)
        self._mean, self._std = net.input_mean[s:], net.input_std[s:]
        self._scale, self._shift = 1.0 / net.input_std[:s], -net.input_mean[:s] / net.input_std[:s]
        self._turning = list(net.body.turning)
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
        """Weights and biases of each layer, then the last layer's bias in full precision."""
        net, out = self._net, []
        drift = net.delta_mean
        for i in range(net.layers):
            weight, bias = params[f"w{i}"], params[f"b{i}"]
            if i == 0:
                every = weight.new_zeros((*weight.shape[:2], self._width))
                every[..., self._columns] = weight
                weight = every
            if i == net.layers - 1:
                weight = weight * net.delta_std[:, None]
                drift = bias * net.delta_std + net.delta_mean
                bias = torch.zeros_like(bias)
            out += [weight.to(self._dtype), bias.to(self._dtype)]
        return [*out, drift]

    def _changes(self, start: Tensor, candidates: Tensor, *layers: Tensor) -> tuple[Tensor]:
        """Changes (B, C, H, S) of candidates (B, C, H, A) from states (B, S)."""
        (b, c, h, _), s, drift = candidates.shape, self._body.state, layers[-1][:, None]
        motors = (candidates - self._mean) / self._std
        motors = motors.clamp_(-BOUND, BOUND).to(self._dtype)
        inputs, n = torch.empty((b, c, self._width), dtype=self._dtype), len(self._turning)
        state, half = self._faced(start[:, None].expand(-1, c, -1))
        changes, halves = torch.empty((h, b, c, s)), []
        for t, change in enumerate(changes):
            inputs[..., :s] = torch.addcmul(self._shift, state, self._scale).clamp_(-BOUND, BOUND)
            if n:
                angle = state[..., self._turning]
                inputs[..., s : s + n], inputs[..., s + n : s + 2 * n] = angle.sin(), angle.cos()
            inputs[..., s + 2 * n :] = motors[:, :, t]
            torch.add(_network(inputs, layers[:-1]), drift, out=change)
            state = state + change
            if self._body.trunk:
                halves.append(half)
                state, more = self._faced(state)
                half = both(half, more)
        if halves:
            changes = turned(self._body, changes, torch.stack(halves))
        return (changes.permute(1, 2, 0, 3),)

    def _faced(self, state: Tensor) -> tuple[Tensor, Tensor]:
        """States (B, C, S) from where each robot faces, and half its yaw (B, C, 2)."""
        half = facing(self._body, state)
        return turned(self._body, state, back(half)), half


def _network(x: Tensor, layers: Sequence[Tensor]) -> Tensor:
    """Weights and biases in turn."""
    last = len(layers) - 2
    for i in range(0, len(layers), 2):
        x = _affine(x, layers[i], layers[i + 1])
        if i < last:
            silu(x, inplace=True)
    return x


def _affine(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """(B, C, U) by weights (B, V, U) and biases (B, V) to (B, C, V)."""
    if len(weight) == 1:  # one robot: a plain product of matrices is faster than a batch of one
        return linear(x[0], weight[0], bias[0])[None]
    return torch.baddbmm(bias[:, None], x, weight.transpose(1, 2))
