import math
from dataclasses import replace

import pytest
import torch

from robot_meta.motion import squared_error
from robot_meta.nets.dynamics import BOUND, OFFSET, Dynamics, DynamicsConfig, Normal
from tests.robot_meta.bodies import BODY, motion


def net(**more):
    steps = motion(1, 500)
    normal = Normal.of(steps.state[0], steps.action[0], steps.after[0])
    return Dynamics(DynamicsConfig(hidden=(16,), **more), BODY, normal), steps


def params(dynamics):
    return dynamics.init(torch.Generator().manual_seed(0))


def test_inputs_and_targets_are_normalised():
    dynamics, steps = net()
    inputs = dynamics.inputs(steps.state[0], steps.action[0])
    target = dynamics.target(steps.state[0], steps.after[0])
    for x in (inputs, target):
        assert torch.allclose(x.mean(0), torch.zeros(x.shape[1]), atol=1e-4)
        assert torch.allclose(x.std(0), torch.ones(x.shape[1]), atol=1e-3)


def test_delta_is_in_the_units_of_the_state():
    dynamics, steps = net()
    theta = params(dynamics)
    x = dynamics.inputs(steps.state[0], steps.action[0])
    delta = dynamics.delta(theta, x)
    undone = (delta - dynamics.delta_mean) / dynamics.delta_std
    assert torch.allclose(undone, dynamics.normalised(theta, x), atol=1e-5)
    exact = steps.after - steps.state
    assert squared_error(dynamics, exact, steps).max() < 1e-8


def test_what_was_never_seen_is_cut_off():
    dynamics, steps = net()
    far = dynamics.inputs(steps.state[0] * 1e6, steps.action[0])
    assert far.abs().max() <= BOUND


def test_half_precision_is_near_and_the_state_stays_whole():
    dynamics, steps = net()
    theta = params(dynamics)
    x = dynamics.inputs(steps.state[0], steps.action[0])
    half = dynamics.delta({n: p.bfloat16() for n, p in theta.items()}, x)
    assert half.dtype == torch.float32
    assert torch.allclose(half, dynamics.delta(theta, x), atol=0.05)


def test_size_of_the_figures_is_checked():
    from robot_meta.errors import ConfigError

    with pytest.raises(ConfigError, match="for a state of 4 and 2 motors"):
        Dynamics(DynamicsConfig(), BODY, Normal(input_mean=(0.0,) * 3, input_std=(1.0,) * 3))


def test_a_motor_without_gain_moves_nothing_whatever_it_is_told():
    dynamics, steps = net()
    theta = {**params(dynamics), "gain": torch.tensor([0.0, 1.0])}
    state = steps.state[0]
    told = [
        dynamics.normalised(theta, dynamics.inputs(state, steps.action[0] * torch.tensor(scale)))
        for scale in ([1.0, 1.0], [-0.5, 1.0], [1.0, -0.5])
    ]
    assert torch.allclose(told[0], told[1])
    assert not torch.allclose(told[0], told[2])


def test_folded_layers_are_the_same_function():
    dynamics, steps = net(context=3)
    theta = {**params(dynamics), "gain": torch.tensor([0.3, 0.8])}
    x = torch.cat([dynamics.inputs(steps.state[0], steps.action[0]), torch.ones(500, 3)], -1)
    plain = {**dynamics.folded(theta), "gain": torch.ones(2)}
    assert torch.allclose(dynamics.normalised(theta, x), dynamics.normalised(plain, x), atol=1e-5)


def test_a_turn_around_is_the_same_place():
    body = replace(BODY, turning=(2,))
    dynamics = Dynamics(DynamicsConfig(hidden=(16,)), body, Normal())
    theta, state = params(dynamics), torch.randn(5, 4)
    turned = state + torch.tensor([0.0, 0.0, 2.0 * math.pi, 0.0])
    action = torch.zeros(5, 2)
    here, there = (dynamics.delta(theta, dynamics.inputs(s, action)) for s in (state, turned))
    assert torch.allclose(here, there, atol=1e-5)
    half = dynamics.delta(theta, dynamics.inputs(state + torch.tensor([0, 0, 1.0, 0]), action))
    assert not torch.allclose(here, half, atol=1e-3)


def test_an_offset_is_a_sensor_that_is_off():
    """What the network says with an offset is what it says of a state that is so much higher."""
    dynamics, steps = net()
    theta = params(dynamics)
    off = torch.tensor([0.2, -0.1, 0.05])
    state, action = steps.state[0], steps.action[0]
    higher = state.clone()
    higher[:, 1:] += off * dynamics.input_std[1:4]
    with_offset = dynamics.normalised({**theta, OFFSET: off}, dynamics.inputs(state, action))
    assert torch.allclose(
        with_offset, dynamics.normalised(theta, dynamics.inputs(higher, action)), atol=1e-5
    )


def test_parameters_of_before_there_were_offsets_are_those_with_none():
    dynamics, steps = net()
    theta = params(dynamics)
    x = dynamics.inputs(steps.state[0], steps.action[0])
    before = {n: p for n, p in theta.items() if n != OFFSET}
    assert torch.equal(dynamics.normalised(before, x), dynamics.normalised(theta, x))
    assert "b0" in dynamics.folded(before)
