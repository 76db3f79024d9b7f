"""Shared memory that killed processes left behind. Imports no ROS.

Fast DDS gives each participant a segment `fastrtps_<16 hex digits>` of up to 9 MB and an empty file
`..._el` beside it, locked (`flock`) as long as the participant lives. SIGKILL frees the lock and
leaves both: a hundred killed nodes hold a gigabyte of memory until somebody removes it. Worse is a
port, `fastrtps_port<number>`, whose maker was killed before it gave it a size: whoever opens it
next waits for ever, and a port's number comes again with its domain's.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

FOLDER = Path("/dev/shm")
_LOCK = re.compile(r"fastrtps_[0-9a-f]{16}_el")
_PORT = re.compile(r"fastrtps_port[0-9]+")
_YOUNG_S = 5.0
"""A participant makes its lock file a moment before it locks it."""


def left_behind(folder: Path = FOLDER, now_s: float | None = None) -> Iterator[Path]:
    """Segments whose owner is gone, and ports that were never finished.

    Args:
        folder: where they lie.
        now_s: seconds since the epoch, to tell files that are just being made; None for the time.
    """
    now_s = time.time() if now_s is None else now_s
    for lock in sorted(folder.glob("fastrtps_*_el")):
        with suppress(OSError):  # of another user, or gone by now
            if not _LOCK.fullmatch(lock.name) or now_s - lock.stat().st_mtime < _YOUNG_S:
                continue
            if _is_free(lock):
                yield lock.with_name(lock.name.removesuffix("_el"))
    for port in sorted(folder.glob("fastrtps_port*")):
        with suppress(OSError):
            found = port.stat()
            old = now_s - found.st_mtime >= _YOUNG_S
            if old and not found.st_size and _PORT.fullmatch(port.name):
                yield port


def sweep(folder: Path = FOLDER, now_s: float | None = None) -> int:
    """Remove what `left_behind` finds; the number of bytes that are free again."""
    freed = 0
    for segment in left_behind(folder, now_s):
        with suppress(OSError):
            freed += segment.stat().st_blocks * 512
            segment.unlink()
        with suppress(OSError):
            segment.with_name(f"{segment.name}_el").unlink()
    return freed


def _is_free(lock: Path) -> bool:
    descriptor = os.open(lock, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True
