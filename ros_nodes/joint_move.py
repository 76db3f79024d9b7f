"""A straight, time-scaled motion in joint space: `move_to`, the way back to the start. No ROS."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.sawyer import A_MAX, HOME_Q, Q_HIGH, Q_LOW, START_Q

Array = NDArray[np.float64]

POSES = {"home": HOME_Q, "start": START_Q, "ready": START_Q}
ARRIVED_RAD = 1e-4
"""The command has arrived when no joint is further from the goal."""
SETTLED_RAD = 0.02
"""The arm has arrived when no joint is measured further from the goal."""
PATIENCE_TICKS = 50
"""Ticks without progress after which the way is taken to be blocked."""


class JointMove:
    """Joint velocities that lead to a goal and end there, all joints together.

    Args:
        goal: joint angles (7,), rad.
        speed: largest joint speeds (7,), rad/s.

    Raises:
        ValueError: the goal is not seven finite angles within the joints' ranges.
    """

    def __init__(self, goal: Array, speed: Array) -> None:
        goal = np.asarray(goal, float)
        if goal.shape != (7,) or not np.isfinite(goal).all():
            raise ValueError(f"the goal must be 7 finite angles in rad, got {goal.tolist()}")
        outside = np.flatnonzero((goal < Q_LOW) | (goal > Q_HIGH))
        if outside.size:
            i = int(outside[0])
            raise ValueError(
                f"joint {i} at {goal[i]:.4f} rad is out of its range, "
                f"need [{Q_LOW[i]:.4f}, {Q_HIGH[i]:.4f}]"
            )
        self.goal = goal
        self.done = False
        self.success = False
        self.message = ""
        self.remaining_rad = float("inf")
        self._speed = speed
        self._best_rad = float("inf")
        self._ticks = 0

    def velocity(self, q: Array, qd: Array, measured_q: Array, dt: float) -> Array:
        """Velocities (7,) to head for at commanded `q` and `qd`, zero when there; sets `done`."""
        self.remaining_rad = float(np.abs(self.goal - measured_q).max())
        error = self.goal - q
        left = float(np.abs(error).max())
        there = left <= ARRIVED_RAD
        if there and self.remaining_rad <= SETTLED_RAD:
            self.finish(True, "arrived")
        self._notice_progress(self.remaining_rad if there else left)
        if there or self.done:
            return np.zeros(7)
        direction = error / left
        share = np.maximum(np.abs(direction), 1e-9)
        cruise = float((self._speed / share).min())
        # Half of the acceleration limit leaves room for what the servo adds.
        brake = 0.5 * float((A_MAX / share).min())
        i = int(share.argmax())
        # The tick ahead is done at the mean of two speeds; braking after it must end at the goal.
        ahead = left - 0.5 * dt * float(qd[i] / direction[i])
        fastest = brake * (float(np.sqrt(0.25 * dt**2 + 2.0 * max(ahead, 0.0) / brake)) - 0.5 * dt)
        velocity: Array = min(cruise, fastest) * direction
        return velocity

    def _notice_progress(self, left_rad: float) -> None:
        self._ticks += 1
        if left_rad < self._best_rad - ARRIVED_RAD:
            self._best_rad, self._ticks = left_rad, 0
        if self._ticks > PATIENCE_TICKS:
            short = f"stopped {self.remaining_rad:.3f} rad short"
            self.finish(False, f"{short}: something is in the way")

    def finish(self, success: bool, message: str) -> None:
        """End it, for the first reason given."""
        if not self.done:
            self.done, self.success, self.message = True, success, message
