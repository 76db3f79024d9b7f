"""Efforts: bounded in size, rate and power; out of bounds, damped and latched."""

import numpy as np
import pytest

from sim.effort import Base, EffortLimit, EffortLimiter, EffortLimits, damped_stop

J = 8
DT = 0.01
UP = Base(0.0, 0.3)


def limits(**changes):
    given = {
        "effort": np.full(J, 20.0),
        "rate": np.full(J, 400.0),
        "joint_speed": np.full(J, 15.0),
        "damping": np.full(J, 2.0),
        "power_w": 250.0,
        "tilt_rad": 0.8,
        "height_m": (0.15, 0.6),
    }
    return EffortLimits(**(given | changes))


def test_random_efforts_never_break_a_limit():
    rng, limiter = np.random.default_rng(0), EffortLimiter(limits())
    last, met = np.zeros(J), 0
    for _ in range(4000):
        qd = rng.uniform(-14.0, 14.0, J)
        step = limiter.step(rng.normal(0.0, 25.0, J), qd, UP, DT)
        assert (np.abs(step.effort) <= 20.0 + 1e-9).all()
        power = step.effort * qd
        assert power[power > 0].sum() <= 250.0 + 1e-9
        if not step.flags & EffortLimit.POWER:
            assert (np.abs(step.effort - last) <= 4.0 + 1e-9).all()
        last = step.effort
        met |= step.flags
    assert met == EffortLimit.EFFORT | EffortLimit.EFFORT_RATE | EffortLimit.POWER


def test_efforts_within_limits_pass_unchanged():
    limiter = EffortLimiter(limits())
    wish = np.linspace(-3.0, 3.0, J)
    step = limiter.step(wish, np.zeros(J), UP, DT)
    assert (step.effort == wish).all()
    assert step.flags == 0


@pytest.mark.parametrize(
    ("qd", "base", "flag"),
    [
        (np.zeros(J), Base(0.9, 0.3), EffortLimit.TILT),
        (np.zeros(J), Base(np.nan, 0.3), EffortLimit.TILT),
        (np.zeros(J), Base(0.0, 0.1), EffortLimit.HEIGHT),
        (np.zeros(J), Base(0.0, 0.7), EffortLimit.HEIGHT),
        (np.r_[16.0, np.zeros(J - 1)], UP, EffortLimit.JOINT_SPEED),
        (np.r_[np.nan, np.zeros(J - 1)], UP, EffortLimit.JOINT_SPEED),
    ],
)
def test_out_of_bounds_is_damped_and_latched(qd, base, flag):
    limiter, wish = EffortLimiter(limits()), np.full(J, 3.0)
    limiter.step(wish, np.zeros(J), UP, DT)
    step = limiter.step(wish, qd, base, DT)
    assert step.flags & flag
    assert np.isfinite(step.effort).all()
    later = limiter.step(wish, np.full(J, 1.5), UP, DT)
    assert later.flags & flag, "back in bounds, but nobody asked for motion"
    assert later.effort == pytest.approx(-3.0)
    limiter.reset()
    assert limiter.step(wish, np.zeros(J), UP, DT).effort == pytest.approx(3.0)


def test_a_damped_stop_takes_energy_out_and_is_clamped():
    qd = np.array([0.0, 1.0, -2.0, 100.0, -100.0, 0.1, 5.0, -5.0])
    tau = damped_stop(qd, limits())
    assert (tau * qd <= 0.0).all()
    assert tau == pytest.approx([0.0, -2.0, 4.0, -20.0, 20.0, -0.2, -10.0, 10.0])


@pytest.mark.parametrize("bad", [np.zeros(J - 1), np.full(J, np.nan), np.full(J, np.inf)])
def test_a_wish_that_is_no_effort_is_refused(bad):
    with pytest.raises(ValueError, match="8 finite efforts"):
        EffortLimiter(limits()).step(bad, np.zeros(J), UP, DT)


@pytest.mark.parametrize(
    "bad",
    [
        {"effort": np.zeros(J)},
        {"rate": np.ones(J - 1)},
        {"damping": np.full(J, np.nan)},
        {"power_w": 0.0},
        {"tilt_rad": -1.0},
        {"height_m": (0.5, 0.2)},
    ],
)
def test_limits_that_do_not_bound_are_refused(bad):
    with pytest.raises(ValueError, match=r"got|must be"):
        limits(**bad)
