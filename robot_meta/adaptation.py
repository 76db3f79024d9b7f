"""Adaptation of B robots at once, written down at its first use: a tick has no time to lose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.func import vmap

from robot_meta.motion import MotionLearner, Steps
from robot_meta.replay import Function, written_down
from robot_meta.types import Params


class Adaptation:
    """What the last M steps of each robot make of theta.

    Learners that say `replayable = True` do the same sums at every call: those are written down.

    Args:
        learner: adapts one robot.
        theta: what it adapts from.
    """

    def __init__(self, learner: MotionLearner, theta: Params) -> None:
        self._learner, self._theta = learner, theta
        self._names = list(theta)
        self._known: dict[Any, Function] = {}

    def __call__(self, past: Steps) -> Params:
        """Parameters phi (B, ...) of steps (B, M, ...)."""
        if not getattr(self._learner, "replayable", False):
            return self._adapted(self._theta, past)
        tensors = [*self._theta.values(), *past]
        key = tuple((each.shape, each.dtype) for each in past)
        if key not in self._known:
            self._known[key] = written_down(self._flat, tensors)
        return dict(zip(self._names, self._known[key](*tensors), strict=True))

    def _flat(self, *tensors: Tensor) -> Sequence[Tensor]:
        count = len(self._names)
        theta = dict(zip(self._names, tensors[:count], strict=True))
        phi = self._adapted(theta, Steps(*tensors[count:]))
        return [phi[name] for name in self._names]

    def _adapted(self, theta: Params, past: Steps) -> Params:
        phi: Params = vmap(lambda p: self._learner.adapt(theta, p))(past)
        return phi
