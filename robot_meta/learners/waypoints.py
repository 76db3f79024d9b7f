"""Waypoints: the demonstration is an input, and a few poses are predicted that a servo drives to.

Today's usual one-shot imitator, in small: AWDA (Chang and Gupta 2023) predicts waypoints and what
the gripper does at them from a demonstration and the present picture, OSVI-WM (Goswami et al. 2025)
a few waypoints, predicted anew while the arm moves. Theirs begin from large pretrained networks;
this one has the encoder, the reading and the data of its rivals here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from robot_meta.config import from_dict
from robot_meta.data.legs import LEGS
from robot_meta.driving import Driving, drive
from robot_meta.imitator import OPENING_WEIGHT, Look
from robot_meta.learners.contextual import Contextual, ContextualConfig
from robot_meta.nets import vision
from robot_meta.nets.watching import normal
from robot_meta.types import Frame, Params

AWAY_M = 0.05
"""Scale of a waypoint's distance from what is seen."""
WAYPOINT_WEIGHT = 2.0


class Plan(NamedTuple):
    """Where to go from n frames: legs, as in `data.legs`."""

    way: Tensor
    """(n, LEGS, 4): where to, and how high on the way, m"""
    opening: Tensor
    """(n, LEGS, OPENING_BINS) log-probabilities of the gripper's openings on the way"""

    def legs(self) -> Tensor:
        """(n, LEGS, LEG): with the likeliest opening."""
        return torch.cat([self.way, vision.likeliest(self.opening)], dim=-1)


class Planned(NamedTuple):
    """What is remembered between two frames."""

    legs: NDArray[np.float64]
    """(LEGS, LEG)"""
    ticks: int
    """Since they were predicted."""
    way: Driving


@dataclass(frozen=True, kw_only=True)
class WaypointsConfig(ContextualConfig):
    """Settings, besides those of the policy and of the reading."""

    replan: int = 2
    """Waypoints are predicted anew every so many ticks of 0.1 s."""


class Waypoints(Contextual):
    """The learner; it differs from `Contextual` in what it predicts and how that is driven to."""

    name = "waypoints"
    settings: WaypointsConfig

    def init(self, seed: int) -> Params:
        """Fresh parameters."""
        rng = torch.Generator().manual_seed(seed)
        hidden, out = self.settings.net.hidden, LEGS * (4 + vision.OPENING_BINS)
        weight = normal(rng, hidden, out, fan=hidden, gain=0.1)
        return {**super().init(seed), "way.weight": weight, "way.bias": torch.zeros(out)}

    def plan(self, phi: Params, reading: vision.Reading, state: Tensor) -> Plan:
        """Waypoints from n frames, state (n, 4)."""
        out = vision.decide(phi, reading, state, "way").reshape(len(state), LEGS, -1)
        goal = reading.where[:, 1]
        seen = torch.stack([reading.start, goal, goal, goal], dim=1) + AWAY_M * out[..., :2]
        heights = vision.CENTRE_M[2] + vision.REACH_M * out[..., 2:4]
        return Plan(torch.cat([seen, heights], dim=-1), out[..., 4:].log_softmax(-1))

    def judge(self, phi: Params, features: Tensor, *robot: Tensor) -> tuple[Tensor, ...]:
        """Terms of the outer loss: that of the action is of the legs instead."""
        state, legs = robot[0], robot[5]
        plan = self.plan(phi, vision.read(phi, features, self.settings.net), state)
        missed = (plan.way - legs[..., :4]).abs().mean() / AWAY_M
        opening = vision.opening_miss(plan.opening, legs[..., 4:]).mean()
        _, *others = self.outer_terms(phi, features, *robot[:5])
        return (WAYPOINT_WEIGHT * (missed + OPENING_WEIGHT * opening), *others)

    def act_as(
        self, look: Look, phi: Params, frame: Frame, memory: Any
    ) -> tuple[NDArray[np.float64], Any]:
        """The action (4,) towards the next waypoint; `memory` is the plan."""
        legs, ticks, way = memory or Planned(np.zeros(0), self.settings.replan, Driving())
        if ticks >= self.settings.replan:
            state = torch.tensor([[*frame.ee_pos_m, frame.gripper_m]], dtype=torch.float32)
            legs = self.plan(phi, look(phi, frame), state).legs()[0].double().numpy()
            ticks = 0
        action, way = drive(legs, frame.ee_pos_m, way)
        return action, Planned(legs, ticks + 1, way)


def make(config: Mapping[str, Any]) -> Waypoints:
    """The learner from its config as JSON values."""
    return Waypoints(from_dict(WaypointsConfig, config))
