"""Waypoints: the demonstration is an input, and a few poses ahead are predicted.

Today's usual one-shot imitator, in small: AWDA (Chang and Gupta 2023) and OSVI-WM (Goswami et al.
2025) predict a few waypoints from a demonstration and the present picture, which a controller
drives to; they are predicted anew while it drives. Theirs begin from large pretrained networks;
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
from robot_meta.data.batches import AHEAD
from robot_meta.imitator import Look, opening_error
from robot_meta.learners.contextual import Contextual, ContextualConfig
from robot_meta.nets import vision
from robot_meta.nets.watching import normal
from robot_meta.types import Frame, Params

AWAY_M = 0.05
"""Scale of a waypoint's distance from the tip."""
WAYPOINT_WEIGHT = 3.0


class Plan(NamedTuple):
    """Where to go from n frames."""

    position: Tensor
    """(n, AHEAD, 3) of the tip, m"""
    opening: Tensor
    """(n, AHEAD, OPENING_BINS) log-probabilities of the gripper's openings on the way there"""


class Driving(NamedTuple):
    """What is remembered between two frames."""

    waypoints: NDArray[np.float64]
    """(AHEAD, 4)"""
    ticks: int
    """Since they were predicted."""


@dataclass(frozen=True, kw_only=True)
class WaypointsConfig(ContextualConfig):
    """Settings, besides those of the policy and of the reading."""

    replan: int = 2
    """Waypoints are predicted anew every so many ticks of 0.1 s."""
    stretch_s: float = 0.4
    """The time in which the next waypoint is to be reached."""


class Waypoints(Contextual):
    """The learner; it differs from `Contextual` in what it predicts and how that is driven to."""

    name = "waypoints"
    settings: WaypointsConfig

    def init(self, seed: int) -> Params:
        """Fresh parameters."""
        rng = torch.Generator().manual_seed(seed)
        hidden, out = self.settings.net.hidden, AHEAD * (3 + vision.OPENING_BINS)
        weight = normal(rng, hidden, out, fan=hidden, gain=0.1)
        return {**super().init(seed), "way.weight": weight, "way.bias": torch.zeros(out)}

    def plan(self, phi: Params, reading: vision.Reading, state: Tensor) -> Plan:
        """Waypoints from n frames, state (n, 4)."""
        out = vision.decide(phi, reading, state, "way").reshape(len(state), AHEAD, -1)
        position = state[:, None, :3] + AWAY_M * out[..., :3]
        return Plan(position, out[..., 3:].log_softmax(-1))

    def judge(self, phi: Params, features: Tensor, *robot: Tensor) -> tuple[Tensor, ...]:
        """Terms of the outer loss: that of the action is of the waypoints instead."""
        state, ahead = robot[0], robot[5]
        plan = self.plan(phi, vision.read(phi, features, self.settings.net), state)
        missed = (plan.position - ahead[..., :3]).abs().mean() / AWAY_M
        opening = vision.opening_miss(plan.opening, ahead[..., 3:])
        opening = opening_error(opening, ahead[..., 3], state[:, None, 3])
        _, *others = self.outer_terms(phi, features, *robot[:5])
        return (WAYPOINT_WEIGHT * (missed + opening), *others)

    def act_as(
        self, look: Look, phi: Params, frame: Frame, memory: Any
    ) -> tuple[NDArray[np.float64], Any]:
        """The action (4,) towards the next waypoint; `memory` is the plan."""
        tip = np.array([*frame.ee_pos_m, frame.gripper_m])
        if memory is None or memory.ticks >= self.settings.replan:
            memory = Driving(self._plan(phi, look(phi, frame), tip), 0)
        # Where the plan says that the tip should be by the end of this tick.
        now = (memory.ticks + 1) * 0.1 / self.settings.stretch_s
        at = int(min(now, AHEAD - 1))
        wanted = memory.waypoints[at]
        left_s = max(self.settings.stretch_s * (at + 1) - 0.1 * memory.ticks, 0.1)
        velocity = (wanted[:3] - tip[:3]) / left_s
        return np.array([*velocity, wanted[3]]), Driving(memory.waypoints, memory.ticks + 1)

    def _plan(
        self, phi: Params, reading: vision.Reading, tip: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        plan = self.plan(phi, reading, torch.tensor(tip, dtype=torch.float32)[None])
        out = torch.cat([plan.position, vision.likeliest(plan.opening)], dim=-1)[0]
        return out.double().numpy()


def make(config: Mapping[str, Any]) -> Waypoints:
    """The learner from its config as JSON values."""
    return Waypoints(from_dict(WaypointsConfig, config))
