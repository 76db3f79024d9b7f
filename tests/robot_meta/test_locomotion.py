import numpy as np
import pytest

from robot_meta import checkpoint, learners
from robot_meta.config import as_dict
from robot_meta.data.branches import BranchConfig
from robot_meta.data.motion_set import MotionSet
from robot_meta.errors import ConfigError
from robot_meta.locomotion import (
    RoamConfig,
    World,
    acting,
    body_of,
    collect,
    episodes,
    gaits,
    moved,
    streams,
    true_simulator,
)
from robot_meta.online import OnlineConfig
from robot_meta.planning import PlanConfig

CHEETAH = World(robot="half_cheetah", fault="disabled_joint")


def test_streams_of_seeds_and_roles_share_nothing():
    drawn = [
        tuple(rng.integers(0, 2**62, 4))
        for seed in (0, 1, 10_000)
        for role in ("train", "test")
        for rng in streams(seed, role, 3)
    ]
    assert len(set(drawn)) == len(drawn)


def test_training_is_now_and_then_whole_and_tests_never_are():
    env, rng = CHEETAH.make(), np.random.default_rng(0)
    train = [CHEETAH.draw(env, "train", rng) for _ in range(200)]
    test = [CHEETAH.draw(env, "test", rng) for _ in range(50)]
    assert 0.1 < sum(f is None for f in train) / 200 < 0.3
    assert all(f.joint == 0 for f in test)
    assert all(f is None or f.joint != 0 for f in train)
    assert World(robot="ant", fault="none").draw(env, "test", rng) is None


@pytest.mark.parametrize("act", [gaits, true_simulator])
def test_episodes_repeat_with_their_seed(act):
    a, b, other = (episodes(CHEETAH, "train", act, 2, seed, steps=4) for seed in (3, 3, 4))
    assert a.states.shape == (2, 5, 18)
    assert np.allclose(a.states, b.states)
    assert not np.allclose(a.states, other.states)


def test_a_set_of_motion_is_collected_and_a_model_acts(tmp_path):
    path = tmp_path / "motion.npz"
    config = RoamConfig(gaits=3, true=0, together=2)
    assert list(collect(CHEETAH, config, path)) == [(0, 3), (2, 3), (3, 3)]
    assert len(MotionSet.load(path)) == 600
    settings = {"body": as_dict(body_of(CHEETAH.make())), "net": {"hidden": [8]}}
    learner = learners.make_motion("grbal", settings)
    file = tmp_path / "theta.safetensors"
    checkpoint.save(file, learner.init(0), learner.config, "grbal")
    planner = PlanConfig(horizon=2, candidates=4, rounds=1, elites=2)
    act = acting(checkpoint.load(file), OnlineConfig(planner=planner))
    done = episodes(CHEETAH, "train", act, 2, 0, steps=14)
    assert np.isfinite(done.states).all()


def test_who_acts_where_actions_arrive_late_knows_it(tmp_path):
    settings = {"body": as_dict(body_of(CHEETAH.make())), "net": {"hidden": [8]}}
    learner = learners.make_motion("grbal", settings)
    checkpoint.save(tmp_path / "theta", learner.init(0), learner.config, "grbal")
    planner = PlanConfig(horizon=2, candidates=4, rounds=1, elites=2)
    made = acting(checkpoint.load(tmp_path / "theta"), OnlineConfig(planner=planner))
    agents = []

    def act(batch, robots, seed):
        agents.append(made(batch, robots, seed))
        return agents[-1]

    late = episodes(CHEETAH, "train", act, 2, 0, steps=4, lag_steps=2)
    in_time = episodes(CHEETAH, "train", act, 2, 0, steps=4)
    assert [agent.config.lag for agent in agents] == [pytest.approx(2 / 5), 0.0]
    assert not np.allclose(late.states, in_time.states)


def test_futures_not_taken_are_collected_in_pieces_beside_what_happened():
    config = BranchConfig(count=2, past=5, future=3)
    pieces = moved(CHEETAH, "train", gaits, 2, 0, config)
    happened = 2 * (200 // 8)
    assert pieces.actions.shape == (happened + 2 * 195 * 2, 8, 6)
    # The first of them begins as its episode did, and the first step of its future happened too.
    whole = episodes(CHEETAH, "train", gaits, 2, 0)
    assert np.allclose(pieces.states[happened, :7], whole.states[0, :7], atol=1e-4)
    with pytest.raises(ConfigError, match="strides"):
        moved(World(robot="go1", fault="crippled_leg"), "train", gaits, 1, 0, config)


def test_unknown_robots_are_refused():
    with pytest.raises(ConfigError, match="half_cheetah, ant"):
        World(robot="spot", fault="none")
    with pytest.raises(ConfigError, match="no episodes"):
        list(collect(CHEETAH, RoamConfig(gaits=0, true=0), "nowhere.npz"))
