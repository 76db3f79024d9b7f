"""How much simulated time is due: real-time pacing by a steady clock. Pure; time is an argument."""

from __future__ import annotations

from robot_meta.errors import ConfigError

MAX_DEBT_NS = 100_000_000
"""Wall time (ns) that may be caught up. A longer stall (a suspended laptop, a scene being compiled)
is let go: catching it up would run the robot faster than real time."""


class Pacer:
    """Batches of `batch_ns` simulated time, due at `rate` times real time.

    The first call sets the phase so that later ones fall in the middle of a batch: a timer of the
    batch's period gets one batch a call, whatever its jitter up to half a period.

    Args:
        batch_ns: simulated time of one batch, > 0.
        rate: simulated seconds a wall second, > 0; 1.0 is real time.

    Raises:
        ConfigError: on a batch or a rate that is not positive.
    """

    def __init__(self, batch_ns: int, rate: float = 1.0) -> None:
        if batch_ns <= 0 or not rate > 0.0:
            raise ConfigError(f"batch_ns and rate must be > 0, got {batch_ns} and {rate}")
        self._wall_per_batch_ns = batch_ns / rate
        self._batch_ns = batch_ns
        self._origin_ns: float | None = None
        self._done = 0
        self._window: tuple[int, int] | None = None
        self._total = 0
        self.let_go = 0
        """Times a stall was let go since the start."""

    def restart(self) -> None:
        """Forget the past: after a pause or a reset the next call to `due` is time zero."""
        self._origin_ns, self._done = None, 0
        self._window = None

    def due(self, steady_ns: int) -> int:
        """Batches to run at `steady_ns` so that simulated time keeps up with the clock.

        The caller runs them all before it asks again.
        """
        period = self._wall_per_batch_ns
        if self._origin_ns is None:
            self._origin_ns = steady_ns - period / 2
        behind_ns = steady_ns - self._origin_ns - self._done * period
        if behind_ns > MAX_DEBT_NS + period:
            self.let_go += 1
            self._origin_ns, self._done, behind_ns = steady_ns - 1.5 * period, 0, 1.5 * period
        count = max(0, int(behind_ns // period))
        self._done += count
        self._total += count
        return count

    def real_time_factor(self, steady_ns: int) -> float:
        """Simulated over wall time since the last call; NaN on the first and after a restart."""
        before, self._window = self._window, (steady_ns, self._total)
        if before is None or steady_ns <= before[0]:
            return float("nan")
        return (self._total - before[1]) * self._batch_ns / (steady_ns - before[0])
