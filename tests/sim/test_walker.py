import numpy as np
import pytest

from sim.legged import GO1, LeggedWorld
from sim.stride_batch import StrideBatch, spec
from sim.walker import (
    CROUCH,
    FULL_SPEED,
    MAX_SPEED,
    SEEN,
    STAND,
    STRIDE_S,
    TICK_S,
    TICKS,
    Walker,
    mirrored_seen,
)


def standing(count=1):
    state = LeggedWorld(GO1).reset(np.random.default_rng(0))
    return np.repeat(state[None], count, axis=0)


def settle(walker, states, **command):
    for _ in range(2 * TICKS):
        target = walker.step(states, **command)
    return target


def test_without_a_speed_it_stands():
    assert settle(Walker(standing()), standing(), speed=0.0)[0] == pytest.approx(STAND)


def test_targets_are_never_faster_than_allowed_and_walk_when_told():
    walker, states = Walker(standing()), standing()
    before, moved = walker.target, 0.0
    for _ in range(3 * TICKS):
        after = walker.step(states)
        assert np.abs(after - before).max() <= MAX_SPEED * TICK_S + 1e-9
        moved, before = moved + np.abs(after - before).max(), after
    assert moved > 1.0


def test_half_the_speed_is_half_the_stride_and_none_is_none():
    def spread(speed):
        walker, states = Walker(standing()), standing()
        settle(walker, states, speed=speed)
        way = np.stack([walker.step(states, speed)[0] for _ in range(TICKS)])
        return np.ptp(way[:, 1])

    assert spread(FULL_SPEED) > spread(0.5 * FULL_SPEED) > spread(0.0) == 0.0


def test_who_falls_crouches_and_gets_up_again():
    walker, states = Walker(standing()), standing()
    settle(walker, states)
    fallen = states.copy()
    fallen[:, 3:7] = [np.cos(0.3), np.sin(0.3), 0.0, 0.0]  # 0.6 rad of roll
    for _ in range(15):
        down = walker.step(fallen)
    assert down[0] == pytest.approx(CROUCH)
    assert np.abs(settle(walker, states, speed=0.0)[0] - STAND).max() < 1e-9


def test_without_a_leg_it_rocks_and_crouches_later():
    def crouches(roll, trust):
        walker, states = Walker(standing()), standing()
        walker.begin(trust)
        tilted = states.copy()
        tilted[:, 3:7] = [np.cos(roll / 2), np.sin(roll / 2), 0.0, 0.0]
        for _ in range(15):
            target = walker.step(tilted)
        return target[0] == pytest.approx(CROUCH)

    whole, limping = np.zeros((1, 4)), np.eye(4)[3:]
    assert [crouches(roll, whole) for roll in (0.3, 0.6, 1.0)] == [False, True, True]
    assert [crouches(roll, limping) for roll in (0.3, 0.6, 1.0)] == [False, False, True]


def test_what_is_seen_is_told_in_the_heading_it_began_with():
    states = standing()
    half = 0.25 * np.pi
    states[:, 3:7] = [np.cos(half), 0.0, 0.0, np.sin(half)]  # it looks along y
    walker = Walker(states)
    states[:, 1] += 0.5
    walker.step(states)
    seen = walker.seen(states)
    assert seen.shape == (1, SEEN)
    assert seen[0, :3] == pytest.approx([0.5, 0.0, 0.0], abs=1e-9)


def test_a_mirror_twice_shows_what_is_there():
    seen = np.random.default_rng(0).standard_normal((2, SEEN))
    assert (mirrored_seen(mirrored_seen(seen)) == seen).all()
    assert (mirrored_seen(seen)[:, 9] == seen[:, 10]).all()


def test_a_walk_goes_on_from_a_copy_of_its_walker():
    with StrideBatch(2, threads=1) as batch:
        batch.reset([np.random.default_rng(s) for s in range(2)])
        batch.step(np.zeros((2, 4)))
        told, reward = batch.simulate(np.zeros((2, 1, 2, 4)))
        batch.step(np.zeros((2, 4)))
        _, last = batch.step(np.zeros((2, 4)))
        assert told[:, 0, 1] == pytest.approx(batch.states(), abs=1e-6)
        assert reward[:, 0, 1] == pytest.approx(last, abs=1e-5)


def test_nothing_is_gained_by_walking_faster_than_commanded():
    with StrideBatch(2) as batch:
        batch.reset([np.random.default_rng(i) for i in range(2)])
        for _ in range(4):
            before = batch.states()
            after, gained = batch.step(np.zeros((2, 4)))
    speed = (after - before)[:, 0] / STRIDE_S
    assert gained == pytest.approx(np.minimum(speed, FULL_SPEED))
    assert spec()["top_mps"] == FULL_SPEED
