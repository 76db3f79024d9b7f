import json
from types import SimpleNamespace

import numpy as np
import pytest

from robot_meta.errors import ConfigError, ObservationError
from ros_nodes.arm_sim import START_NS, ArmSim, parse_task
from sim.envs import SawyerEnv
from sim.faults import CameraDelay, JointFriction
from sim.sawyer import JOINT_NAMES
from sim.servo import Servo


def trajectory(points):
    return SimpleNamespace(
        header=SimpleNamespace(stamp=SimpleNamespace(sec=0, nanosec=0)),
        joint_names=list(JOINT_NAMES),
        points=[
            SimpleNamespace(
                positions=list(q),
                velocities=list(qd),
                time_from_start=SimpleNamespace(sec=0, nanosec=round(t * 1e9)),
            )
            for t, q, qd in points
        ],
    )


@pytest.fixture
def sim():
    return ArmSim('{"family": "reach", "split": "test", "index": 3}', seed=5, image_size=None)


def test_time_begins_late_and_never_runs_back(sim):
    assert sim.time_ns == START_NS
    for task in ("", '{"family": "push"}', '{"family": "push"}', ""):
        for _ in range(3):
            before = sim.time_ns
            sim.step()
            assert sim.time_ns == before + 10_000_000
        before = sim.time_ns
        sim.reset(task=task, seed=1)
        assert sim.time_ns > before
        assert sim.time_ns % 100_000_000 == 0


def test_equal_seeds_give_equal_states_and_others_do_not(sim):
    first = sim.state_hash()
    for _ in range(7):
        sim.step()
    assert sim.state_hash() != first
    sim.reset(seed=6)
    assert sim.state_hash() != first
    sim.reset(task='{"family": "place"}', seed=5)
    sim.reset(task='{"family": "reach", "split": "test", "index": 3}', seed=5)
    assert sim.state_hash() == first
    assert sim.episode_number == 4


def test_runs_the_environments_episode_to_the_bit():
    env = SawyerEnv("place", "test", image=None)
    env.reset(seed=4, options={"task": 7, "trial": 2})
    task = {"family": "place", "split": "test", "index": 7, "trial": 2}
    sim = ArmSim(json.dumps(task), seed=4, image_size=None)
    np.testing.assert_array_equal(sim.joint_state()[0][:7], env.episode.world.arm_q)
    servo = Servo()
    servo.reset(sim.joint_state()[0][:7])
    for i in range(30):
        action = np.array([0.2 * np.sin(i / 5), 0.2 * np.cos(i / 7), -0.05, 0.01 * (i % 3)])
        _, _, _, _, info = env.step(action)
        sim.set_gripper([action[3]])
        for _ in range(5):
            servo.step(np.array([*action[:3], 0, 0, 0]), 0.02)
            sim.receiver.accept(trajectory(servo.braking_points(0.02)), sim.now_s, 0)
            sim.step()
            sim.step()
        assert info["success"] == sim.info()["success"]
    # Times in messages are whole nanoseconds, in the environment floats: nothing else differs.
    np.testing.assert_allclose(sim.joint_state()[0][:7], env.episode.world.arm_q, atol=1e-9)


def test_info_is_json_and_carries_what_a_person_sees(sim):
    for _ in range(10):
        sim.step()
    info = json.loads(json.dumps(sim.info(), allow_nan=False))
    assert info["family"] == "reach"
    assert len(info["arrangement"]) == 3
    assert info["expert"]["family"] == "reach"
    assert info["error_m"] > 0


def test_targets_keep_away_from_what_is_to_be_avoided(sim):
    before = np.array(sim.info()["target_xy_m"])
    task = parse_task(sim.task_json()) | {"avoid": before.tolist()}
    for seed in range(5):
        sim.reset(task=json.dumps(task), seed=seed)
        assert np.linalg.norm(np.array(sim.info()["target_xy_m"]) - before) >= 0.10


@pytest.mark.parametrize(
    ("task", "says"),
    [
        ("{", "not JSON"),
        ("[]", "JSON object with keys among family"),
        ('{"colour": 1}', "keys among family"),
        ('{"family": "fold"}', "no task family 'fold'"),
        ('{"split": "all"}', "split 'all'"),
        ('{"index": 5000}', "index 5000 is outside"),
        ('{"index": "x"}', "task: "),
        ('{"target": 9}', "target 9 is outside"),
        ('{"avoid": [1, 2]}', r"1 finite \[x, y\] rows"),
        ('{"family": "pick_place", "avoid": [[1, 2]]}', r"2 finite \[x, y\] rows"),
    ],
)
def test_tasks_that_do_not_exist_leave_the_world_alone(sim, task, says):
    before = sim.state_hash(), sim.episode_number, sim.time_ns
    with pytest.raises(ConfigError, match=says):
        sim.reset(task=task)
    assert (sim.state_hash(), sim.episode_number, sim.time_ns) == before


def test_other_nonsense_at_the_door(sim):
    with pytest.raises(ConfigError, match="no keyframe 'home'"):
        sim.reset(keyframe="home")
    with pytest.raises(ConfigError, match="no appearance preset 'wild'"):
        ArmSim(preset="wild")
    for values in ([], [0.01, 0.01], [float("nan")], [0.2], [-0.01]):
        with pytest.raises(ObservationError, match="need one opening"):
            sim.set_gripper(values)
    sim.receiver.emergency_stop(True, sim.now_s)
    with pytest.raises(ObservationError, match="emergency stop"):
        sim.set_gripper([0.01])


def test_a_reset_does_not_release_the_emergency_stop(sim):
    sim.receiver.emergency_stop(True, sim.now_s)
    sim.reset()
    assert sim.receiver.stopped


def test_a_diverged_world_says_so_and_a_reset_mends_it(sim):
    assert not sim.diverged
    sim.episode.world.data.qvel[0] = np.nan
    assert sim.diverged
    time_ns, number = sim.time_ns, sim.episode_number
    sim.reset()
    assert not sim.diverged
    assert sim.time_ns > time_ns
    assert sim.episode_number == number + 1


def test_a_bad_acceleration_does_not_pass_as_a_fresh_start(sim, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # MuJoCo writes its warning into the working directory
    sim.episode.world.data.qvel[0] = 1e15
    sim.step()
    assert sim.diverged


def test_a_fault_outlives_resets_and_goes_when_told(sim):
    def friction():
        model = sim.episode.world.model
        return model.dof_frictionloss[model.joint("right_j2").dofadr[0]]

    healthy = friction()
    sim.set_fault(JointFriction(joint="right_j2", friction_nm=5.0))
    assert friction() == 5.0
    sim.reset(seed=9)
    assert friction() == 5.0
    sim.reset(task='{"family": "place"}')
    assert friction() == 5.0
    sim.set_fault(CameraDelay(delay_s=0.3))
    assert friction() == healthy
    assert sim.camera_delay_ns == 300_000_000
    sim.set_fault(None)
    assert sim.camera_delay_ns == 0
