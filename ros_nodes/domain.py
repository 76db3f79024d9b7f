"""ROS domains of this machine: a free one, and a lock that keeps two runs apart. Imports no ROS."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
from collections.abc import Iterable
from types import TracebackType

from robot_meta.errors import ConfigError

DOMAINS = range(1, 101)
"""Domains whose ports lie below those that Linux gives to everybody."""
_LOCK_PORT = 47000
_STARTS = itertools.count(os.getpid())
_RTPS_PORT, _PORTS_A_DOMAIN, _FIRST_PARTICIPANT = 7400, 250, 10


class Claim:
    """A domain that is ours until `release`; others who ask here are given another."""

    def __init__(self, number: int, lock: socket.socket) -> None:
        self.number = number
        self._lock = lock

    def release(self) -> None:
        """Let others have it."""
        self._lock.close()

    def __enter__(self) -> Claim:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def claim(domains: Iterable[int] | None = None) -> Claim:
    """The first of `domains` that no participant and no other claim uses.

    Args:
        domains: to choose from; None for all, beginning elsewhere each time: who was killed in a
            domain is remembered there for a while.

    Raises:
        ConfigError: all of them are in use.
    """
    if domains is None:
        start = next(_STARTS) % len(DOMAINS)
        domains = itertools.islice(itertools.cycle(DOMAINS), start, start + len(DOMAINS))
    tried = list(domains)
    for number in tried:
        with contextlib.suppress(OSError):
            return Claim(number, _locked(number))
    raise ConfigError(
        f"ROS domains {tried[:3]}{'...' if len(tried) > 3 else ''} are in use; end what runs there"
    )


def _locked(number: int) -> socket.socket:
    """The lock of a domain; OSError if it is taken or somebody speaks there already."""
    port = _RTPS_PORT + _PORTS_A_DOMAIN * number + _FIRST_PARTICIPANT
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as first:
        first.bind(("127.0.0.1", port))
    lock = socket.socket()
    try:
        lock.bind(("127.0.0.1", _LOCK_PORT + number))
    except OSError:
        lock.close()
        raise
    return lock
