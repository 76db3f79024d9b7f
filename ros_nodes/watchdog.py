"""The watchdog of whoever takes commands: it bites once when nobody has spoken for too long. Pure.

It runs on the monotonic clock, since robot time can stand still.
"""

from __future__ import annotations

WATCHDOG_NS = 200_000_000
"""Without a good command for longer, a robot comes to rest by itself."""


class Watchdog:
    """Asleep until it is fed for the first time."""

    def __init__(self, limit_ns: int = WATCHDOG_NS) -> None:
        self._limit_ns = limit_ns
        self._fed_ns: int | None = None
        self.bitten = False
        """It has bitten, and nothing good has come since."""

    def feed(self, steady_ns: int) -> None:
        """A good command came."""
        self._fed_ns, self.bitten = steady_ns, False

    def bites(self, steady_ns: int) -> bool:
        """Whether it bites now; True once for each silence."""
        silent = self._fed_ns is not None and steady_ns - self._fed_ns > self._limit_ns
        if not silent or self.bitten:
            return False
        self.bitten = True
        return True
