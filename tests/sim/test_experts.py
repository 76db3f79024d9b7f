"""The scripted experts solve what is drawn, and are functions of the present state alone."""

import numpy as np
import pytest

from sim import experts
from sim.envs import SPEED_M_S, SawyerEnv
from sim.sawyer import GRIPPER_MAX_M
from sim.tasks import FAMILIES


def solve(env, task, trial=0):
    """Whether the expert succeeds, and after how many steps."""
    env.reset(seed=0, options={"task": task, "trial": trial})
    for step in range(1, env.max_steps + 1):
        *_, terminated, truncated, info = env.step(env.expert())
        if terminated or truncated:
            return info["success"], step
    raise AssertionError("neither terminated nor truncated")


@pytest.fixture(params=FAMILIES)
def env(request):
    return SawyerEnv(request.param, "train", image=None, max_steps=120)


def test_experts_solve_a_few_drawn_tasks(env):
    for task in (11, 222, 3333):
        solved, steps = solve(env, task)
        assert solved, task
        assert steps < env.max_steps


@pytest.mark.slow
def test_experts_solve_nearly_all_drawn_tasks(env):
    failed = [task for task in range(0, 4000, 20) if not solve(env, task)[0]]
    assert len(failed) <= 4, f"98 % of 200; failed {failed}"


def test_experts_remember_nothing(env):
    """Called twice, or after another state, they say the same."""
    env.reset(seed=0, options={"task": 5})
    for _ in range(20):
        state = env.episode.privileged_state()
        action = experts.act(state)
        experts.act({**state, "tip": [0.6, 0.2, 0.02]})
        assert (experts.act(state) == action).all()
        assert action.shape == (4,)
        assert np.linalg.norm(action[:3]) <= SPEED_M_S
        assert 0.0 <= action[3] <= GRIPPER_MAX_M
        env.step(action)


@pytest.mark.parametrize("family", ["place", "push"])
def test_experts_recover_from_knocks(family):
    env = SawyerEnv(family, "train", image=None, max_steps=150)
    rng = np.random.default_rng(1)
    env.reset(seed=0, options={"task": 17})
    for step in range(env.max_steps):
        action = env.expert()
        if step % 12 < 3:
            action[:2] += rng.normal(0.0, 0.15, 2)
        *_, terminated, truncated, info = env.step(action)
        if terminated or truncated:
            break
    assert info["success"]


def test_an_unknown_family_is_an_error():
    with pytest.raises(KeyError, match="juggle"):
        experts.act({"family": "juggle"})
