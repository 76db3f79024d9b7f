"""Driving a tip along legs: over to each waypoint at its height, down, the gripper, and on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robot_meta.data.legs import LEGS

SPEED_M_S, SETTLE_S = 0.15, 0.3
"""The fastest; and the time in which what is left would be covered, close to the waypoint."""
NEAR_M, FUNNEL_M = 0.01, 0.04
"""The tip sinks to a waypoint between the second distance beside it and the first."""
ARRIVED_M = 0.012
CLIMB_M = 0.03
"""The tip stays where it is while it is so much too low to go over."""
GRIP_TICKS = 5
"""Ticks that the gripper is given at a waypoint."""


class Driving(NamedTuple):
    """How far a tip has come."""

    leg: int = 0
    waiting: int = 0
    """Ticks that it still stands still."""


def drive(
    legs: NDArray[np.float64], tip: NDArray[np.float64], way: Driving
) -> tuple[NDArray[np.float64], Driving]:
    """The action (4,) of one tick at `tip` (3,), m, on `legs` (LEGS, LEG), and how far that is.

    The action is the tip's velocity in m/s and the gripper's opening in m.
    """
    leg, waiting = way
    if leg < LEGS - 1 and not waiting and np.abs(legs[leg, :3] - tip).max() < ARRIVED_M:
        leg, waiting = leg + 1, GRIP_TICKS
    *_, height, opening = legs[leg]
    if waiting:
        return np.array([0.0, 0.0, 0.0, opening]), Driving(leg, waiting - 1)
    left = legs[leg, :3] - tip
    beside = float(np.hypot(*left[:2]))
    share = np.clip((beside - NEAR_M) / (FUNNEL_M - NEAR_M), 0.0, 1.0)
    left[2] += share * max(height - legs[leg, 2], 0.0)
    left[:2] *= np.clip(2.0 - left[2] / CLIMB_M, 0.0, 1.0)
    velocity = left / SETTLE_S
    velocity *= min(1.0, SPEED_M_S / max(float(np.linalg.norm(velocity)), 1e-9))
    return np.array([*velocity, opening]), Driving(leg, 0)
