"""Collected demonstrations: reproducible, resumable, and true to the environment."""

from dataclasses import fields, replace

import gymnasium
import numpy as np
import pytest

from robot_meta.data.collect import CollectConfig, collect, demonstrate, film
from robot_meta.data.demo_set import DemoSet
from robot_meta.data.video_set import VideoSet
from robot_meta.errors import ConfigError, DataError

CONFIG = CollectConfig(
    env_id="sim:sim/SawyerReach-v0", split="val", tasks=3, demos=2, clean=1, frames=5, shard=2
)


@pytest.fixture(scope="module")
def env():
    made = gymnasium.make(CONFIG.env_id, split="val", max_steps=120, image=None).unwrapped
    yield made
    made.close()


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    """A folder of two shards, made in a worker process."""
    folder = tmp_path_factory.mktemp("collected")
    news = list(collect(CONFIG, folder, workers=1))
    assert news == [(0, 2), (1, 2), (2, 2)]
    return folder


def test_shards_hold_the_tasks_in_order(collected, env):
    data = DemoSet.load(collected)
    assert data.rgb.shape == (3, 2, 5, 80, 80, 3)
    assert data.action.shape == data.state.shape == (3, 2, 5, 4)
    # Another process, another environment: the same demonstration to the bit.
    for task, k in ((0, 0), (2, 1)):
        here = demonstrate(env, CONFIG, task, k)
        for f in fields(DemoSet):
            assert np.array_equal(getattr(data, f.name)[task, k], here[f.name]), f.name


def test_only_missing_shards_are_made(collected):
    last = collected / "shard-000002.npz"
    first = (collected / "shard-000000.npz").stat().st_mtime_ns
    before = DemoSet.load(collected)
    last.unlink()
    assert list(collect(CONFIG, collected, workers=1)) == [(1, 2), (2, 2)]
    assert (collected / "shard-000000.npz").stat().st_mtime_ns == first
    after = DemoSet.load(collected)
    assert all(
        np.array_equal(getattr(before, f.name), getattr(after, f.name)) for f in fields(DemoSet)
    )


@pytest.mark.parametrize(("first", "tasks"), [(-1, 3), (198, 3), (0, 0), (20_000, 3)])
def test_tasks_that_the_split_does_not_have_are_refused_before_a_folder_is_made(
    first, tasks, tmp_path
):
    with pytest.raises(ConfigError, match="has 200: let `first` be at least 0"):
        list(collect(replace(CONFIG, first=first, tasks=tasks), tmp_path / "new"))
    assert not (tmp_path / "new").exists()


def test_what_a_demonstration_holds(env):
    path = demonstrate(env, CONFIG, 1, 0)
    down = int(path["before"].sum())
    assert 0 < down < 5, "frames from before and after the touch-down"
    assert path["before"][:down].all(), "in this order"
    # Reach: the end is above the thing meant, which is its own destination.
    assert path["keypose"][1, :2] == pytest.approx(path["marker"][-1, 0], abs=0.02)
    assert np.array_equal(path["marker"][:, 0], path["marker"][:, 1])
    assert path["rgb"].dtype == np.uint8
    assert np.linalg.norm(path["action"][:, :3], axis=1).max() <= 0.4


def test_pictures_belong_to_their_states(env):
    """The first frame is from the first fifth of the path: near the start of the same episode."""
    path = demonstrate(env, replace(CONFIG, frames=1000), 1, 0)
    _, first = np.unique(path["state"], axis=0, return_index=True)
    start = path["state"][0]
    observation, _ = env.reset(seed=CONFIG.seed, options={"task": 1, "trial": 0})
    assert start[:3] == pytest.approx(observation["ee_pos_m"], abs=1e-6)
    assert np.array_equal(path["rgb"][0], env.picture(env.episode.world.save_state()))
    assert len(first) > 5


def test_knocks_change_the_path_and_not_the_wish(env):
    clean = demonstrate(env, replace(CONFIG, clean=1), 1, 0)
    knocked = demonstrate(env, replace(CONFIG, clean=0, noise_m_s=0.05), 1, 0)
    assert np.array_equal(clean["marker"][0], knocked["marker"][0]), "the same arrangement"
    assert not np.array_equal(clean["state"], knocked["state"])
    hard = demonstrate(env, replace(CONFIG, clean=0, noise_m_s=0.15, misjudged_m=0.0), 1, 0)
    assert np.linalg.norm(hard["action"][:, :3], axis=1).max() <= 0.3 + 1e-6, "the expert's speed"


def test_eyes_that_err_drive_while_what_is_right_is_recorded(env):
    erring = replace(CONFIG, clean=0, noise_m_s=0.0, misjudged_m=0.015, frames=20)
    path = demonstrate(env, erring, 1, 0)
    slow = np.linalg.norm(path["action"][:, :3], axis=1) < 0.29
    towards = path["marker"][:, 0] - path["state"][:, :2]
    assert slow.any()
    # The expert's law near its goal: 4/s times what is left of the way to the thing itself.
    assert path["action"][slow, :2] == pytest.approx(4.0 * towards[slow], abs=5e-3)
    assert np.linalg.norm(towards[-1]) > 2e-3, "which is not where it was driven to"


def test_demos_of_a_task_lie_differently(env):
    one, other = (demonstrate(env, CONFIG, 1, k) for k in (0, 1))
    assert not np.allclose(one["marker"][0], other["marker"][0])
    again = demonstrate(env, CONFIG, 1, 0)
    assert all(np.array_equal(one[name], again[name]) for name in one)


def test_an_expert_that_never_succeeds_is_an_error(env):
    short = gymnasium.make(CONFIG.env_id, split="val", max_steps=2, image=None).unwrapped
    with pytest.raises(RuntimeError, match=r"failed 20 times on task 1 of sim:sim/SawyerReach-v0"):
        demonstrate(short, CONFIG, 1, 0)
    short.close()


def test_people_are_filmed_into_shards_of_their_own(tmp_path, env):
    config = replace(CONFIG, kind="human", tasks=2, demos=2, frames=3)
    assert list(collect(config, tmp_path, workers=1))[-1] == (1, 1)
    data = VideoSet.load(tmp_path)
    assert data.rgb.shape == (2, 2, 3, 80, 80, 3)
    assert data.marker.shape == (2, 2, 3, 2, 2)
    # Another process: the same film to the bit; of the task that entry 1 of a DemoSet is.
    here = film(env, config, 1, 1)
    for f in fields(VideoSet):
        assert np.array_equal(getattr(data, f.name)[1, 1], here[f.name]), f.name
    assert not np.array_equal(data.marker[1, 0], data.marker[1, 1]), "arrangements differ"
    with pytest.raises(DataError, match=r"no arrays .*action"):
        DemoSet.load(tmp_path)


def test_a_film_is_drawn_again_where_nobody_could_do_it(env, monkeypatch):
    config = replace(CONFIG, kind="human", demos=2, frames=3)
    shown, tried = env.film, []

    def twice_in_vain(task, *, trial, **more):
        tried.append(trial)
        if len(tried) < 3:
            raise RuntimeError("no person could")
        return shown(task, trial=trial, **more)

    monkeypatch.setattr(env, "film", twice_in_vain)
    assert film(env, config, 0, 1)["rgb"].shape == (3, 80, 80, 3)
    assert tried == [1, 3, 5]  # of no other film of the task

    def never(task, **more):
        raise RuntimeError("no person could")

    monkeypatch.setattr(env, "film", never)
    with pytest.raises(RuntimeError, match=r"people failed 20 times on task 0 of sim:sim/Sawyer"):
        film(env, config, 0, 1)
