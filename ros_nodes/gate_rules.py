"""The words that the gate is written in: modes, sources, ages, proposals, refusals. No ROS here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

from robot_meta.errors import RobotMetaError

MS = 1_000_000


class Mode(IntEnum):
    """What the gate lets through; numbers as in `robot_meta_msgs/GateStatus`."""

    IDLE = 0
    HOLD = 1
    TELEOP = 2
    POLICY = 3
    REPLAY = 4


MOVING = (Mode.TELEOP, Mode.POLICY, Mode.REPLAY)
ARM_SOURCES: Mapping[str, Mode] = {
    "teleop": Mode.TELEOP,
    "console": Mode.TELEOP,
    "policy": Mode.POLICY,
    "replay": Mode.REPLAY,
}
"""Who may propose motion, and in which mode; those of TELEOP are people."""
MOVE = "move_to"
"""The gate's own motion, within mode HOLD."""
OUTPUT = "output"
JOINTS = "joint_states"
"""What `Gate.block` takes beside a source."""


class Refusal(RobotMetaError):
    """A command or request that the gate does not let through, and why."""


class Now(NamedTuple):
    """One moment on both clocks."""

    ros_ns: int
    """What stamps are compared with; 0 before the first `/clock`."""
    steady_ns: int
    """What watchdogs run on."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Ages and delays, in ns."""

    max_age_ns: int = 200 * MS
    """Older stamps are refused."""
    max_ahead_ns: int = 50 * MS
    """Stamps further in the future are refused."""
    watchdog_ns: int = 200 * MS
    """The robot stops so long after the last good command, ..."""
    tick_ns: int = 20 * MS
    """... at the last tick before that: what is sent in a tick holds until the next."""
    joints_age_ns: int = 100 * MS
    """Older joint states are not worth acting on."""
    first_ns: int = 2000 * MS
    """A policy or a replay that has been let in has so long to send its first command."""
    cooldown_ns: int = 1000 * MS
    """An emergency stop cannot be reset before."""
    lockstep: bool = False
    """Simulated time waits for the gate, so its watchdogs run on that time."""


@dataclass(frozen=True)
class Proposal:
    """An accepted command."""

    source: str
    stamp_ns: int
    payload: Any
