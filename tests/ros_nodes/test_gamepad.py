from types import SimpleNamespace

import pytest

from robot_meta.errors import ConfigError, ObservationError
from ros_nodes.gamepad import JOY_TIMEOUT_S, Gamepad, PadLayout
from ros_nodes.hand import Pressed


def joy(*, x=0.0, y=0.0, z=0.0, yaw=0.0, deadman=0, opened=0, closed=0, estop=0, take=0):
    buttons = [closed, opened, estop, 0, deadman, 0, 0, take]
    return SimpleNamespace(axes=[y, x, 0.0, yaw, z, 0.0], buttons=buttons)


@pytest.fixture
def pad():
    pad = Gamepad(PadLayout(), linear_m_s=0.2, angular_rad_s=0.5, opening_max_m=0.08)
    pad.push(joy(), 0.0)
    return pad


def test_full_sticks_give_full_speed_by_axis(pad):
    pad.push(joy(x=1.0, y=-1.0, z=1.0, yaw=-1.0, deadman=1), 0.1)
    command = pad.command(0.1)
    assert command.active
    assert command.twist == pytest.approx((0.2, -0.2, 0.2, 0.0, 0.0, -0.5))


def test_nothing_moves_without_the_deadman(pad):
    pad.push(joy(x=1.0, opened=1), 0.1)
    command = pad.command(0.1)
    assert not command.active
    assert command.twist == (0.0,) * 6
    assert command.opening_m is None


def test_deadman_must_have_been_seen_up():
    pad = Gamepad(PadLayout(), linear_m_s=0.2, angular_rad_s=0.5, opening_max_m=0.08)
    pad.push(joy(x=1.0, deadman=1), 0.0)
    assert not pad.command(0.0).active
    pad.push(joy(x=1.0), 0.05)
    pad.push(joy(x=1.0, deadman=1), 0.1)
    assert pad.command(0.1).active


def test_a_silent_pad_is_released_and_must_be_armed_anew(pad):
    pad.push(joy(x=1.0, deadman=1), 1.0)
    pad.push(joy(), 1.05)
    pad.push(joy(x=1.0, deadman=1), 1.1)
    assert pad.command(1.1 + JOY_TIMEOUT_S).active
    late = 1.1 + JOY_TIMEOUT_S + 0.01
    assert not pad.command(late).active
    pad.push(joy(x=1.0, deadman=1), late)  # back, with the button still down
    assert not pad.command(late).active


def test_dead_zone_is_zero_and_the_curve_has_no_step(pad):
    pad.push(joy(x=0.119, deadman=1), 0.1)
    assert pad.command(0.1).twist[0] == 0.0
    pad.push(joy(x=0.121, deadman=1), 0.1)
    assert 0.0 < pad.command(0.1).twist[0] < 1e-4
    pad.push(joy(x=1.7, deadman=1), 0.1)  # a driver out of range does not exceed full speed
    assert pad.command(0.1).twist[0] == pytest.approx(0.2)


def test_gripper_is_held(pad):
    pad.push(joy(opened=1, deadman=1), 0.1)
    pad.push(joy(deadman=1), 0.2)
    assert pad.command(0.2).opening_m == 0.08
    pad.push(joy(closed=1, deadman=1), 0.3)
    assert pad.command(0.3).opening_m == 0.0


def test_estop_is_told_once_a_press_with_or_without_the_deadman(pad):
    assert pad.push(joy(estop=1), 0.1).estop
    assert not pad.push(joy(estop=1), 0.2).estop
    assert not pad.push(joy(), 0.3).estop
    assert pad.push(joy(estop=1, deadman=1), 0.4).estop


def test_asking_for_the_robot_is_told_once_a_press(pad):
    assert pad.push(joy(take=1), 0.1) == Pressed(take=True)
    assert pad.push(joy(take=1), 0.2) == Pressed()


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (SimpleNamespace(axes=[0.0], buttons=[0] * 8), r"1 axes, the layout asks for \{'axis_x'"),
        (SimpleNamespace(axes=[0.0] * 6, buttons=[0, 0]), r"2 buttons.*button_deadman"),
        (joy(x=float("nan"), deadman=1), "axis_x is nan"),
    ],
)
def test_a_pad_that_does_not_fit_is_refused_and_released(pad, message, says):
    pad.push(joy(x=1.0, deadman=1), 0.1)
    assert pad.command(0.1).active
    with pytest.raises(ObservationError, match=says):
        pad.push(message, 0.15)
    assert not pad.command(0.15).active


@pytest.mark.parametrize(
    ("layout", "says"),
    [
        ({"dead_zone": 1.0}, "dead_zone"),
        ({"axis_x": -1}, "index from 0"),
        ({"button_open": 0}, "two things"),
    ],
)
def test_layouts_that_no_pad_has(layout, says):
    with pytest.raises(ConfigError, match=says):
        PadLayout(**layout)
