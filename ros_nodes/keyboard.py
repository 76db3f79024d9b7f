"""Keys of a plain terminal as a robot command: pure decoding, and the terminal itself. No ROS.

One rule, since a terminal tells of key presses but never of releases: a motion key is `PRESS_S` of
motion, its repeats extend it, any other key ends it (and starts its own motion, if it has one), and
space is the emergency stop. So a lost terminal, a closed lid or a hung link all end in a halt.
Enter asks for the robot: nothing moves before that.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import termios
import tty
from types import TracebackType

from robot_meta.errors import ConfigError
from ros_nodes.hand import HandCommand, Pressed, Twist

PRESS_S = 0.6
"""How long one press moves. A terminal's first repeat comes after up to 0.5 s, so holding a key
gives motion without a gap."""

SPEED_STEPS = (0.1, 0.25, 0.5, 1.0)
"""Fractions of the full speed that `-` and `+` step through."""

ARROWS = {"A": "up", "B": "down", "C": "right", "D": "left"}
MOTIONS: dict[str, tuple[int, float]] = {
    "w": (0, 1.0), "s": (0, -1.0), "up": (0, 1.0), "down": (0, -1.0),
    "a": (1, 1.0), "d": (1, -1.0), "left": (1, 1.0), "right": (1, -1.0),
    "r": (2, 1.0), "f": (2, -1.0),
    "q": (5, 1.0), "e": (5, -1.0),
}  # fmt: skip
"""Key -> (component of the twist vx vy vz wx wy wz, sign)."""
_NAMED = {0x20: "space", 0x0A: "enter", 0x0D: "enter"}
GRIPPER = {"o": 1.0, "c": 0.0}
"""Key -> opening as a fraction of the widest."""

HELP = """\
  w/s or up/down     forward, back          a/d or left/right  left, right
  r/f                up, down               q/e                turn the hand
  o/c                open, close gripper    +/-                faster, slower
  space              EMERGENCY STOP         any other key      stop
  Enter              take the robot (first of all, and after an emergency stop)
A press moves for 0.6 s; hold the key to go on.
"""


class KeyDecoder:
    """Bytes of a terminal -> names of keys; arrow sequences may arrive in pieces."""

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> list[str]:
        """Keys in the order pressed; unknown ones are `other`, and an unfinished escape is too.

        An escape that may still grow into an arrow counts as `other` at once (so a lone Esc stops
        the robot without a wait) and as the arrow when the rest has come.
        """
        data, self._pending = self._pending + data, b""
        keys: list[str] = []
        at = 0
        while at < len(data):
            rest = data[at:]
            if rest[:1] == b"\x1b":
                if rest in (b"\x1b", b"\x1b[", b"\x1bO"):
                    self._pending = rest
                    keys.append("other")
                    break
                arrow = ARROWS.get(chr(rest[2])) if rest[1:2] in (b"[", b"O") else None
                keys.append(arrow or "other")
                at += 3 if arrow else 1
                continue
            keys.append(_plain(rest[0]))
            at += 1
        return keys


def _plain(byte: int) -> str:
    if byte in _NAMED:
        return _NAMED[byte]
    key = chr(byte).lower()
    return key if key in MOTIONS or key in GRIPPER or key in ("+", "-") else "other"


class KeyPad:
    """The press rule. Time is an argument, in seconds of any clock that never runs back."""

    def __init__(self, linear_m_s: float, angular_rad_s: float, opening_max_m: float) -> None:
        self._full = (linear_m_s,) * 3 + (angular_rad_s,) * 3
        self._opening_max_m = opening_max_m
        self._decoder = KeyDecoder()
        self._speed = SPEED_STEPS.index(0.5)
        self._key = ""
        self._until_s = float("-inf")
        self._opening_m: float | None = None

    @property
    def speed(self) -> float:
        """Present fraction of the full speed."""
        return SPEED_STEPS[self._speed]

    def feed(self, data: bytes, now_s: float) -> Pressed:
        """Take bytes read at `now_s`; returns what else they say than motion."""
        keys = self._decoder.feed(data)
        for key in keys:
            self._press(key, now_s)
        if "space" in keys:  # whatever else came in the same read, the robot does not move on it
            self.stop()
            return Pressed(estop=True)
        return Pressed(take="enter" in keys)

    def stop(self) -> None:
        """End any motion at once."""
        self._key, self._until_s = "", float("-inf")

    def command(self, now_s: float) -> HandCommand:
        """The command at `now_s`: a full twist while a press lasts, zero after it."""
        twist = [0.0] * 6
        active = now_s < self._until_s
        if active and self._key in MOTIONS:
            index, sign = MOTIONS[self._key]
            twist[index] = sign * self.speed * self._full[index]
        vx, vy, vz, wx, wy, wz = twist
        twist_now: Twist = (vx, vy, vz, wx, wy, wz)
        return HandCommand(twist=twist_now, opening_m=self._opening_m, active=active)

    def _press(self, key: str, now_s: float) -> None:
        self.stop()
        if key in ("+", "-"):
            step = 1 if key == "+" else -1
            self._speed = min(max(self._speed + step, 0), len(SPEED_STEPS) - 1)
        elif key in GRIPPER:
            self._opening_m = GRIPPER[key] * self._opening_max_m
        if key in MOTIONS or key in GRIPPER:
            self._key, self._until_s = key, now_s + PRESS_S


class Terminal:
    """A terminal that gives keys as they are pressed; its settings come back on `close`.

    Args:
        path: a terminal device such as `/dev/pts/3`; empty for the standard input.

    Raises:
        ConfigError: when that is not a terminal.
    """

    def __init__(self, path: str = "") -> None:
        self._owned = bool(path)
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_NOCTTY) if path else sys.stdin.fileno()
            self._saved = termios.tcgetattr(self._fd)
        except (OSError, ValueError, termios.error) as error:
            raise ConfigError(
                f"keyboard teleoperation reads a terminal, but {path or 'the standard input'} is "
                f"none ({error}); start the node by hand in a terminal, name one with the "
                "parameter `tty`, or use device:=joy"
            ) from error
        tty.setcbreak(self._fd, termios.TCSANOW)

    def read(self) -> bytes | None:
        """Bytes waiting now, b"" when there are none, None when the terminal is gone."""
        try:
            if not select.select([self._fd], [], [], 0.0)[0]:
                return b""
            return os.read(self._fd, 1024) or None
        except OSError:
            return None

    def close(self) -> None:
        """Give the terminal its settings back."""
        with contextlib.suppress(termios.error):  # gone before us: nothing left to restore
            termios.tcsetattr(self._fd, termios.TCSANOW, self._saved)
        if self._owned:
            os.close(self._fd)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
