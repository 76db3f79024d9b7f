import mujoco
import numpy as np
import pytest

from sim.leg_batch import LeggedBatch, reward
from sim.leg_faults import DisabledJoint, MotorDelay
from sim.legged import ANT, HALF_CHEETAH, LeggedWorld


def rngs(count):
    return [np.random.default_rng(i) for i in range(count)]


@pytest.mark.parametrize("robot", [HALF_CHEETAH, ANT], ids=lambda r: r.name)
def test_each_world_moves_as_it_would_alone(robot):
    draws = np.random.default_rng(9)
    with LeggedBatch(robot, 3, threads=2) as batch:
        batch.set_fault(1, DisabledJoint(joint=0))
        alone = [LeggedWorld(robot) for _ in range(3)]
        DisabledJoint(joint=0).apply(alone[1])
        batch.reset(rngs(3))
        for world, rng in zip(alone, rngs(3), strict=True):
            world.reset(rng)
        for _ in range(10):
            actions = draws.uniform(-1, 1, (3, batch.motors))
            states, _ = batch.step(actions)
            single = np.stack([w.step(a) for w, a in zip(alone, actions, strict=True)])
        assert np.allclose(states, single, atol=1e-6)


def test_an_action_that_arrives_late_leaves_the_first_physics_steps_to_the_one_before():
    draws = np.random.default_rng(1)
    alone = LeggedWorld(ANT)
    alone.reset(rngs(1)[0])
    with LeggedBatch(ANT, 1, threads=1, lag_steps=2) as batch:
        assert batch.lag == pytest.approx(2 / 5)
        batch.reset(rngs(1))
        before = np.zeros(8)
        for _ in range(3):
            action = draws.uniform(-1, 1, 8)
            states, _ = batch.step(action[None])
            for held in (before, before, action, action, action):
                alone.data.ctrl[:] = held
                mujoco.mj_step(alone.model, alone.data)
            before = action
        assert np.allclose(states[0], alone.state(), atol=1e-6)
        with pytest.raises(ValueError, match="lag_steps 5, need 0 to 4"):
            LeggedBatch(ANT, 1, lag_steps=5)


@pytest.mark.parametrize("lag_steps", [0, 2])
def test_an_imagined_future_is_the_one_that_comes(lag_steps):
    draws = np.random.default_rng(0)
    with LeggedBatch(HALF_CHEETAH, 2, threads=1, lag_steps=lag_steps) as batch:
        batch.set_fault(0, DisabledJoint(joint=3))
        batch.reset(rngs(2))
        batch.step(draws.uniform(-1, 1, (2, 6)))
        actions = draws.uniform(-1, 1, (2, 3, 4, 6))
        states, rewards = batch.simulate(actions)
        for t in range(4):
            after, gained = batch.step(actions[:, 1, t])
            assert np.allclose(after, states[:, 1, t], atol=1e-8)
            assert np.allclose(gained, rewards[:, 1, t], atol=1e-6)


def test_a_fault_is_taken_away_again():
    with LeggedBatch(HALF_CHEETAH, 1, threads=1) as batch:
        batch.set_fault(0, DisabledJoint(joint=0))
        batch.set_fault(0, None)
        batch.reset(rngs(1))
        whole = LeggedWorld(HALF_CHEETAH)
        whole.reset(rngs(1)[0])
        action = np.full(6, 0.7)
        assert np.allclose(batch.step(action[None])[0][0], whole.step(action), atol=1e-9)
        with pytest.raises(ValueError, match="knows no delays"):
            batch.set_fault(0, MotorDelay(steps=1))


def test_reward_is_speed_less_the_cost_of_effort():
    before, after = np.zeros(18), np.zeros(18)
    after[0] = 0.1
    action = np.array([2.0, 0, 0, 0, 0, 0.5])  # cut to 1
    got = reward(HALF_CHEETAH, before, action, after, 0.05)
    assert got == pytest.approx(0.1 / 0.05 - 0.05 * 1.25)
