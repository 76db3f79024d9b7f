"""Physics through one door: stepping, commands, saving and restoring to the bit."""

import mujoco
import numpy as np
import pytest

from sim.sawyer import A_MAX, DOWN_QUAT_WXYZ, GRIPPER_MAX_M, START_Q, START_TCP_M
from sim.scene import bare_arm, build
from sim.tasks import draw_task
from sim.world import World

ZERO = np.zeros(3)


@pytest.fixture(scope="module")
def model_world():
    return World(build(draw_task("push", "train", 0)))


@pytest.fixture
def world(model_world):
    """Three things in the air and on the table, the arm at its start."""
    model_world.reset()
    model_world.place_arm(START_Q, 0.03)
    for i in range(3):
        model_world.set_free_joint(
            f"object{i}", np.array([0.5, 0.15 * (i - 1), 0.05]), np.array([1.0, 0, 0, 0])
        )
    return model_world


def drive(world, steps):
    """Wave the arm; yields the state after every step."""
    for k in range(steps):
        world.set_arm_target(START_Q + 0.2 * np.sin(0.02 * k), np.full(7, 0.05))
        world.set_gripper(0.04 * (k % 2))
        world.step()
        yield world.data.qpos.copy(), world.data.qvel.copy()


def test_restoring_then_stepping_repeats_every_bit(world):
    world.step(150)
    state = world.save_state()
    first = list(drive(world, 200))
    end = world.save_state()
    for _ in range(2):
        world.restore_state(state)
        assert world.save_state() == state
        again = list(drive(world, 200))
        for (q, v), (p, w) in zip(first, again, strict=True):
            assert (q == p).all()
            assert (v == w).all()
        assert world.save_state() == end


def test_a_state_belongs_to_any_world_of_the_scene(world):
    world.step(60)
    state = world.save_state()
    other = World(world.scene)
    other.restore_state(state)
    list(drive(world, 50))
    list(drive(other, 50))
    assert world.save_state() == other.save_state()


def test_a_push_that_was_going_on_ends_when_it_would_have(world):
    world.step(100)
    world.apply_wrench("object1", np.array([0, 0, 8.0]), ZERO, world.body_pose("object1")[0], 0.05)
    world.step(10)
    state = world.save_state()
    world.step(15)
    world.step(60)
    after = world.save_state()
    world.restore_state(state)
    world.step(15)
    world.step(60)
    assert world.save_state() == after
    assert not world.data.xfrc_applied.any(), "and it has ended"


def test_a_foreign_state_is_refused(world):
    state = world.save_state()
    with pytest.raises(ValueError, match=f"the state has {len(state)} bytes, this model takes"):
        World(bare_arm()).restore_state(state)
    with pytest.raises(ValueError, match="this model takes"):
        world.restore_state(state[:-3])
    assert world.save_state() == state


def test_time_counts_on_over_a_reset(world):
    before = world.time_ns
    world.step(7)
    assert world.time_ns - before == 7 * 2_000_000
    world.reset()
    assert world.time_ns - before == 7 * 2_000_000
    assert World(world.scene, start_ns=123).time_ns == 123


def test_the_arm_follows_a_ramp_without_lag():
    """Position servos lag by kv / kp * velocity; the lead in the command takes that away."""
    world, dt = World(bare_arm()), 0.002
    world.place_arm(START_Q, 0.03)
    speed, q = np.array([0.3, -0.2, 0.25, -0.3, 0.4, 0.2, -0.5]), START_Q.copy()
    for k in range(500):
        v = speed * min(1.0, k * dt * 2.0)
        q = q + v * dt
        world.set_arm_target(q, v)
        world.step()
    lag = np.abs(world.arm_q - q)
    assert lag.max() < 2e-3
    assert np.abs(world.arm_qd - speed).max() < 0.02
    world.set_arm_target(q, np.zeros(7))
    world.step(300)
    assert np.abs(world.arm_qd).max() < 1e-3
    assert (A_MAX > 0).all()


def test_the_tip_is_where_the_kinematics_say():
    world = World(bare_arm())
    world.place_arm(START_Q, 0.03)
    pos, quat = world.tcp_pose()
    assert pos == pytest.approx(START_TCP_M, abs=2e-4)
    assert abs(quat @ DOWN_QUAT_WXYZ) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(("asked", "given"), [(-1.0, 0.0), (0.03, 0.03), (1.0, GRIPPER_MAX_M)])
def test_the_gripper_opens_within_its_travel(asked, given):
    world = World(bare_arm())
    world.place_arm(START_Q, 0.04)
    world.set_gripper(asked)
    world.step(600)
    assert world.gripper_m == pytest.approx(given, abs=2e-3)


def test_a_thing_falls_as_things_do(world):
    world.set_free_joint("object0", np.array([0.9, 0.3, 0.5]), np.array([1.0, 0, 0, 0]))
    world.step(100)
    assert world.body_pose("object0")[0][2] == pytest.approx(0.5 - 0.5 * 9.81 * 0.2**2, abs=3e-3)
    assert world.body_speed("object0") == pytest.approx(9.81 * 0.2, rel=0.02)


def test_a_wrench_is_force_over_mass_for_its_time(world):
    world.set_free_joint("object0", np.array([0.9, 0.3, 0.5]), np.array([1.0, 0, 0, 0]))
    body = world.model.body("object0")
    mass = float(body.mass[0])
    force = np.array([0.6, 0.0, 9.81 * mass])
    world.apply_wrench("object0", force, ZERO, world.data.body("object0").xipos, 0.1)
    for _ in range(100):
        world.step()
    dof = world.model.joint("object0").dofadr[0]
    # 0.1 s of push, 0.1 s of fall.
    assert world.data.qvel[dof] == pytest.approx(0.6 / mass * 0.1, rel=0.02)
    assert world.data.qvel[dof + 2] == pytest.approx(-9.81 * 0.1, rel=0.02)
    assert np.abs(world.data.qvel[dof + 3 : dof + 6]).max() < 1e-6


def test_a_push_off_centre_turns(world):
    world.set_free_joint("object0", np.array([0.9, 0.3, 0.5]), np.array([1.0, 0, 0, 0]))
    body = world.data.body("object0")
    axes = body.ximat.reshape(3, 3).copy()
    inertia = axes @ np.diag(world.model.body("object0").inertia) @ axes.T
    force, arm = np.array([0.5, 0.0, 0.0]), np.array([0.0, 0.02, 0.0])
    couple = np.array([0.0, 1e-3, 0.0])
    world.apply_wrench("object0", force, couple, body.xipos + arm, 0.002)
    world.step()
    dof = world.model.joint("object0").dofadr[0]
    spin = world.data.qvel[dof + 3 : dof + 6]
    torque = np.cross(arm, force) + couple
    assert spin == pytest.approx(np.linalg.solve(inertia, torque) * 0.002, rel=1e-3, abs=1e-6)


def test_only_free_bodies_can_be_put_somewhere(world):
    with pytest.raises(KeyError, match="not a free joint"):
        world.set_free_joint("right_j0", ZERO, np.array([1.0, 0, 0, 0]))
    with pytest.raises(KeyError):
        world.set_free_joint("object9", ZERO, np.array([1.0, 0, 0, 0]))


def test_a_state_that_blew_up_is_known_until_the_next_reset(world, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # MuJoCo writes its warnings to a file in the current folder
    assert world.finite
    world.data.qvel[0] = np.nan
    world.step(3)
    assert not world.finite
    world.reset()
    assert world.finite
    assert not mujoco.MjData(world.model).warning[0].number
