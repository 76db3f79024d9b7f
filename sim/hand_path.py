"""How a hand goes about a task: legs from pose to pose, sampled at 100 Hz."""

from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from sim.attributes import outline
from sim.hand import Hand, HandPose
from sim.manner import Manner
from sim.scene import FLOOR_M
from sim.tasks import OBJECT_HEIGHT_M, Arrangement, Task

Array = NDArray[np.float64]

TICK_S = 0.01
GRASP_S = 0.3
"""Time to close the fingers, or to open them."""
SHORT_M = 0.09
"""A shorter leg takes as long as this one."""
REST_S = 0.4
WIDE_M = 0.035
"""How much wider than the thing the fingers open."""
DROP_M = 0.008
"""Height over a container's floor at which a thing is let go."""
MIDDLE_M = 0.5 * OBJECT_HEIGHT_M


@dataclass(frozen=True, eq=False)
class HandPath:
    """N ticks of 10 ms. Positions in `base`, m."""

    grip_m: Array
    """(N, 3)"""
    heading_rad: Array
    """(N,)"""
    opening_m: Array
    """(N,)"""
    carries: NDArray[np.bool_]
    """(N,): whether the thing goes with the hand."""
    offset_m: Array
    """(3,): middle of the carried thing from the grip."""
    contact: int
    """Tick at which what is meant is first touched."""

    def __len__(self) -> int:
        """Number of ticks N."""
        return len(self.grip_m)

    def pose(self, tick: int) -> HandPose:
        """The hand at a tick; after the end, at the end."""
        i = min(tick, len(self) - 1)
        return HandPose(self.grip_m[i], float(self.heading_rad[i]), float(self.opening_m[i]))


@dataclass
class _Pen:
    """Draws a path leg by leg; every leg begins and ends at rest."""

    grip_m: Array
    heading_rad: float
    opening_m: float
    manner: Manner
    rest_m: Array
    """Where the hand comes from and goes back to."""
    rows: list[Array] = field(default_factory=list)
    carries: list[NDArray[np.bool_]] = field(default_factory=list)

    @property
    def ticks(self) -> int:
        return sum(len(row) for row in self.rows)

    def wait(self, seconds: float, *, opening_m: float | None = None, carry: bool = False) -> None:
        """Stay, moving the fingers alone where an opening is given."""
        self.go(self.grip_m, seconds=seconds / self.manner.pace, opening_m=opening_m, carry=carry)

    def go(
        self,
        grip_m: Array,
        *,
        heading_rad: float | None = None,
        opening_m: float | None = None,
        seconds: float | None = None,
        carry: bool = False,
        styled: bool = False,
    ) -> None:
        """A leg with the smoothest jerk; a styled one is arched or curved as the manner says."""
        manner, start = self.manner, self.grip_m
        way = grip_m - start
        length = float(np.linalg.norm(way))
        took = seconds or max(length, SHORT_M) / manner.speed_m_s
        s = (np.arange(round(took / TICK_S)) + 1.0) / max(round(took / TICK_S), 1)
        s = s**3 * (10 - 15 * s + 6 * s * s)
        path = start + s[:, None] * way
        if styled and length > 0.05:
            bump = 16 * (s * (1 - s)) ** 2 * min(1.0, length / 0.2)
            if manner.path == "arched":
                path[:, 2] += abs(manner.bow_m) * bump
            elif manner.path == "curved":
                across = np.array([-way[1], way[0]]) / max(float(np.hypot(*way[:2])), 1e-6)
                path[:, :2] += manner.bow_m * bump[:, None] * across
        heading = self.heading_rad if heading_rad is None else heading_rad
        opening = self.opening_m if opening_m is None else opening_m
        turned = self.heading_rad + s * (heading - self.heading_rad)
        spread = self.opening_m + s * (opening - self.opening_m)
        self.rows.append(np.c_[path, turned, spread])
        self.carries.append(np.full(len(s), carry))
        self.grip_m, self.heading_rad, self.opening_m = grip_m, heading, opening


def plan(
    task: Task, arrangement: Arrangement, hand: Hand, manner: Manner, rng: Generator
) -> HandPath:
    """The whole way of a hand that does `task`."""
    elbow = np.array(manner.elbow_m)
    side = elbow[:2] - arrangement.start_tcp_m[:2]
    rest = arrangement.start_tcp_m.copy()
    rest[:2] += rng.uniform(0.06, 0.16) * side / np.hypot(*side)
    rest[2] = rng.uniform(0.16, 0.24)
    heading = float(np.arctan2(*-(side)[::-1])) + manner.bend_rad
    pen = _Pen(rest, heading, 0.03, manner, rest)
    offset, contact = _PLANS[task.family](task, arrangement, hand, pen, rng)
    pen.wait(REST_S)
    rows, carries = np.concatenate(pen.rows), np.concatenate(pen.carries)
    rows, carries, contact = _hiccup(rows, carries, contact, manner, rng)
    return HandPath(rows[:, :3], rows[:, 3], rows[:, 4], carries, offset, contact)


def _hiccup(
    rows: Array, carries: NDArray[np.bool_], contact: int, manner: Manner, rng: Generator
) -> tuple[Array, NDArray[np.bool_], int]:
    """A pause somewhere on the way, or a hand that is not quite still."""
    if manner.hiccup == "pause":
        at = int(len(rows) * rng.uniform(0.15, 0.6))
        times = np.ones(len(rows), int)
        times[at] += int(rng.uniform(0.3, 0.8) / manner.pace / TICK_S)
        contact += int(times[at] - 1) * (at < contact)
        return np.repeat(rows, times, 0), np.repeat(carries, times), contact
    if manner.hiccup == "tremor":
        seconds = np.arange(len(rows)) * TICK_S
        for axis in range(3):
            rate, phase = rng.uniform(2.0, 5.0), rng.uniform(0, 2 * np.pi)
            shake = rng.uniform(0.001, 0.0025) * np.sin(2 * np.pi * rate * seconds + phase)
            rows[:, axis] += shake
    return rows, carries, contact


def _reach(
    task: Task, arrangement: Arrangement, hand: Hand, pen: _Pen, rng: Generator
) -> tuple[Array, int]:
    x, y, _ = arrangement.objects[task.target_object]
    pen.opening_m = 0.004
    off = rng.uniform(-0.008, 0.008, 2)
    top = np.array([x + off[0], y + off[1], OBJECT_HEIGHT_M + 0.010])
    pen.go(np.array([x, y, 0.5 * (pen.manner.lift_m + 0.06)]), styled=True)
    pen.go(top)
    contact = pen.ticks - 1
    pen.wait(0.5)
    return np.zeros(3), contact


def _deliver(
    task: Task, arrangement: Arrangement, pen: _Pen, offset: Array, wide_m: float, rng: Generator
) -> int:
    """Carry what is held to its container, let go, withdraw; returns the tick of the release."""
    manner = pen.manner
    x, y, _ = arrangement.containers[task.target_container]
    x, y = np.array([x, y]) + rng.uniform(-0.006, 0.006, 2) - offset[:2]
    down = np.array([x, y, MIDDLE_M + FLOOR_M + DROP_M - offset[2]])
    turned = pen.heading_rad + manner.twist_rad
    pen.go(_above(down, manner.lift_m), heading_rad=turned, carry=True, styled=True)
    pen.go(down, carry=True)
    there = pen.ticks - 1
    pen.wait(0.5 * GRASP_S, carry=True)
    pen.wait(GRASP_S, opening_m=wide_m)
    pen.go(_above(down, max(manner.lift_m, 0.135)))
    pen.go(pen.rest_m)
    return there


def _place(
    task: Task, arrangement: Arrangement, hand: Hand, pen: _Pen, rng: Generator
) -> tuple[Array, int]:
    width = 2 * task.objects[0].size_m
    pen.opening_m = width
    offset = np.array([0.0, 0.0, -rng.uniform(0.0, 0.008)])
    pen.wait(0.2, carry=True)
    return offset, _deliver(task, arrangement, pen, offset, width + WIDE_M, rng)


def _pick_place(
    task: Task, arrangement: Arrangement, hand: Hand, pen: _Pen, rng: Generator
) -> tuple[Array, int]:
    x, y, _ = arrangement.objects[task.target_object]
    width = 2 * task.objects[task.target_object].size_m
    wide = width + WIDE_M
    height = _grip_height(hand, (width, wide))
    at = np.array([x, y, height])
    offset = np.array([0.0, 0.0, MIDDLE_M - height])
    pen.go(np.array([x, y, 0.5 * (pen.manner.lift_m + 0.09)]), opening_m=wide, styled=True)
    pen.go(at)
    pen.wait(GRASP_S, opening_m=width)
    contact = pen.ticks - 1
    pen.wait(0.5 * GRASP_S, carry=True)
    pen.go(_above(at, height + 0.085), carry=True)
    _deliver(task, arrangement, pen, offset, wide, rng)
    return offset, contact


def _push(
    task: Task, arrangement: Arrangement, hand: Hand, pen: _Pen, rng: Generator
) -> tuple[Array, int]:
    x, y, yaw = arrangement.objects[task.target_object]
    thing, goal = np.array([x, y]), arrangement.goal_xy_m + rng.uniform(-0.010, 0.010, 2)
    along = (goal - thing) / np.linalg.norm(goal - thing)
    look = task.objects[task.target_object]
    turned = outline(look.shape, look.size_m) @ np.array(
        [[np.cos(yaw), np.sin(yaw)], [-np.sin(yaw), np.cos(yaw)]]
    )
    behind = float((turned @ -along).max())
    pen.opening_m = 0.02
    height = _grip_height(hand, (0.02,))
    front = hand.front_m(
        HandPose(np.array([0.0, 0.0, height]), pen.heading_rad, 0.02), along, OBJECT_HEIGHT_M, 0.03
    )
    touch = np.array([*(thing - along * (behind + front)), height])
    before = touch - [*(0.035 * along), 0.0]
    end = touch + np.array([*(goal - thing), 0.0])
    away = end - 0.05 * np.array([*along, 0.0])
    pen.go(_above(before, 0.5 * (pen.manner.lift_m + 0.08) + height), styled=True)
    pen.go(before)
    pen.go(touch, seconds=0.25 / pen.manner.pace)
    contact = pen.ticks - 1
    slow = 0.7 * pen.manner.speed_m_s
    pen.go(end, seconds=float(np.linalg.norm(goal - thing)) / slow, carry=True)
    pen.go(away)
    pen.go(_above(away, 0.13))
    pen.go(pen.rest_m)
    return np.array([*(along * (behind + front)), MIDDLE_M - height]), contact


def _above(point: Array, height_m: float) -> Array:
    return np.array([point[0], point[1], height_m])


def _grip_height(hand: Hand, openings_m: tuple[float, ...]) -> float:
    """The lowest height of the grip at which no finger goes into the table."""
    low = min(hand.lowest_m(opening) for opening in openings_m)
    return max(MIDDLE_M, 0.002 - low)


_PLANS = {"reach": _reach, "push": _push, "place": _place, "pick_place": _pick_place}
