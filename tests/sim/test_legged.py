import gymnasium
import numpy as np
import pytest

from sim.legged import ANT, HALF_CHEETAH, ROBOTS, LeggedWorld, robot_named
from sim.terrain import BLOCK, BLOCKS

PEERS = {"half_cheetah": "HalfCheetah-v5", "ant": "Ant-v5"}


@pytest.fixture(params=list(ROBOTS.values()), ids=list(ROBOTS))
def robot(request):
    return request.param


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("robot", [ROBOTS[name] for name in PEERS], ids=list(PEERS))
def test_moves_exactly_as_gymnasiums_robot(robot):
    peer = gymnasium.make(PEERS[robot.name]).unwrapped
    peer.reset(seed=0)
    world = LeggedWorld(robot)
    world.data.qpos[:], world.data.qvel[:] = peer.data.qpos, peer.data.qvel
    world.data.qacc_warmstart[:] = peer.data.qacc_warmstart
    rng = np.random.default_rng(1)
    for _ in range(10):
        action = rng.uniform(-1, 1, world.model.nu)
        peer.step(action)
        world.step(action)
    assert np.array_equal(world.data.qpos, peer.data.qpos)
    assert world.dt_s == pytest.approx(peer.dt)


def test_same_seed_same_motion(robot):
    def moved():
        world = LeggedWorld(robot)
        world.reset(np.random.default_rng(3))
        return [world.step(np.full(world.model.nu, 0.3)) for _ in range(5)][-1]

    assert np.array_equal(moved(), moved())


def test_restored_state_goes_on_as_before(robot):
    world = LeggedWorld(robot)
    world.reset(np.random.default_rng(0))
    saved = world.save_state()
    action = np.full(world.model.nu, 0.5)
    first = world.step(action)
    world.restore_state(saved)
    assert np.allclose(world.step(action), first, atol=1e-9)


def test_actions_are_cut_to_the_motors_range():
    def after(size):
        world = LeggedWorld(HALF_CHEETAH)
        world.reset(np.random.default_rng(0))
        return world.step(np.full(6, size))

    assert np.array_equal(after(1.0), after(7.0))


@pytest.mark.parametrize("action", [np.zeros(5), np.full(6, np.nan), np.full(6, np.inf)])
def test_bad_actions_are_refused_and_nothing_moves(action):
    world = LeggedWorld(HALF_CHEETAH)
    before = world.state()
    with pytest.raises(ValueError, match="need 6 finite numbers"):
        world.step(action)
    assert np.array_equal(world.state(), before)


def test_a_late_motor_acts_late_and_a_late_sensor_sees_late():
    push, none = np.full(6, 1.0), np.zeros(6)

    def trace(motor, sensor):
        world = LeggedWorld(HALF_CHEETAH)
        world.motor_delay, world.observation_delay = motor, sensor
        world.reset(np.random.default_rng(0))
        return np.stack([world.step(a) for a in (push, none, none, none)])

    prompt, late, blind = trace(0, 0), trace(1, 0), trace(0, 1)
    still = LeggedWorld(HALF_CHEETAH)
    still.reset(np.random.default_rng(0))
    assert np.array_equal(late[0], still.step(none))
    assert not np.array_equal(late[1], still.step(none))
    assert np.array_equal(blind[1:], prompt[:-1])


def test_a_pier_floats_level_and_leaves_the_robot_as_it_is(robot):
    flat, pier = LeggedWorld(robot), LeggedWorld(robot, "pier")
    assert pier.state().shape == flat.state().shape
    own = flat.model.nbody
    assert np.allclose(pier.model.body_mass[:own], flat.model.body_mass)
    for _ in range(40):
        pier.step(np.zeros(pier.model.nu))
    heights = [pier.data.joint(f"{BLOCK}_{i}").qpos[0] for i in range(BLOCKS)]
    assert np.abs(heights[3:]).max() < 1e-3  # nobody stands on these


def test_no_robot_is_called_spot():
    with pytest.raises(ValueError, match="half_cheetah, ant"):
        robot_named("spot")
    assert robot_named("ant") is ANT
