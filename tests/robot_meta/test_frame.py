import numpy as np
import pytest
import torch

from robot_meta.frame import back, both, facing, framed, turned
from robot_meta.locomotion import World, body_of
from robot_meta.motion import Steps
from tests.robot_meta.bodies import BODY, motion

ANT = World(robot="ant", fault="crippled_leg")


def yaws(*degrees):
    half = torch.deg2rad(torch.tensor(degrees, dtype=torch.float64)) / 2.0
    return torch.stack([torch.cos(half), torch.sin(half)], -1)


@pytest.fixture(scope="module")
def rolled():
    """States of an ant that is thrown about, and what a random action makes of each."""
    env, rng = ANT.make(), np.random.default_rng(0)
    states, actions = [env.world.reset(rng)], []
    for _ in range(40):
        actions.append(rng.uniform(-1, 1, env.world.model.nu))
        states.append(env.world.step(actions[-1]))
    whole = torch.from_numpy(np.stack(states))
    return env, Steps(whole[:-1], torch.from_numpy(np.stack(actions)), whole[1:])


def test_a_robot_that_is_turned_moves_in_the_same_way(rolled):
    """The physics itself: a step from the turned state is the turned step."""
    env, steps = rolled
    body, world = body_of(env), env.world
    quarter = yaws(90.0)[0]
    # Where nothing is touched: contacts have their own friction directions.
    start = steps.state[0].clone()
    start[2] = 3.0
    ends = []
    for state in (start, turned(body, start, quarter)):
        world.data.qpos[:], world.data.qvel[:] = state[:15].numpy(), state[15:].numpy()
        ends.append(torch.from_numpy(world.step(steps.action[0].numpy())))
    assert torch.allclose(turned(body, ends[0], quarter), ends[1], atol=1e-9)


def test_what_is_seen_does_not_depend_on_where_a_robot_faces(rolled):
    env, steps = rolled
    body = body_of(env)
    here = framed(body, steps)
    for half in yaws(-170.0, 30.0, 90.0, 200.0):
        away = [turned(body, x, half) for x in (steps.state, steps.after)]
        there = framed(body, Steps(away[0], steps.action, away[1]))
        # A quaternion and its opposite are one attitude.
        same = torch.allclose(there.state, here.state, atol=1e-9)
        assert same
        assert torch.allclose(there.after, here.after, atol=1e-9)
    seen = here.state[:, list(body.trunk)]
    assert torch.allclose(seen[:, 3], torch.zeros(()).double(), atol=1e-12)
    assert (seen[:, 0] >= 0).all()


def test_turning_back_undoes_turning_and_changes_turn_like_states(rolled):
    env, steps = rolled
    body = body_of(env)
    half = facing(body, steps.state)
    assert torch.allclose(turned(body, turned(body, steps.state, half), back(half)), steps.state)
    change = turned(body, steps.after, half) - turned(body, steps.state, half)
    assert torch.allclose(turned(body, steps.after - steps.state, half), change)


def test_two_turns_are_one(rolled):
    env, steps = rolled
    body, (first, second) = body_of(env), yaws(40.0, 75.0)
    twice = turned(body, turned(body, steps.state, first), second)
    assert torch.allclose(turned(body, steps.state, both(first, second)), twice)


def test_upside_down_is_no_direction(rolled):
    body = body_of(rolled[0])
    state = torch.zeros(1, body.state)
    state[0, body.trunk[1]] = 1.0
    assert facing(body, state).tolist() == [[1.0, 0.0]]


def test_robots_without_a_trunk_are_left_as_they_are():
    steps = motion(3, 4)
    assert framed(BODY, steps) is steps
    assert turned(BODY, steps.state, facing(BODY, steps.state)) is steps.state
