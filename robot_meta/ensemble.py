"""Several models of motion in place of one, as what one alone gets wrong others get right.

Members differ in the parameters that they began with. Each adapts by itself; what is predicted is
their mean, and a plan is as good as it is on average over what each member says would come of it,
so that a plan that one of them sees fall is a bad plan (Chua et al. 2018, PETS, with their
"trajectory sampling infinity": a member is never changed for another along the way).

E members; parameters are those of a member with E in front.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.func import vmap

from robot_meta.motion import Chunk, MotionLearner, Steps
from robot_meta.nets.dynamics import Dynamics
from robot_meta.types import Params


class Ensemble:
    """A learner of motion made of E that are alike.

    Args:
        member: one of them; its config says how many there are.
    """

    def __init__(self, member: MotionLearner) -> None:
        self._member = member
        self.name, self.config = member.name, member.config
        self.replayable: bool = getattr(member, "replayable", False)

    @property
    def net(self) -> Dynamics:
        """The network of each."""
        return self._member.net

    def init(self, seed: int) -> Params:
        """Fresh parameters, every member's of a seed of its own."""
        count = self.config.members
        return stacked([self._member.init(seed * count + i) for i in range(count)])

    def adapt(self, theta: Params, past: Steps) -> Params:
        """Every member adapted, without the others."""
        phi: Params = vmap(self._member.adapt, in_dims=(0, None))(theta, past)
        return phi

    def predict(self, phi: Params, state: Tensor, action: Tensor) -> Tensor:
        """The mean change (N, S) of states (N, S) under actions (N, A)."""
        each: Tensor = vmap(self._member.predict, in_dims=(0, None, None))(phi, state, action)
        return each.mean(0)

    def plain(self, phi: Params) -> Params:
        """The members' plain networks, E in front."""
        layers: Params = vmap(self._member.plain)(phi)
        return layers

    def task_loss(
        self, params: Params, task: Chunk, step: int
    ) -> tuple[Tensor, Mapping[str, float]]:
        """The members' mean loss: what one learns is nothing to the others."""
        each = [self._member.task_loss(one, task, step) for one in unstacked(params)]
        losses, told = zip(*each, strict=True)
        mean = {key: sum(figures[key] for figures in told) / len(told) for key in told[0]}
        return torch.stack(losses).mean(), mean


def stacked(members: Sequence[Params]) -> Params:
    """Parameters of an ensemble from those of its members."""
    return {name: torch.stack([each[name] for each in members]) for name in members[0]}


def unstacked(params: Params) -> list[Params]:
    """Its members' from an ensemble's."""
    count = len(next(iter(params.values())))
    return [{name: each[i] for name, each in params.items()} for i in range(count)]
