import numpy as np
import pytest

from robot_meta import checkpoint, learners, online_experiment, online_figures
from robot_meta import evaluate_online as online
from robot_meta.config import as_dict
from robot_meta.errors import ConfigError, DataError
from robot_meta.evaluate_online import Trials
from robot_meta.locomotion import World, body_of
from robot_meta.options import EvalOptions
from robot_meta.results import read_result

WORLD = World(robot="half_cheetah", fault="disabled_joint")
TINY = {"net": {"hidden": [8]}}
PLANNER = {"horizon": 2, "candidates": 4, "rounds": 1, "elites": 2}


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """Untrained parameters of three methods where trained ones would be, and a small planner."""
    monkeypatch.setattr(online, "FOLDER", tmp_path)
    monkeypatch.setattr(online, "ONSETS", (3, 5))
    body = as_dict(body_of(WORLD.make()))
    for whose, name in (("grbal", "grbal"), ("mb", "mb"), ("oracle", "mb")):
        learner = learners.make_motion(name, {"body": body, **TINY})
        path = online.path_of(whose, WORLD, 0)
        checkpoint.save(path, learner.init(len(whose)), learner.config, name)
    from robot_meta.planning import PlanConfig

    tiny = PlanConfig(**PLANNER)
    load = online.load_method
    monkeypatch.setattr(online, "load_method", lambda *a, **k: load(*a, planner=tiny))
    monkeypatch.setattr("robot_meta.locomotion.TRUE_PLANNER", tiny)
    return tmp_path


def test_every_method_meets_the_same_robots(trained):
    trials = Trials(world=WORLD, count=3, steps=14)
    grbal = online.load_method("adapted", WORLD, 0)
    plain = online.load_method("no_adaptation", WORLD, 0)
    a, b = online.run(trials, grbal), online.run(trials, plain)
    assert np.array_equal(a.states[:, :2], b.states[:, :2])  # the first action is pending: rest
    assert not np.array_equal(a.states[:, -1], b.states[:, -1])
    assert np.allclose(online.run(trials, grbal).states, a.states)


def test_a_fault_in_mid_episode_changes_nothing_before_it(trained):
    plain = online.load_method("no_adaptation", WORLD, 0)
    healthy = online.run(Trials(world=WORLD, count=3, steps=12, healthy=True), plain)
    middle = online.run(Trials(world=WORLD, count=3, steps=12, onset=True), plain)
    assert np.allclose(healthy.states[:, :3], middle.states[:, :3])
    assert not np.allclose(healthy.states[:, -1], middle.states[:, -1])


def test_no_seed_of_an_evaluation_meets_training(trained):
    env = WORLD.make()
    faults = [
        online.draw_trial(Trials(world=WORLD), env, rng)[0]
        for rng in online.fault_streams(Trials(world=WORLD))
    ]
    assert {fault.joint for fault in faults} == {0}


def test_without_adaptation_is_theta_itself(trained):
    method = online.load_method("adapted", WORLD, 0)
    still = online.without_adaptation(method)
    assert still.learner.config.steps == 0
    assert online.load_method("history", WORLD, 0) is None
    rls = learners.make_motion("rls", {"body": as_dict(body_of(WORLD.make()))})
    with pytest.raises(ConfigError, match="no steps to leave out"):
        online.without_adaptation(online.Method(rls, {}, method.online, ""))


def test_speed_is_a_moving_mean_of_half_a_second():
    states = np.zeros((1, 41, 1))
    states[0, :, 0] = 0.1 * np.arange(41)  # 2 m/s
    states[0, 21:, 0] = states[0, 20, 0]  # stops after a second
    from robot_meta.data.roam import Roamed

    speed = online.speeds(Roamed(states, states, states[:, :, 0]), 0, 0.05)[0]
    assert np.allclose(speed[:20], 2.0)
    assert speed[24] == pytest.approx(1.0)
    assert np.allclose(speed[30:], 0.0)


def test_recovery_is_counted_from_the_fault_and_may_never_come():
    speed, goal = np.full(60, 1.0), np.full(60, 0.7)
    speed[20:40] = 0.1
    assert online.recovery_s(speed, goal, 20, 0.05) == pytest.approx(1.0)
    speed[20:] = 0.1
    assert online.recovery_s(speed, goal, 20, 0.05) == float("inf")


def test_a_whole_evaluation_gives_the_contracts_figures(trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(online, "frozen_log", lambda world: _log())
    monkeypatch.setattr(online_figures, "TICK_SECONDS", 1)
    work = online_figures.Work(world=WORLD, count=3, steps=30)
    runs = list(work.runs("grbal"))
    assert len(runs) == work.total("grbal")
    assert [r.name for r in runs] == [
        "oracle_sim",
        "adapted",
        "healthy",
        "no_adaptation",
        "mb_de",
        "oracle",
    ]
    found = online_figures.metrics(work, runs)
    for key in (
        "return_adapted",
        "return_no_adaptation",
        "return_oracle",
        "return_oracle_sim",
        "return_healthy",
        "adapted_minus_mb_ci_low",
        "oracle_minus_mb",
        "pred_error_ratio",
        "recovered_fraction",
        "recovery_s_p50",
        "tick_ms_p99",
    ):
        assert np.isfinite(found[key].value), key
    own = np.mean([r.returns for r in runs if r.name == "adapted"])
    assert found["return_adapted"].value == pytest.approx(own)
    difference = found["return_adapted"].value - found["return_no_adaptation"].value
    assert found["adapted_minus_mb"].value == pytest.approx(difference)
    assert len(online_figures.protocol(work)) > 20


def test_the_experiment_leaves_a_results_file_and_a_picture(trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(online, "frozen_log", lambda world: _log())
    monkeypatch.setattr(online_figures, "TICK_SECONDS", 1)
    monkeypatch.setattr(online_experiment, "QUICK_TRIALS", 2)
    monkeypatch.setattr(online_experiment, "QUICK_STEPS", 30)
    found = online_experiment.run(quick=True)
    written = read_result("results/online-adaptation-quick.json")
    assert set(written["metrics"]) == set(found)
    assert "half_cheetah-disabled_joint_return_adapted" in found
    assert written["config"]["without_parameters"] == [
        "half_cheetah-hfield",
        "half_cheetah-pier",
        "ant-crippled_leg",
    ]
    assert (tmp_path / "results/online-adaptation-quick.png").stat().st_size > 1000
    with pytest.raises(DataError, match="no parameters for any world"):
        online_experiment.run(worlds=online_experiment.WORLDS[1:])


def test_what_is_not_trained_is_not_evaluated(tmp_path, monkeypatch):
    from robot_meta import motion_commands

    monkeypatch.setattr(online, "FOLDER", tmp_path)
    with pytest.raises(DataError, match="robot-meta train grbal half_cheetah"):
        motion_commands.evaluate("grbal", WORLD, EvalOptions(trials=2))


def _log():
    from robot_meta.locomotion import episodes, gaits

    return episodes(WORLD, "test", gaits, 2, 0, steps=40).motion()


def test_dynamic_evaluation_takes_as_many_steps_as_who_was_trained_to(trained):
    found = checkpoint.load(online.path_of("grbal", WORLD, 0))
    for steps in (2, 5):
        path = online.path_of("grbal", WORLD, 0)
        checkpoint.save(path, found.params, {**found.config, "steps": steps}, "grbal")
        same = online.load_method("mb_de", WORLD, 0)
        assert same.learner.config.steps == steps
    assert online.load_method("no_adaptation", WORLD, 0).learner.config.steps == 0
