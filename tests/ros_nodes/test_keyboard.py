import os
import pty
import termios

import pytest

from robot_meta.errors import ConfigError
from ros_nodes.hand import Pressed
from ros_nodes.keyboard import PRESS_S, SPEED_STEPS, KeyDecoder, KeyPad, Terminal


@pytest.fixture
def pad():
    return KeyPad(linear_m_s=0.2, angular_rad_s=0.5, opening_max_m=0.08)


def test_a_press_is_motion_for_its_time_and_no_longer(pad):
    pad.feed(b"w", 10.0)
    assert pad.command(10.0).twist == (0.1, 0.0, 0.0, 0.0, 0.0, 0.0)  # half speed at start
    assert pad.command(10.0 + PRESS_S - 1e-6).twist[0] == 0.1
    assert pad.command(10.0 + PRESS_S).twist == (0.0,) * 6
    assert not pad.command(10.0 + PRESS_S).active


def test_repeats_extend_the_motion_without_a_gap(pad):
    for i in range(20):  # a terminal's first repeat after 0.5 s, then 30 Hz
        now = 5.0 + (0.5 + i / 30 if i else 0.0)
        pad.feed(b"a", now)
        assert pad.command(now).twist[1] == 0.1
    assert pad.command(now + PRESS_S / 2).active
    assert not pad.command(now + PRESS_S).active


@pytest.mark.parametrize("other", [b"x", b"7", b"\r", b"\x1b", b"\xc3\xa4", b"\x00", b"o", b"+"])
def test_any_other_key_stops(pad, other):
    pad.feed(b"r", 0.0)
    assert pad.command(0.1).twist[2] > 0
    assert not pad.feed(other, 0.1).estop
    assert pad.command(0.1).twist == (0.0,) * 6


@pytest.mark.parametrize("key", [b"\r", b"\n"])
def test_enter_asks_for_the_robot_and_stops_like_any_other_key(pad, key):
    pad.feed(b"w", 0.0)
    assert pad.feed(key, 0.1) == Pressed(take=True)
    assert not pad.command(0.1).active
    assert pad.feed(b"w", 0.2) == Pressed()


def test_another_motion_key_ends_the_first_motion_and_starts_its_own(pad):
    pad.feed(b"w", 0.0)
    pad.feed(b"d", 0.2)
    assert pad.command(0.3).twist == (0.0, -0.1, 0.0, 0.0, 0.0, 0.0)
    assert not pad.command(0.2 + PRESS_S).active


@pytest.mark.parametrize("data", [b" ", b"www w", b" w", b"w \x1b[A", b"\r \n"])
def test_space_is_the_emergency_stop_whatever_came_with_it(pad, data):
    pad.feed(b"w", 0.0)
    assert pad.feed(data, 0.1) == Pressed(estop=True)
    assert not pad.command(0.1).active
    assert pad.command(0.1).twist == (0.0,) * 6


def test_gripper_keys_hold_their_opening_and_are_a_sign_of_life(pad):
    assert pad.command(0.0).opening_m is None
    pad.feed(b"o", 0.0)
    assert pad.command(0.1).opening_m == 0.08
    assert pad.command(0.1).active
    assert pad.command(0.1).twist == (0.0,) * 6
    pad.feed(b"c", 1.0)
    assert pad.command(99.0).opening_m == 0.0
    assert not pad.command(99.0).active


def test_speed_steps_and_its_ends(pad):
    pad.feed(b"+++++", 0.0)
    pad.feed(b"w", 0.0)
    assert pad.command(0.0).twist[0] == pytest.approx(0.2 * SPEED_STEPS[-1])
    pad.feed(b"------", 0.0)
    assert pad.speed == SPEED_STEPS[0]


@pytest.mark.parametrize(("data", "key"), [(b"\x1b[A", "up"), (b"\x1bOB", "down"), (b"W", "w")])
def test_arrows_and_capitals(data, key):
    assert KeyDecoder().feed(data) == [key]


def test_an_arrow_in_pieces_stops_first_and_moves_when_whole(pad):
    pad.feed(b"f", 0.0)
    pad.feed(b"\x1b", 0.1)
    assert not pad.command(0.1).active  # a lone Esc must not wait for more
    pad.feed(b"[", 0.1)
    pad.feed(b"C", 0.1)
    assert pad.command(0.1).twist[1] == -0.1


def test_decoder_takes_any_bytes():
    decoder = KeyDecoder()
    keys = decoder.feed(bytes(range(256)) * 2)
    assert keys.count("space") == 2
    assert keys.count("w") == 4


def test_terminal_gives_keys_and_restores_the_settings():
    keyboard, screen = pty.openpty()
    name = os.ttyname(screen)
    before = termios.tcgetattr(screen)
    with Terminal(name) as terminal:
        assert terminal.read() == b""
        assert not termios.tcgetattr(screen)[3] & (termios.ICANON | termios.ECHO)
        os.write(keyboard, b"w\x1b[A")
        assert terminal.read() == b"w\x1b[A"
    assert termios.tcgetattr(screen) == before
    os.close(keyboard)
    os.close(screen)


def test_a_terminal_that_goes_away_says_so():
    keyboard, screen = pty.openpty()
    with Terminal(os.ttyname(screen)) as terminal:
        os.close(screen)
        os.close(keyboard)
        assert terminal.read() is None


def test_no_terminal_is_refused_with_the_way_out(tmp_path):
    path = tmp_path / "plain"
    path.write_text("")
    with pytest.raises(ConfigError, match=r"reads a terminal, but .*plain is none.*device:=joy"):
        Terminal(str(path))
