"""The start of every node process: stop signals first, then the node's imports. No ROS here.

Under `ros2 launch` a Ctrl-C reaches a process twice, and rclpy takes up to half a second to import;
a handler that only sets an event, in place before that, lets a node always stop with exit code 0.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from collections.abc import Sequence

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


def main(module: str, argv: Sequence[str] | None = None) -> int:
    """Run `module.main(argv)` with the stop handlers and the DDS profile already in place."""
    global _importing
    _importing = True
    install_stop_handlers()
    dds.ensure_profile()
    code: int = importlib.import_module(module).main(sys.argv if argv is None else argv)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[1:]))
