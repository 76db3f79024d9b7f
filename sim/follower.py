"""What a trajectory controller does with a short trajectory: follow it, then rest at its end."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Point = tuple[float, Array, Array]
"""(seconds from the trajectory's start, joint positions (7,) rad, joint velocities (7,) rad/s)."""
KNOT_S = 1e-9
"""Nearer than this to a point's time is at the point: the time of a control period is a sum."""


class TrajectoryFollower:
    """Cubic Hermite interpolation from where it is through the points; at rest after the last."""

    def __init__(self, q: Array) -> None:
        self.reset(q, 0.0)

    def reset(self, q: Array, now_s: float) -> None:
        """Forget the trajectory and rest at `q` (7,)."""
        self._t = [now_s]
        self._q = [q.copy()]
        self._v = [np.zeros_like(q)]
        self._rest = np.zeros_like(q)
        self._ends: tuple[int, Array] | None = None

    def set(self, points: Sequence[Point], now_s: float) -> None:
        """Replace the trajectory by `points`, counted from `now_s`, from the present sample on."""
        q, v = self.sample(now_s)
        self._t = [now_s, *(now_s + t for t, _, _ in points)]
        self._q = [q, *(p for _, p, _ in points)]
        self._v = [v, *(w for _, _, w in points)]
        self._ends = None

    def sample(self, now_s: float) -> tuple[Array, Array]:
        """Positions (7,) rad and velocities (7,) rad/s at `now_s`. Do not write into them."""
        t = self._t
        if now_s >= t[-1] - KNOT_S:
            return self._q[-1], self._rest
        i = 0
        while i < len(t) - 2 and now_s >= t[i + 1] - KNOT_S:
            i += 1
        if now_s <= t[i] + KNOT_S:
            return self._q[i], self._v[i]
        if self._ends is None or self._ends[0] != i:
            self._ends = i, np.array([self._q[i], self._v[i], self._q[i + 1], self._v[i + 1]])
        h = t[i + 1] - t[i]
        s = (now_s - t[i]) / h
        r = 1.0 - s
        # The cubic Hermite basis at s, and its derivative: (2, 4) weights of q0, v0, q1, v1.
        ramp = 6.0 * s * r / h
        basis = (
            (r * r * (1.0 + 2.0 * s), h * s * r * r, s * s * (3.0 - 2.0 * s), -h * s * s * r),
            (-ramp, r * (1.0 - 3.0 * s), ramp, s * (3.0 * s - 2.0)),
        )
        q, v = np.array(basis) @ self._ends[1]
        return q, v
