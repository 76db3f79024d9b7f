import numpy as np
import pytest

from sim.ground_faults import HeightField, Slope
from sim.legged import ANT, HALF_CHEETAH, LeggedWorld


def test_a_slope_keeps_the_size_of_gravity():
    world = LeggedWorld(ANT)
    Slope(degrees=30.0).apply(world)
    gravity = world.model.opt.gravity
    assert np.linalg.norm(gravity) == pytest.approx(9.81)
    assert gravity[0] == pytest.approx(-9.81 / 2)


def test_a_hill_carries_the_robot_up():
    world = LeggedWorld(ANT)
    HeightField(profile="steep").apply(world)
    world.reset(np.random.default_rng(0))
    world.data.qpos[0:3] = [6.0, 0.0, 3.0]
    for _ in range(40):
        world.step(np.zeros(8))
    assert world.data.qpos[2] > 1.5  # (6 - 1) * 0.4 m of hill, and the robot's own height


def test_random_fields_differ_from_episode_to_episode():
    world = LeggedWorld(HALF_CHEETAH)
    HeightField(profile="random").apply(world)
    world.reset(np.random.default_rng(0))
    first = world.model.hfield_data.copy()
    world.reset(np.random.default_rng(1))
    assert not np.array_equal(world.model.hfield_data, first)
