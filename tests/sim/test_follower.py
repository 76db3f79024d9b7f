"""The follower: through the points, cubic between them, at rest after them."""

import numpy as np
import pytest

from sim.follower import TrajectoryFollower

Q0, Q1, Q2 = np.zeros(7), np.linspace(0.0, 0.06, 7), np.linspace(0.0, 0.1, 7)
V1 = np.linspace(0.0, 2.0, 7)
REST = np.zeros(7)


@pytest.fixture
def follower():
    made = TrajectoryFollower(Q0)
    made.reset(Q0, 3.0)
    made.set([(0.05, Q1, V1), (0.1, Q2, REST)], 3.0)
    return made


def test_it_passes_through_the_points_and_rests_after_the_last(follower):
    for time_s, q, v in [(3.0, Q0, REST), (3.05, Q1, V1), (3.1, Q2, REST), (9.0, Q2, REST)]:
        at = follower.sample(time_s)
        assert (at[0] == q).all()
        assert (at[1] == v).all()


def test_it_is_the_cubic_with_these_ends(follower):
    for begin, q0, v0, q1, v1 in [(3.0, Q0, REST, Q1, V1), (3.05, Q1, V1, Q2, REST)]:
        h = 0.05
        # c0 + c1 u + c2 u^2 + c3 u^3 from values and slopes at both ends.
        ends = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [1, h, h**2, h**3], [0, 1, 2 * h, 3 * h**2]])
        c = np.linalg.solve(ends, np.stack([q0, v0, q1, v1]))
        for u in np.linspace(0.001, 0.049, 20):
            q, v = follower.sample(begin + u)
            assert q == pytest.approx(np.array([1, u, u**2, u**3]) @ c, abs=1e-12)
            assert v == pytest.approx(np.array([0, 1, 2 * u, 3 * u**2]) @ c, abs=1e-10)


def test_a_new_trajectory_goes_on_from_the_present_motion(follower):
    before = [x.copy() for x in follower.sample(3.07)]
    follower.set([(0.02, Q0, REST)], 3.07)
    at = follower.sample(3.07)
    assert (at[0] == before[0]).all()
    assert (at[1] == before[1]).all()
    just_after = follower.sample(3.07 + 1e-7)
    assert just_after[1] == pytest.approx(before[1], abs=1e-3)
    assert (follower.sample(3.09)[0] == Q0).all()


def test_sums_of_periods_land_on_the_points():
    follower, now = TrajectoryFollower(Q0), 0.0
    for k in range(1, 2000):
        follower.set([(0.02, Q1 * k, V1), (0.06, Q2 * k, REST)], now)
        now += 0.01
        now += 0.01
        q, v = follower.sample(now)
        assert (q == Q1 * k).all()
        assert (v == V1).all()
