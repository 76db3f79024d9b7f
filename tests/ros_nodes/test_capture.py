"""The camera's thread: stamps, pace, ends of files, sources that go and come back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest

from robot_meta.errors import DataError, ObservationError
from ros_nodes.capture import Capture, Settings
from ros_nodes.sources import File, open_source
from tests.ros_nodes.videos import level, ramp, write

MS, S = 1_000_000, 1_000_000_000
LIMIT_S = 60.0


class Clock:
    """A node's clock that moves when it is told to; `free` is the monotonic one."""

    def __init__(self, now_ns: int = S, *, free: bool = False) -> None:
        self.now_ns, self.free = now_ns, free
        self.asked = threading.Event()

    def __call__(self) -> int:
        self.asked.set()
        return time.monotonic_ns() if self.free else self.now_ns

    def was_asked(self) -> None:
        """Wait until the capture has looked at the present time."""
        for _ in range(2):  # the first question may have been answered before
            self.asked.clear()
            assert self.asked.wait(LIMIT_S)


class Rig:
    """A capture and what came of it."""

    def __init__(self, open_it, clock, **settings) -> None:
        self.came = threading.Event()
        self.shots: list = []
        made = Settings(**{"max_hz": 240.0, **settings})
        self.capture = Capture(open_it, made, clock, self.came.set)

    def until(self, condition) -> None:
        end = time.monotonic() + LIMIT_S
        while not condition():
            assert time.monotonic() < end, self.capture.status
            self.came.wait(0.01)
            self.came.clear()
            self.shots += self.capture.take()

    def has(self, count: int) -> list:
        self.until(lambda: len(self.shots) >= count)
        return self.shots

    def is_(self, state: str) -> str:
        self.until(lambda: self.capture.status.state == state)
        self.shots += self.capture.take()
        return self.capture.status.text


@pytest.fixture
def rig() -> Iterator:
    made: list[Rig] = []

    def build(*args, **settings) -> Rig:
        made.append(Rig(*args, **settings))
        return made[-1]

    yield build
    assert all(one.capture.close() for one in made)


@pytest.fixture
def film(tmp_path):
    return partial(open_source, str(write(tmp_path / "v.mp4", ramp(6))))


def numbers(shots) -> list[int]:
    return [level(shot.rgb) for shot in shots]


# --- files ----------------------------------------------------------------------------------------


def test_a_file_has_its_own_times_from_when_it_began(rig, film):
    shown = rig(film, Clock(5 * S), rate=0.0)
    assert "ended after 6 pictures" in shown.is_("ended")
    assert [s.stamp_ns for s in shown.shots] == [5 * S + i * 100 * MS for i in range(6)]
    assert numbers(shown.shots) == list(range(6))


def test_a_file_keeps_pace_with_the_clock(rig, film):
    clock = Clock(S)
    shown = rig(film, clock)
    assert numbers(shown.has(1)) == [0]
    for now, expected in ((S + 99 * MS, 1), (S + 100 * MS, 2), (S + 350 * MS, 4)):
        clock.now_ns = now
        shown.has(expected)
        clock.was_asked()
        assert numbers(shown.has(expected)) == list(range(expected))


def test_twice_as_fast_with_the_same_stamps(rig, film):
    clock = Clock(S)
    shown = rig(film, clock, rate=2.0)
    shown.has(1)
    clock.now_ns = S + 150 * MS
    assert [s.stamp_ns - S for s in shown.has(4)] == [0, 100 * MS, 200 * MS, 300 * MS]
    clock.was_asked()
    assert len(shown.has(4)) == 4


def test_nothing_before_the_first_clock(rig, film):
    clock = Clock(0)
    shown = rig(film, clock, rate=0.0)
    clock.was_asked()
    assert shown.capture.status.text == "waiting for the first /clock"
    assert not shown.shots
    clock.now_ns = 7 * S
    assert shown.has(1)[0].stamp_ns == 7 * S


def test_a_clock_that_begins_anew_begins_the_file_anew(rig, film):
    clock = Clock(100 * S)
    shown = rig(film, clock)
    shown.has(1)
    clock.now_ns += 200 * MS
    shown.has(3)
    clock.now_ns = 2 * S
    shown.has(4)
    assert (numbers(shown.shots)[3], shown.shots[3].stamp_ns) == (0, 2 * S)


def test_a_loop_goes_on_with_later_stamps(rig, film):
    shown = rig(film, Clock(free=True), rate=20.0, at_end="loop")
    stamps = [s.stamp_ns for s in shown.has(14)[:14]]
    assert numbers(shown.shots[:14]) == [*range(6), *range(6), 0, 1]
    assert (np.diff(stamps) > 0).all()


def test_hold_repeats_the_last_picture_with_new_stamps(rig, film):
    shown = rig(film, Clock(free=True), rate=0.0, at_end="hold", max_hz=50.0)
    shown.has(10)
    assert set(numbers(shown.shots[5:])) == {5}
    assert (np.diff([s.stamp_ns for s in shown.shots]) > 0).all()
    assert "held" in shown.is_("ended")


def test_no_picture_of_a_file_is_lost_to_a_slow_taker(rig, film):
    shown = rig(film, Clock(), rate=0.0)
    shown.until(lambda: shown.capture.shots >= 4 or shown.shots)
    shown.is_("ended")
    assert numbers(shown.shots) == list(range(6))


def test_a_restart_has_later_stamps(rig, film):
    shown = rig(film, Clock(S), rate=0.0, after_ns=9 * S)
    assert shown.has(1)[0].stamp_ns > 9 * S


@pytest.mark.parametrize(("fps", "expected"), [(10, 10), (30, 10), (25, 10), (12, 10)])
def test_no_more_pictures_than_asked_for(rig, tmp_path, fps, expected):
    path = write(tmp_path / "v.mp4", ramp(2 * fps, 16, 16), fps=fps)
    shown = rig(lambda: File(path), Clock(), rate=0.0, max_hz=10.0)
    shown.is_("ended")
    assert 2 * expected - 3 <= len(shown.shots) <= 2 * expected
    assert min(np.diff([s.stamp_ns for s in shown.shots])) >= 75 * MS


# --- live sources ---------------------------------------------------------------------------------


class Feed:
    """A live source that gives what the test puts in; None unplugs it."""

    live = True

    def __init__(self, given: list) -> None:
        self.given, self.closed = given, False
        self.now = None

    def grab(self) -> int:
        self.now = self.given.pop(0) if self.given else None
        if self.now is None:
            raise ObservationError("unplugged")
        return 30 * MS

    def picture(self):
        return np.full((2, 2, 3), 16 + 8 * self.now, np.uint8)

    def close(self) -> None:
        self.closed = True


def test_a_live_stamp_is_when_it_was_taken(rig):
    shown = rig(lambda: Feed([3]), Clock(9 * S))
    (first, *_) = shown.has(1)
    assert (first.stamp_ns, level(first.rgb)) == (9 * S - 30 * MS, 3)


def test_what_is_unplugged_is_opened_again(rig):
    feeds = [Feed([1]), Feed([2])]
    opened: list = []

    def open_it():
        opened.append(feeds[len(opened)] if len(opened) < 2 else Feed([]))
        return opened[-1]

    shown = rig(open_it, Clock(free=True))
    assert numbers(shown.has(2)[:2]) == [1, 2]
    assert "unplugged; trying again in 0.25 s" in shown.is_("lost")
    shown.until(lambda: feeds[1].closed)


def test_waits_double_while_it_stays_away(rig):
    def fail():
        raise DataError("gone")

    shown = rig(fail, Clock())
    for wait in ("0.25", "0.5", "1"):
        shown.until(lambda w=wait: f"gone; trying again in {w} s" in shown.capture.status.text)


def test_a_capture_that_breaks_says_so(rig):
    shown = rig(lambda: 1 / 0, Clock())
    assert "given up: ZeroDivisionError" in shown.is_("lost")
