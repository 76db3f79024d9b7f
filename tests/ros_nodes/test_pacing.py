import math

import numpy as np
import pytest

from robot_meta.errors import ConfigError
from ros_nodes.pacing import MAX_DEBT_NS, Pacer

MS = 1_000_000


def test_keeps_the_rate_under_jitter():
    rng = np.random.default_rng(0)
    pacer, now, done = Pacer(10 * MS), 0, 0
    pacer.due(now)
    for _ in range(2000):
        now += int(rng.integers(1, 40)) * MS
        done += pacer.due(now)
        assert now - 5 * MS - 1 <= done * 10 * MS <= now + 5 * MS
    assert pacer.let_go == 0


@pytest.mark.parametrize("rate", [0.25, 1.0, 3.0])
def test_rate_scales_time(rate):
    pacer = Pacer(10 * MS, rate)
    done = sum(pacer.due(now) for now in range(0, 1001 * MS, MS))
    assert done == pytest.approx(100 * rate, abs=1)
    assert pacer.let_go == 0


def test_a_timer_of_the_batchs_period_gets_one_batch_a_call():
    rng = np.random.default_rng(1)
    pacer = Pacer(10 * MS)
    pacer.due(0)
    for i in range(1, 1000):
        assert pacer.due(10 * MS * i + int(rng.integers(-4 * MS, 4 * MS))) == 1


def test_a_long_stall_is_let_go():
    pacer = Pacer(10 * MS)
    pacer.due(0)
    assert pacer.due(MAX_DEBT_NS) == MAX_DEBT_NS // (10 * MS)
    assert pacer.due(60_000 * MS) == 1
    assert pacer.due(60_010 * MS) == 1
    assert pacer.let_go == 1


def test_restart_owes_nothing():
    pacer = Pacer(10 * MS)
    pacer.due(0)
    pacer.restart()
    assert pacer.due(50 * MS) == 0
    assert pacer.due(60 * MS) == 1
    assert pacer.due(60 * MS) == 0


def test_real_time_factor():
    pacer = Pacer(10 * MS, 2.0)
    pacer.due(0)
    assert math.isnan(pacer.real_time_factor(0))
    for now in range(0, 1001 * MS, 5 * MS):
        pacer.due(now)
    assert pacer.real_time_factor(1000 * MS) == pytest.approx(2.0, rel=0.02)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan")])
def test_nonsense_is_refused(rate):
    with pytest.raises(ConfigError, match="rate must be > 0"):
        Pacer(10 * MS, rate)
