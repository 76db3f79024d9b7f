"""Slow work beside a node: one job at a time in a thread, its news fetched by the node. No ROS.

The job runs in a thread and only talks through a queue; the node calls `pump` in its own thread
(woken by `wake`), so that callbacks, publishers and the session are touched by one thread alone.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

from robot_meta.errors import RobotMetaError, SessionError
from ros_nodes.awaiting import Turn

Tell = Callable[..., None]
"""Passed to a job: what it is called with reaches `told` in the node's thread."""


class Cancelled(RobotMetaError):
    """A job ended because it was asked to."""


class Worker:
    """Runs one job at a time.

    Args:
        wake: called from the job's thread whenever there is something for `pump`.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self.busy = ""
        """What is being done, for people; empty when nothing is."""
        self._wake = wake
        self._news: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._cancel = threading.Event()
        self._thread: threading.Thread | None = None

    def start(
        self,
        what: str,
        job: Callable[[Tell], Any],
        ended: Callable[[Any, Exception | None], None],
        told: Callable[..., None] | None = None,
    ) -> None:
        """Start a job.

        Args:
            what: name for people.
            job: called in a thread with a function to tell things by; that function raises
                `Cancelled` after `cancel`.
            ended: called by `pump` with (result, None) or (None, error).
            told: called by `pump` with what the job told.

        Raises:
            SessionError: another job runs.
        """
        if self.busy:
            raise SessionError(f"{what}: busy with {self.busy}; wait for it or cancel it")
        self.busy = what
        self._cancel.clear()

        def tell(*values: Any) -> None:
            if self._cancel.is_set():
                raise Cancelled(f"{what}: cancelled")
            if told is not None:
                self._put(lambda: told(*values))

        def work() -> None:
            result, error = None, None
            try:
                result = job(tell)
            except Exception as raised:
                error = raised
            self._put(lambda: self._end(ended, result, error))

        self._thread = threading.Thread(target=work, name=what, daemon=True)
        self._thread.start()

    async def run(
        self, what: str, job: Callable[[Tell], Any], told: Callable[..., None] | None = None
    ) -> tuple[Any, Exception | None]:
        """As `start`, from an `async` callback: the result, or the error (busy is one)."""
        answers: list[tuple[Any, Exception | None]] = []
        try:
            self.start(what, job, lambda *answer: answers.append(answer), told)
        except SessionError as busy:
            return None, busy
        while not answers:
            await Turn()
        return answers[0]

    def cancel(self) -> None:
        """Ask the job to end at the next thing it tells."""
        self._cancel.set()

    def pump(self) -> None:
        """Call the callbacks for all news so far, in this thread."""
        while True:
            try:
                news = self._news.get_nowait()
            except queue.Empty:
                return
            news()

    def close(self, patience_s: float = 2.0) -> None:
        """Cancel the job and wait for its end, at most `patience_s`; its callbacks are dropped."""
        self.cancel()
        if self._thread is not None:
            self._thread.join(patience_s)
        self._news = queue.SimpleQueue()
        self.busy = ""

    def _put(self, call: Callable[[], None]) -> None:
        self._news.put(call)
        self._wake()

    def _end(
        self, ended: Callable[[Any, Exception | None], None], result: Any, error: Exception | None
    ) -> None:
        self.busy = ""  # first: the callback may start the next job
        ended(result, error)
