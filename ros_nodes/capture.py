"""A camera's thread: takes pictures from a source, stamps them and hands them over. No ROS here.

A source that is lost is opened again, after waits that double. A file is paced by its own times,
on the clock that the caller gives; its stamps are those times, counted from when it began.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robot_meta.errors import DataError, ObservationError
from ros_nodes.sources import Source

Rgb = NDArray[np.uint8]

AT_END = ("stop", "loop", "hold")
"""What is done at the end of a file: no more pictures, again from the start, the last one on."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 8.0
POLL_S = 0.02
"""Simulated time goes at a rate of its own: it is looked at this often."""
WAITING = 4
"""Pictures of a file that wait to be taken; of a live source only the newest does."""
EARLY = 0.25
"""Share of the period by which a picture may come early: no camera keeps time exactly."""
REWIND_NS = 1_000_000_000
"""A clock that goes back by more has begun anew."""


class Shot(NamedTuple):
    """One picture and when it was taken, ns on the node's clock."""

    stamp_ns: int
    rgb: Rgb


class Status(NamedTuple):
    """How the capture is doing."""

    state: str
    """`opening`, `running`, `lost` or `ended`."""
    text: str


RUNNING = Status("running", "running")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How pictures are taken."""

    max_hz: float = 30.0
    """More are left out, by their stamps."""
    rate: float = 1.0
    """Seconds of a file a second of the clock; 0: as fast as they are taken."""
    at_end: str = "stop"
    """Of a file: one of `AT_END`."""
    after_ns: int = 0
    """Stamps of a file begin after this one."""


class Capture:
    """Runs from its creation until `close`.

    Args:
        open_source: opens the source, anew each time.
        settings: fixed while it lives.
        now_ns: the node's clock; 0 where it has not begun: until then nothing is handed over.
        on_shot: called in the capture's thread when `take` has something.
    """

    def __init__(
        self,
        open_source: Callable[[], Source],
        settings: Settings,
        now_ns: Callable[[], int],
        on_shot: Callable[[], object],
    ) -> None:
        self.status = Status("opening", "opening")
        self.last_ns = settings.after_ns
        """Stamp of the last shot that was handed over."""
        self.shots = 0
        """How many were handed over."""
        self._open, self._settings = open_source, settings
        self._now_ns, self._on_shot = now_ns, on_shot
        self._waiting: deque[Shot] = deque()
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._period_ns = round(1e9 / settings.max_hz)
        self._due_ns = 0
        self._clock_ns = 0
        # A daemon: a driver that hangs must not keep the process.
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
        self._thread.start()

    def take(self) -> list[Shot]:
        """What was handed over since the last call, oldest first."""
        with self._changed:
            shots = list(self._waiting)
            self._waiting.clear()
            self._changed.notify()
        return shots

    def close(self, timeout_s: float = 2.0) -> bool:
        """End; False where the driver still hangs after `timeout_s`."""
        self._stop.set()
        with self._changed:
            self._changed.notify()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    # --- the thread -----------------------------------------------------------------------------

    def _run(self) -> None:
        wait_s = FIRST_WAIT_S
        while not self._stop.is_set():
            before = self.shots
            try:
                with closing(self._open()) as source:
                    if source.live:
                        self._follow(source)
                    elif not self._play(source):
                        return
            except (ObservationError, DataError) as error:
                wait_s = FIRST_WAIT_S if self.shots > before else wait_s
                self.status = Status("lost", f"{error}; trying again in {wait_s:g} s")
                self._stop.wait(wait_s)
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)
            except _ClockWentBack:
                self.last_ns = self._due_ns = self._clock_ns = 0
                self.status = Status("opening", "the clock began anew")
            except Exception as error:  # a thread that dies would say nothing
                self.status = Status("lost", f"given up: {type(error).__name__}: {error}")
                return

    def _follow(self, source: Source) -> None:
        """Hand over what a live source gives until it is lost."""
        while not self._stop.is_set():
            age_ns = source.grab() or 0
            stamp_ns = self._now_ns() - age_ns
            if stamp_ns > 0 and self._is_due(stamp_ns):
                self._hand_over(Shot(stamp_ns, source.picture()), replace=True)

    def _play(self, source: Source) -> bool:
        """Hand over a file's pictures; whether it is to begin again."""
        settings = self._settings
        began_ns = first_ns = before_ns = 0
        gap_ns = self._period_ns
        last: Shot | None = None
        while (shown_ns := source.grab()) is not None:
            if last is None:
                if self._now_ns() <= 0:
                    self.status = Status("opening", "waiting for the first /clock")
                if not self._reached(1):
                    return False
                began_ns = self._now_ns()
                first_ns = max(began_ns, self.last_ns + self._period_ns if self.last_ns else 0)
            else:
                gap_ns = shown_ns - before_ns
            before_ns = shown_ns
            if settings.rate and not self._reached(began_ns + round(shown_ns / settings.rate)):
                return False
            if self._is_due(first_ns + shown_ns) or last is None:
                last = Shot(first_ns + shown_ns, source.picture())
                self._hand_over(last, replace=False)
            if self._stop.is_set():
                return False
        pause_ns = round(gap_ns / (settings.rate or 1.0))
        if settings.at_end == "loop":
            return self._reached(self._now_ns() + pause_ns)
        held = "; the last one is held" if settings.at_end == "hold" else ""
        self.status = Status("ended", f"the file has ended after {self.shots} pictures{held}")
        if held and last is not None:
            self._hold(last)
        return False

    def _hold(self, last: Shot) -> None:
        """Hand the last picture over again and again."""
        while self._reached(self._now_ns() + self._period_ns):
            stamp_ns = max(self._now_ns(), self.last_ns + self._period_ns)
            self._hand_over(last._replace(stamp_ns=stamp_ns), replace=True)

    def _is_due(self, stamp_ns: int) -> bool:
        """Whether a picture is to be kept, so that no more than `max_hz` are."""
        early_ns = round(EARLY * self._period_ns)
        rewound = self._due_ns - stamp_ns > self._period_ns + REWIND_NS
        if stamp_ns < self._due_ns - early_ns and not rewound:
            return False
        behind = rewound or stamp_ns > self._due_ns + self._period_ns
        self._due_ns = (stamp_ns if behind else self._due_ns) + self._period_ns
        return True

    def _reached(self, clock_ns: int) -> bool:
        """Wait until the node's clock is there; False when asked to end first."""
        while not self._stop.is_set():
            now_ns = self._now_ns()
            if now_ns + REWIND_NS < self._clock_ns:
                raise _ClockWentBack
            self._clock_ns = max(now_ns, self._clock_ns)
            left_ns = clock_ns - now_ns
            if left_ns <= 0:
                return True
            self._stop.wait(min(left_ns * 1e-9, POLL_S))
        return False

    def _hand_over(self, shot: Shot, *, replace: bool) -> None:
        with self._changed:
            while not replace and len(self._waiting) >= WAITING and not self._stop.is_set():
                self._changed.wait()
            if replace:
                self._waiting.clear()
            self._waiting.append(shot)
        self.last_ns = shot.stamp_ns
        self.shots += 1
        if self.status.state != "ended":
            self.status = RUNNING
        self._on_shot()


class _ClockWentBack(Exception):
    """Time began anew, and so does a file."""
