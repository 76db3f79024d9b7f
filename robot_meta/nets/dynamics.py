"""A model of motion: what the state changes by in one control step.

S size of a state, A motors, D inputs: the entries of the state that a model may see, and the
action. Of angles without bounds, such as a pitch after a somersault, models see sines and cosines.
Inputs and changes are normalised by figures of the whole training set, which stay as they are
while parameters adapt.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.functional import linear, pad, silu

from robot_meta.body import Body
from robot_meta.errors import ConfigError
from robot_meta.types import Params

MIN_SPREAD = 1e-3
"""A quantity that hardly varies is not blown up to noise."""
BOUND = 10.0
"""Normalised inputs beyond this many standard deviations are cut off: no model knows them."""
GAIN = "gain"
"""Name of the motors' gains (A,) among the parameters: what share of its action each gives."""
OFFSET = "offset"
"""Name of what is added to the entries of the state that are seen, in their normal deviations. An
older checkpoint may have none."""


@dataclass(frozen=True, kw_only=True)
class Normal:
    """Means and spreads of a training set; empty tuples stand for 0 and 1."""

    input_mean: tuple[float, ...] = ()
    """(S + A,) of states and actions."""
    input_std: tuple[float, ...] = ()
    delta_mean: tuple[float, ...] = ()
    """(S,) of changes."""
    delta_std: tuple[float, ...] = ()

    @staticmethod
    def of(states: Tensor, actions: Tensor, nexts: Tensor) -> Normal:
        """Figures of transitions (N, S), (N, A), (N, S), all of them at once."""
        inputs, delta = torch.cat([states, actions], -1), nexts - states

        def spread(x: Tensor) -> tuple[float, ...]:
            return tuple(x.std(0).clamp(min=MIN_SPREAD).tolist())

        return Normal(
            input_mean=tuple(inputs.mean(0).tolist()),
            input_std=spread(inputs),
            delta_mean=tuple(delta.mean(0).tolist()),
            delta_std=spread(delta),
        )


@dataclass(frozen=True, kw_only=True)
class DynamicsConfig:
    """Of the network."""

    hidden: tuple[int, ...] = (256, 256, 256)
    """Units of each hidden layer."""
    context: int = 0
    """Further inputs that a context of motion gives."""

    def __post_init__(self) -> None:
        """Refuse networks without units."""
        if not self.hidden or min(self.hidden) < 1 or self.context < 0:
            raise ConfigError(f"dynamics: need hidden layers of >= 1 unit, got {self}")


class Dynamics:
    """The network of one robot: functions of parameters."""

    def __init__(self, config: DynamicsConfig, body: Body, normal: Normal) -> None:
        self.config, self.body = config, body
        s, a = body.state, body.action
        self._seen = torch.tensor(body.seen)
        self._turning = torch.tensor(body.turning, dtype=torch.long)
        self.input_mean = torch.tensor(normal.input_mean or (0.0,) * (s + a))
        self.input_std = torch.tensor(normal.input_std or (1.0,) * (s + a))
        self.delta_mean = torch.tensor(normal.delta_mean or (0.0,) * s)
        self.delta_std = torch.tensor(normal.delta_std or (1.0,) * s)
        if self.input_mean.shape != (s + a,) or self.delta_mean.shape != (s,):
            raise ConfigError(
                f"normal: figures of {tuple(self.input_mean.shape)} inputs and "
                f"{tuple(self.delta_mean.shape)} changes for a state of {s} and {a} motors"
            )
        self.width = len(body.seen) + 2 * len(body.turning) + a
        """D."""
        sizes = [self.width + config.context, *config.hidden, s]
        self.shapes = list(pairwise(sizes))
        """(before, after) of each layer."""

    @property
    def layers(self) -> int:
        """How many there are."""
        return len(self.shapes)

    @property
    def last(self) -> tuple[str, str]:
        """Names of the last layer's weight and bias."""
        return f"w{self.layers - 1}", f"b{self.layers - 1}"

    def init(self, generator: torch.Generator) -> Params:
        """Fresh parameters."""
        params: Params = {}
        for i, (before, after) in enumerate(self.shapes):
            bound = math.sqrt(1.0 / before) if i < self.layers - 1 else 0.1 / math.sqrt(before)
            weight = torch.rand((after, before), generator=generator)
            params[f"w{i}"] = (2.0 * weight - 1.0) * bound * math.sqrt(3.0)
            params[f"b{i}"] = torch.zeros(after)
        params[GAIN] = torch.ones(self.body.action)
        params[OFFSET] = torch.zeros(len(self.body.seen))
        return params

    def folded(self, params: Mapping[str, Tensor]) -> Params:
        """The layers alone, gains and offsets in the first: the same function of the inputs."""
        layers = {n: params[n] for i in range(self.layers) for n in (f"w{i}", f"b{i}")}
        if OFFSET in params:
            seen = layers["w0"][:, : len(self.body.seen)]
            layers["b0"] = layers["b0"] + seen @ params[OFFSET]
        return {**layers, "w0": layers["w0"] * self._scale(params)}

    def taken_over(self, params: Params, other: Dynamics) -> Params:
        """Parameters with which this network says what `other`, of other figures, says with its.

        They are the same function, but where one of the two cuts its inputs off.
        """
        ratio = self.input_std / other.input_std
        shift = (self.input_mean - other.input_mean) / other.input_std
        weight, bias = self.last
        out = dict(params)
        out["b0"] = out["b0"] + out["w0"] @ (self._scale(params) * self._columns(shift, 0.0))
        out["w0"] = out["w0"] * self._columns(ratio, 1.0)
        if OFFSET in out:
            out[OFFSET] = out[OFFSET] / ratio[self._seen]
        spread = other.delta_std / self.delta_std
        out[weight] = out[weight] * spread[:, None]
        out[bias] = out[bias] * spread + (other.delta_mean - self.delta_mean) / self.delta_std
        return out

    def _columns(self, figures: Tensor, otherwise: float) -> Tensor:
        """Figures (S + A,) of states and actions for each input (D,), what has none `otherwise`."""
        motors = figures[self.body.state :]
        angles, context = (
            figures.new_full((count,), otherwise)
            for count in (2 * len(self.body.turning), self.config.context)
        )
        return torch.cat([figures[self._seen], angles, motors, context])

    def _scale(self, params: Mapping[str, Tensor]) -> Tensor:
        """What each input (D,) is multiplied by."""
        gain = params[GAIN]
        before, after = self.width - self.body.action, self.config.context
        return torch.cat([gain.new_ones(before), gain, gain.new_ones(after)])

    def inputs(self, state: Tensor, action: Tensor) -> Tensor:
        """Normalised inputs (..., D) of states (..., S) and actions (..., A)."""
        x = (torch.cat([state, action], -1) - self.input_mean) / self.input_std
        x = x.clamp(-BOUND, BOUND)
        angle, s = state[..., self._turning], self.body.state
        return torch.cat([x[..., self._seen], torch.sin(angle), torch.cos(angle), x[..., s:]], -1)

    def features(self, params: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
        """What the last layer is applied to (..., units), in the parameters' precision."""
        x = inputs.to(params["w0"].dtype) * self._scale(params)
        if OFFSET in params:
            x = x + pad(params[OFFSET], (0, x.shape[-1] - len(self.body.seen)))
        for i in range(self.layers - 1):
            x = silu(linear(x, params[f"w{i}"], params[f"b{i}"]))
        return x

    def normalised(self, params: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
        """Normalised change (..., S) for normalised inputs (..., D)."""
        weight, bias = self.last
        return linear(self.features(params, inputs), params[weight], params[bias])

    def delta(self, params: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
        """Change of the state (..., S), in full precision whatever the parameters' is."""
        return self.delta_mean + self.delta_std * self.normalised(params, inputs).to(
            self.delta_std.dtype
        )

    def target(self, state: Tensor, after: Tensor) -> Tensor:
        """The normalised change (..., S) that happened."""
        return (after - state - self.delta_mean) / self.delta_std
