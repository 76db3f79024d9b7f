import itertools
import math

import pytest

from ros_nodes.lockstep import REPEAT_NS, TIMEOUT_NS, Lockstep

Q = (0.1, 0.2)


@pytest.fixture
def lock():
    lock = Lockstep()
    lock.wait(20, 0)
    return lock


def test_time_runs_when_nothing_is_waited_for():
    assert Lockstep().complete()


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_tick_is_complete_when_all_of_it_has_come_in_any_order(lock, order):
    events = [
        lambda: lock.on_trajectory(Q),
        lambda: lock.on_gripper(0.04),
        lambda: lock.on_applied(20, Q, 0.04, "policy", 0),
    ]
    for i in order:
        assert not lock.complete()
        events[i]()
    assert lock.complete()
    assert lock.waiting_ns is None


def test_an_older_tick_does_not_count(lock):
    lock.on_trajectory(Q)
    lock.on_applied(0, Q, math.nan, "", 0)
    assert not lock.complete()


def test_a_tick_in_which_nothing_was_sent(lock):
    lock.on_applied(20, (), math.nan, "", 0)
    assert lock.complete()


def test_yesterdays_trajectory_does_not_count(lock):
    lock.on_trajectory(Q)
    lock.on_applied(20, Q, math.nan, "", 0)
    assert lock.complete()
    lock.wait(40, 0)
    lock.on_applied(40, (0.3, 0.4), math.nan, "", 0)
    assert not lock.complete()
    lock.on_trajectory((0.3, 0.4))
    assert lock.complete()


def test_reset_forgets_what_was_sent(lock):
    lock.on_trajectory(Q)
    lock.on_applied(20, Q, math.nan, "", 0)
    lock.reset()
    assert lock.complete()
    lock.wait(20, 0)
    assert not lock.complete()


def test_a_gate_that_has_not_spoken_yet_is_starting_not_lost(lock):
    assert not lock.lost(10 * TIMEOUT_NS)
    lock.on_applied(20, (), math.nan, "", 0)
    assert lock.complete()
    lock.wait(40, TIMEOUT_NS)
    assert not lock.lost(2 * TIMEOUT_NS)
    assert lock.lost(2 * TIMEOUT_NS + 1)
    lock.resume(3 * TIMEOUT_NS)
    assert not lock.lost(4 * TIMEOUT_NS)


def test_repeats_at_its_period(lock):
    assert not lock.repeat_due(REPEAT_NS - 1)
    assert lock.repeat_due(REPEAT_NS)
    assert not lock.repeat_due(REPEAT_NS + 1)
    assert lock.repeat_due(2 * REPEAT_NS)


def test_commands_off_their_image_are_counted():
    lock = Lockstep()
    lock.wait(100, 0, image_ns=100)
    lock.on_applied(100, (), math.nan, "policy", 100)
    assert lock.off_image == 0
    lock.on_applied(100, (), math.nan, "policy", 0)
    lock.on_applied(120, (), math.nan, "policy", 100)
    lock.on_applied(100, (), math.nan, "", 0)
    assert lock.off_image == 1
