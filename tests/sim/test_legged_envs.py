import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import sim  # noqa: F401 - registers the ids
from sim.leg_faults import DisabledJoint


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["sim/HalfCheetah-v0", "sim/Ant-v0"])
def test_keeps_gymnasiums_contract(name):
    check_env(gymnasium.make(name).unwrapped, skip_render_check=True)


def test_a_fault_by_name_is_the_fault_itself():
    def total(fault, **parameters):
        env = gymnasium.make("sim/HalfCheetah-v0").unwrapped
        env.set_fault(fault, **parameters)
        env.reset(seed=0)
        return sum(env.step(np.full(6, 0.5))[1] for _ in range(10))

    assert total("disabled_joint", joint=1) == total(DisabledJoint(joint=1))
    assert total("disabled_joint", joint=1) != total(None)


def test_a_fault_switched_in_mid_episode_counts_from_then_on():
    env = gymnasium.make("sim/Ant-v0").unwrapped
    env.reset(seed=0)
    plain = [env.step(np.full(8, 0.5))[0] for _ in range(6)]
    env.reset(seed=0)
    switched = []
    for t in range(6):
        if t == 3:
            env.set_fault("crippled_leg", leg=3)
        switched.append(env.step(np.full(8, 0.5))[0])
    assert np.array_equal(plain[:3], switched[:3])
    assert not np.array_equal(plain[3:], switched[3:])


def test_body_tells_what_a_learner_needs():
    env = gymnasium.make("sim/Ant-v0").unwrapped
    assert env.body["state"] == env.observation_space.shape[0] == 29
    assert env.body["hidden"] == [0, 1]
    assert env.body["dt_s"] == pytest.approx(0.05)


def test_renders_what_follows_the_robot():
    env = gymnasium.make("sim/HalfCheetah-v0", size=(64, 96)).unwrapped
    env.reset(seed=0)
    whole = env.render().copy()
    env.set_fault("disabled_joint", joint=0)
    broken = env.render()
    assert whole.shape == (64, 96, 3)
    assert not np.array_equal(whole, broken)  # what is broken is coloured
    env.close()


def test_unknown_options_are_refused():
    env = gymnasium.make("sim/HalfCheetah-v0").unwrapped
    with pytest.raises(ValueError, match="there is fault"):
        env.reset(options={"wind": 3})
    with pytest.raises(ValueError, match="train or test"):
        env.draw_fault("slope", "val", np.random.default_rng(0))
