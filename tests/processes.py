"""Processes under test: their output as it comes, and a sure end."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[1]


class Watched:
    """A process whose output lines can be waited for."""

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        self.popen = subprocess.Popen(
            command,
            cwd=ROOT,
            env=env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self._queue: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            self._queue.put(line.rstrip("\n"))
        self._queue.put(None)

    @property
    def output(self) -> str:
        """Everything read so far."""
        return "\n".join(self.lines)

    def wait_for(self, text: str, limit_s: float = 60.0) -> str:
        """The next line that contains `text`; AssertionError with all output if none comes."""
        end = time.monotonic() + limit_s
        while True:
            try:
                line = self._queue.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                line = None
            if line is None:
                raise AssertionError(f"no {text!r} in the output:\n{self.output}")
            self.lines.append(line)
            if text in line:
                return line

    def send(self, number: int) -> None:
        """Send a signal to the process itself."""
        self.popen.send_signal(number)

    def end(self, number: int = signal.SIGINT, limit_s: float = 60.0) -> int:
        """Send a signal, wait, and return the exit code."""
        self.send(number)
        return self.wait(limit_s)

    def wait(self, limit_s: float = 60.0) -> int:
        """Wait for the end and return the exit code; the output is complete afterwards."""
        code = self.popen.wait(limit_s)
        self._reader.join(5.0)
        while (line := self._queue.get()) is not None:
            self.lines.append(line)
        return code

    def kill(self) -> None:
        """End it and all its children now."""
        with suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()
        self._reader.join(5.0)
        assert self.popen.stdout is not None
        self.popen.stdout.close()


class Processes:
    """Starts processes with the environment of the test."""

    def __init__(self) -> None:
        self._all: list[Watched] = []

    def python(self, *words: str, **env: str) -> Watched:
        """`python *words` in the repository's root."""
        child = Watched([sys.executable, "-u", *words], {**os.environ, **env})
        self._all.append(child)
        return child

    def node(self, module: str, *ros_args: str, **env: str) -> Watched:
        """A node as the launcher starts it."""
        extra = ("--ros-args", *ros_args) if ros_args else ()
        return self.python("-m", "ros_nodes.process", module, *extra, **env)

    def close(self) -> None:
        """End every one of them."""
        for child in self._all:
            child.kill()
