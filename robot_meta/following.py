"""A robot that plans with a model is told where to go: along a course, or anywhere.

B robots, T control steps. What is planned for is a velocity on the ground (`Body.towards`); the
model, its adaptation and the planner are those of running straight on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from robot_meta.course import SPACING_M, Course
from robot_meta.online import OnlineAgent

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How a course is followed."""

    speed_mps: float = 1.0
    look_m: float = 1.0
    """How far ahead on the course a robot heads."""


class Follower:
    """Heads along a course; who has come to its end stays there."""

    def __init__(self, agent: OnlineAgent, course: Course, pace: Pace) -> None:
        self._agent, self._course, self._pace = agent, course, pace
        self._body = agent.learner.config.body
        self._reached = np.zeros(agent.robots, int)

    def act(self, states: Array, pending: Array) -> Array:
        """See `roam.Actor`."""
        at = states[:, list(self._body.plane)]
        self._reached = self._course.reached(at, self._reached)
        there = self._reached == len(self._course) - 1
        goal = self._pace.speed_mps * self._course.heading(at, self._reached, self._pace.look_m)
        goal[there] = 0.0
        reward = self._body.towards(torch.as_tensor(goal, dtype=torch.float32))
        return self._agent.act(states, pending, reward=reward)


class Wanderer:
    """Is told a new velocity now and then, so that a model sees motion of all directions."""

    def __init__(
        self, agent: OnlineAgent, rng: np.random.Generator, every: int = 30, most_mps: float = 3.0
    ) -> None:
        self._agent, self._rng, self._every, self._most = agent, rng, every, most_mps
        self._body, self._t = agent.learner.config.body, 0

    def act(self, states: Array, pending: Array) -> Array:
        """See `roam.Actor`."""
        if self._t % self._every == 0:
            n = self._agent.robots
            angle = self._rng.uniform(-np.pi, np.pi, n)
            speed = self._rng.uniform(0.0, self._most, (n, 1))
            goal = speed * np.stack([np.cos(angle), np.sin(angle)], -1)
            self._reward = self._body.towards(torch.as_tensor(goal, dtype=torch.float32))
        self._t += 1
        return self._agent.act(states, pending, reward=self._reward)

    @property
    def plan(self) -> Tensor:
        """The agent's."""
        return self._agent.plan


@dataclass(frozen=True, eq=False)
class Followed:
    """How well a course was followed."""

    off_m: Array
    """(B,) mean distance from the course."""
    done: Array
    """(B,) share of the course that was covered."""


def followed(course: Course, positions: Array) -> Followed:
    """What positions (B, T + 1, 2) are worth."""
    reached = np.zeros(len(positions), int)
    off = []
    for at in positions.transpose(1, 0, 2):
        reached = course.reached(at, reached)
        off.append(course.off(at, reached))
    return Followed(np.mean(off, 0), reached / (len(course) - 1))


def seconds(course: Course, pace: Pace) -> float:
    """Time that a course takes at its pace, and half as much again."""
    return 1.5 * len(course) * SPACING_M / pace.speed_mps
