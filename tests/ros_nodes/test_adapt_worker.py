import threading

import pytest

from robot_meta.errors import SessionError
from ros_nodes.adapt_worker import Cancelled, Worker

LIMIT_S = 10.0


class Bench:
    """A worker, and a loop that pumps when it is woken, as an executor would."""

    def __init__(self):
        self.woken = threading.Semaphore(0)
        self.worker = Worker(self.woken.release)
        self.told, self.ends = [], []

    def start(self, job, what="work"):
        self.worker.start(
            what, job, lambda *end: self.ends.append(end), lambda *v: self.told.append(v)
        )

    def pump_until(self, condition):
        while not condition():
            assert self.woken.acquire(timeout=LIMIT_S)
            self.worker.pump()


@pytest.fixture
def bench():
    bench = Bench()
    yield bench
    bench.worker.close()


def test_news_and_the_result_come_in_order_in_the_pumping_thread(bench):
    threads = []

    def job(tell):
        threads.append(threading.current_thread())
        for step in range(3):
            tell(step, 0.5)
        return "found"

    bench.start(job)
    assert bench.told == []
    bench.pump_until(lambda: bench.ends)
    assert bench.told == [(0, 0.5), (1, 0.5), (2, 0.5)]
    assert bench.ends == [("found", None)]
    assert threads[0] is not threading.current_thread()
    assert bench.worker.busy == ""


def test_an_error_is_the_end(bench):
    bench.start(lambda tell: 1 / 0)
    bench.pump_until(lambda: bench.ends)
    ((result, error),) = bench.ends
    assert result is None
    assert isinstance(error, ZeroDivisionError)


def test_one_job_at_a_time_and_the_next_after_it(bench):
    go = threading.Event()
    bench.start(lambda tell: go.wait(LIMIT_S), "the first")
    assert bench.worker.busy == "the first"
    with pytest.raises(SessionError, match="the second: busy with the first"):
        bench.start(lambda tell: None, "the second")
    go.set()
    bench.pump_until(lambda: bench.ends)
    bench.start(lambda tell: "again")
    bench.pump_until(lambda: len(bench.ends) == 2)
    assert bench.ends[1] == ("again", None)


def test_cancel_ends_the_job_where_it_next_tells_something(bench):
    started, go = threading.Event(), threading.Event()

    def job(tell):
        started.set()
        go.wait(LIMIT_S)
        tell("never")

    bench.start(job)
    assert started.wait(LIMIT_S)
    bench.worker.cancel()
    go.set()
    bench.pump_until(lambda: bench.ends)
    assert isinstance(bench.ends[0][1], Cancelled)
    assert bench.told == []
    bench.start(lambda tell: tell("heard"))
    bench.pump_until(lambda: len(bench.ends) == 2)
    assert bench.told == [("heard",)]


def test_close_drops_what_was_not_pumped(bench):
    bench.start(lambda tell: tell("late"))
    bench.worker.close()
    bench.worker.pump()
    assert bench.told == bench.ends == []


def test_awaiting_a_job_gives_its_result_its_error_or_busy(bench):
    def drive(coroutine):
        """Resume a suspended callback at each turn, as rclpy's executor does."""
        while True:
            try:
                coroutine.send(None)
            except StopIteration as end:
                return end.value
            if bench.woken.acquire(timeout=0.05):
                bench.worker.pump()

    assert drive(bench.worker.run("work", lambda tell: 7)) == (7, None)
    result, error = drive(bench.worker.run("work", lambda tell: 1 / 0))
    assert (result, type(error)) == (None, ZeroDivisionError)
    go = threading.Event()
    bench.start(lambda tell: go.wait(LIMIT_S), "the first")
    result, error = drive(bench.worker.run("the second", lambda tell: None))
    go.set()
    assert "busy with the first" in str(error)
