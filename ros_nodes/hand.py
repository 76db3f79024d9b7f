"""What a person's hand asks for, whatever it is on: keys, a pad, or a script that stands for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

Twist = tuple[float, float, float, float, float, float]
AT_REST: Twist = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, kw_only=True)
class HandCommand:
    """A command at one instant."""

    twist: Twist = AT_REST
    """vx vy vz (m/s), wx wy wz (rad/s) in `base`."""
    opening_m: float | None = None
    """Gripper opening last asked for (m); None before the first time."""
    active: bool = False
    """The hand is there and means it: the dead man's switch."""


class Pressed(NamedTuple):
    """What was pressed just now, beside motion."""

    estop: bool = False
    """The emergency stop."""
    take: bool = False
    """"Let me have the robot": asks the gate for mode TELEOP."""
