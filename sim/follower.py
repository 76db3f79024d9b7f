"""What a trajectory controller does with a short trajectory: follow it, then rest at its end."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Point = tuple[float, Array, Array]
"""(seconds from the trajectory's start, joint positions (7,) rad, joint velocities (7,) rad/s)."""


class TrajectoryFollower:
    """Cubic Hermite interpolation from where it is through the points; at rest after the last."""

    def __init__(self, q: Array) -> None:
        self.reset(q, 0.0)

    def reset(self, q: Array, now_s: float) -> None:
        """Forget the trajectory and rest at `q` (7,)."""
        self._t = [now_s]
        self._q = [q.copy()]
        self._v = [np.zeros_like(q)]

    def set(self, points: Sequence[Point], now_s: float) -> None:
        """Replace the trajectory by `points`, counted from `now_s`, from the present sample on."""
        q, v = self.sample(now_s)
        self._t = [now_s, *(now_s + t for t, _, _ in points)]
        self._q = [q, *(p for _, p, _ in points)]
        self._v = [v, *(w for _, _, w in points)]

    def sample(self, now_s: float) -> tuple[Array, Array]:
        """Positions (7,) rad and velocities (7,) rad/s at `now_s`."""
        t = self._t
        if now_s >= t[-1]:
            return self._q[-1], np.zeros_like(self._q[-1])
        i = 0
        while i < len(t) - 2 and now_s >= t[i + 1]:
            i += 1
        h = t[i + 1] - t[i]
        s = min(max((now_s - t[i]) / h, 0.0), 1.0)
        q0, q1, v0, v1 = self._q[i], self._q[i + 1], self._v[i] * h, self._v[i + 1] * h
        a, b = q1 - q0 - v0, v1 - v0 - 2.0 * (q1 - q0 - v0)
        q = q0 + s * (v0 + s * ((a - b) + s * b))
        v = (v0 + s * (2.0 * (a - b) + 3.0 * s * b)) / h
        return q, v
