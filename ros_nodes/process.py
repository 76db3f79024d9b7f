"""The start of every node process: stop signals first, then the node's imports. No ROS here.

Under `ros2 launch` a Ctrl-C reaches a process twice, and rclpy takes up to half a second to import;
a handler that only sets an event, in place before that, lets a node always stop with exit code 0.
"""

from __future__ import annotations

import atexit
import importlib
import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from ros_nodes import dds

_stop: threading.Event | None = None
_importing = False


def install_stop_handlers() -> threading.Event:
    """Make SIGINT and SIGTERM set the returned event, the same one on every call."""
    global _stop
    if _stop is None:
        _stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _on_signal)
    return _stop


def _on_signal(*_: object) -> None:
    assert _stop is not None
    _stop.set()
    if _importing:  # torch alone can take seconds; nothing has been started that would need a stop
        os._exit(0)


def imports_are_done() -> None:
    """From here on a stop signal only sets the event: the node itself ends in good order."""
    global _importing
    _importing = False


def main(module: str, argv: Sequence[str] | None = None) -> NoReturn:
    """Run `module.main(argv)` with the stop handlers and the DDS profile in place, and end."""
    global _importing
    _importing = True
    install_stop_handlers()
    dds.ensure_profile()
    _end(importlib.import_module(module).main(sys.argv if argv is None else argv))


def _end(code: int) -> NoReturn:
    """End without taking the interpreter apart.

    `run` has given everything back by now. Unloading torch, MuJoCo and DDS takes up to seconds on a
    busy machine, during which Python has no signal handlers any more: a launcher's SIGTERM then
    looks like a crash.
    """
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[1:])
