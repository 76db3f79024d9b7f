import numpy as np
import pytest

from sim.leg_targets import BRAKE_S, TargetLimit, TargetLimiter, target_limits
from sim.legged import ANT, GO1
from sim.walker import STAND

LIMITS = target_limits(GO1)


def test_shares_of_a_range_go_from_one_end_to_the_other():
    assert (LIMITS.shares(LIMITS.low) == -1.0).all()
    assert (LIMITS.shares(LIMITS.high + 1.0) == 1.0).all()
    with pytest.raises(ValueError, match="efforts"):
        target_limits(ANT)


def test_targets_are_bounded_and_every_command_ends_at_rest():
    limiter, rng = TargetLimiter(LIMITS), np.random.default_rng(0)
    limiter.reset(STAND)
    before = STAND
    for _ in range(50):
        step = limiter.step(STAND + rng.normal(0.0, 2.0, 12), 0.02)
        (at_s, q, _), (end_s, _, rest) = step.points
        assert np.abs(q - before).max() <= LIMITS.speed[0] * 0.02 + 1e-9
        assert (q >= LIMITS.low).all()
        assert (q <= LIMITS.high).all()
        assert (rest == 0.0).all()
        assert end_s == pytest.approx(at_s + BRAKE_S)
        assert step.flags & TargetLimit.SPEED
        before = q


def test_nothing_moves_from_nowhere_and_no_number_is_no_wish():
    limiter = TargetLimiter(LIMITS)
    with pytest.raises(ValueError, match="nowhere"):
        limiter.step(STAND, 0.02)
    limiter.reset(STAND)
    with pytest.raises(ValueError, match="finite"):
        limiter.step(np.full(12, np.nan), 0.02)
    assert limiter.stop().points == []
    assert limiter.q is None
