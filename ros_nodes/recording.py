"""An episode being recorded: a queue and a thread that writes, flushes and syncs. Imports no ROS.

Callbacks hand messages over and return; a slow disk delays the thread, not the robot. What was
handed over is with the operating system after `FLUSH_S`, and on the disk after `SYNC_S`.
"""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from robot_meta.errors import EpisodeError
from ros_nodes.bag_writer import Writer
from ros_nodes.contract import Qos
from ros_nodes.episode_info import EpisodeInfo

FLUSH_S = 0.5
SYNC_S = 1.0
# About two minutes of one 320x240 camera at 10 Hz: no disk is stalled for so long and recovers.
MAX_QUEUED_BYTES = 256 << 20


class Arrival(NamedTuple):
    """One message as a subscription got it."""

    topic: str
    """Absolute name."""
    type: str
    qos: tuple[Qos, ...]
    """What the publishers offered."""
    data: bytes
    log_ns: int
    publish_ns: int


class Recording:
    """Writes what `put` hands over until `finish`.

    Args:
        writer: of the episode; from now on only this object's threads use it.
        min_free_bytes: of disk; with less left the recording fails while its end still fits.
        on_end: called in the writing thread when the file is closed or failed.
    """

    def __init__(
        self,
        writer: Writer,
        *,
        min_free_bytes: int = 0,
        max_queued_bytes: int = MAX_QUEUED_BYTES,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self.writer = writer
        self.counts: Counter[str] = Counter()
        self.dropped = 0
        """Messages that came but were not written: the disk was too slow, or failed."""
        self.result: EpisodeInfo | None = None
        """Set at the end, when the file was closed well."""
        self.error: EpisodeError | None = None
        """Set at the end, when it was not."""
        self.ended = threading.Event()
        self._min_free_bytes = min_free_bytes
        self._max_queued_bytes = max_queued_bytes
        self._on_end = on_end
        self._queue: deque[Arrival] = deque()
        self._queued_bytes = 0
        self._changed = threading.Condition()
        self._close: tuple[str, str, dict[str, Any]] | None = None
        self._synced = threading.Event()
        self._threads = [
            threading.Thread(target=self._write_all, name="episode writer"),
            threading.Thread(target=self._sync_all, name="episode sync"),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def folder(self) -> Path:
        """The episode's folder."""
        return self.writer.folder

    @property
    def messages(self) -> int:
        """Messages taken so far."""
        return sum(self.counts.values())

    def put(self, arrival: Arrival) -> bool:
        """Hand over a message; False: it was dropped, and counted."""
        with self._changed:
            full = self._queued_bytes + len(arrival.data) > self._max_queued_bytes
            if full or self._close is not None or self.ended.is_set():
                self.dropped += 1
                return False
            self._queue.append(arrival)
            self._queued_bytes += len(arrival.data)
            self.counts[arrival.topic] += 1
            self._changed.notify()
        return True

    def finish(self, outcome: str, reason: str = "", **facts: Any) -> None:
        """Take no more, write the rest and close; `ended` tells when. Once more changes nothing.

        Args:
            outcome: one of `episode_info.OUTCOMES`.
            reason: one line for a person.
            facts: further fields of `EpisodeInfo`.
        """
        with self._changed:
            if self._close is None:
                self._close = (outcome, reason, facts)
                self._changed.notify()

    def wait(self, timeout_s: float | None = None) -> EpisodeInfo:
        """The finished episode.

        Raises:
            EpisodeError: writing failed, or did not end within the time.
        """
        if not self.ended.wait(timeout_s):
            raise EpisodeError(f"{self.folder}: not closed within {timeout_s} s")
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()
        if self.result is None:
            raise self.error or EpisodeError(f"{self.folder}: not written")
        return self.result

    def _write_all(self) -> None:
        try:
            self._write_until_close()
            self._stop_sync()
            outcome, reason, facts = self._close or ("error", "", {})
            self.result = self.writer.close(outcome, reason, **{"dropped": self.dropped, **facts})
        except Exception as error:  # whatever it was, the recorder goes on and says so
            self._stop_sync()
            self.writer.abort()
            what = f"{self.folder}: recording failed: {error}"
            self.error = EpisodeError(f"{what}; what was written can be recovered")
            self.error.__cause__ = error
            with self._changed:
                self.dropped += len(self._queue)
                self._queue.clear()
        finally:
            self.ended.set()
            self._on_end()

    def _write_until_close(self) -> None:
        flush_at = time.monotonic() + FLUSH_S
        while True:
            with self._changed:
                wait_s = flush_at - time.monotonic()
                if not self._queue and self._close is None and wait_s > 0:
                    self._changed.wait(wait_s)
                batch, closing = list(self._queue), self._close is not None
                self._queue.clear()
                self._queued_bytes = 0
            self._write(batch)
            if closing:
                return
            if time.monotonic() >= flush_at:
                self.writer.flush()
                self._check_disk()
                flush_at = time.monotonic() + FLUSH_S

    def _write(self, batch: Iterable[Arrival]) -> None:
        for arrival in batch:
            self.writer.add_topic(arrival.topic, arrival.type, arrival.qos)
            self.writer.write(arrival.topic, arrival.data, arrival.log_ns, arrival.publish_ns)

    def _check_disk(self) -> None:
        free = shutil.disk_usage(self.folder).free
        if free < self._min_free_bytes:
            raise EpisodeError(
                f"{free / 1e6:.0f} MB left on the disk, {self._min_free_bytes / 1e6:.0f} MB are "
                "kept free; make room, or record to another directory"
            )

    def _sync_all(self) -> None:
        while not self._synced.wait(SYNC_S):
            with contextlib.suppress(OSError, ValueError):  # the writing thread meets it too
                self.writer.sync()

    def _stop_sync(self) -> None:
        self._synced.set()
        self._threads[1].join()
