import numpy as np
import pytest

from robot_meta.results import read_result
from ros_nodes.commands import bench_sim
from sim.envs import SawyerEnv


@pytest.fixture(scope="module")
def taped():
    env = SawyerEnv("place", split="test", image=None, max_steps=200)
    yield env, bench_sim.record(env, 0)
    env.close()


def test_every_variant_repeats_the_same_motion(taped, tmp_path):
    env, tape = taped
    ends = []
    for repeat in (bench_sim.env_rate, bench_sim.bare_rate):
        assert repeat(env, tape) > 0
        ends.append(env.episode.world.arm_q.copy())
    assert np.array_equal(*ends)
    other = bench_sim.gymnasium_env(env.episode, tmp_path, tape)
    assert bench_sim.gymnasium_rate(other, tape) > 0
    assert other.model.opt.timestep == env.episode.world.model.opt.timestep
    # Its controls change five times as seldom, but it ends about there.
    assert np.allclose(other.data.qpos[:7], ends[0], atol=0.05)
    other.close()


def test_the_bench_writes_every_figure(tmp_path):
    path = tmp_path / "bench-sim.json"
    assert bench_sim.sim_bench(rounds=1, json=path) == 0
    metrics = read_result(path)["metrics"]
    assert set(metrics) == {
        "sawyer_env_steps_per_s",
        "bare_mj_step_per_s",
        "gymnasium_env_steps_per_s",
        "render_fps_84",
        "gymnasium_render_fps_84",
        "env_over_bare_ratio",
        "gymnasium_env_over_bare_ratio",
    }
    ratio = metrics["sawyer_env_steps_per_s"]["value"] / metrics["bare_mj_step_per_s"]["value"]
    assert metrics["env_over_bare_ratio"]["value"] == pytest.approx(ratio)
