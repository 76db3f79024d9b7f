"""A gamepad's sensor_msgs/Joy as a robot command. Any object with `axes` and `buttons` will do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from robot_meta.errors import ConfigError, ObservationError
from ros_nodes.hand import AT_REST, HandCommand, Pressed, Twist

JOY_TIMEOUT_S = 0.25
"""A pad silent for longer is unplugged or hung (`joy_node` repeats at 20 Hz): the deadman drops."""


class JoyLike(Protocol):
    """The two fields of sensor_msgs/Joy that are read."""

    @property
    def axes(self) -> Sequence[float]:
        """Sticks and triggers, each in -1..1."""

    @property
    def buttons(self) -> Sequence[int]:
        """0 up, 1 down."""


@dataclass(frozen=True, kw_only=True)
class PadLayout:
    """Which axis and which button does what; the defaults fit common pads under `joy_node`.

    Triggers are left alone on purpose: many drivers report 0 (half pressed) until first touched.
    """

    axis_x: int = 1
    axis_y: int = 0
    axis_z: int = 4
    axis_yaw: int = 3
    button_deadman: int = 4
    button_open: int = 1
    button_close: int = 0
    button_estop: int = 2
    button_take: int = 7
    dead_zone: float = 0.12

    def __post_init__(self) -> None:
        """Refuse layouts that no pad can have."""
        if not 0.0 <= self.dead_zone < 1.0:
            raise ConfigError(f"dead_zone must be in [0, 1), got {self.dead_zone}")
        for name, index in (*self.axes().items(), *self.buttons().items()):
            if index < 0:
                raise ConfigError(f"{name} is an index from 0, got {index}")
        if len(set(self.buttons().values())) < len(self.buttons()):
            raise ConfigError(f"one button cannot do two things: {self.buttons()}")

    def axes(self) -> dict[str, int]:
        """Name -> axis index."""
        return {
            "axis_x": self.axis_x, "axis_y": self.axis_y,
            "axis_z": self.axis_z, "axis_yaw": self.axis_yaw,
        }  # fmt: skip

    def buttons(self) -> dict[str, int]:
        """Name -> button index."""
        return {
            "button_deadman": self.button_deadman, "button_open": self.button_open,
            "button_close": self.button_close, "button_estop": self.button_estop,
            "button_take": self.button_take,
        }  # fmt: skip


class Gamepad:
    """Joy messages in, commands out. Times are seconds of any clock that never runs back.

    The deadman counts only once it has been seen up: a pad that lies on its side at start, or comes
    back after a loss with the button still down, moves nothing.
    """

    def __init__(
        self, layout: PadLayout, linear_m_s: float, angular_rad_s: float, opening_max_m: float
    ) -> None:
        self._layout = layout
        self._linear_m_s = linear_m_s
        self._angular_rad_s = angular_rad_s
        self._opening_max_m = opening_max_m
        self._opening_m: float | None = None
        self._twist: Twist = AT_REST
        self._deadman = False
        self._armed = False
        self._down = Pressed()
        self._heard_s = float("-inf")

    def push(self, joy: JoyLike, now_s: float) -> Pressed:
        """Take a message heard at `now_s`; returns which other buttons went down with it.

        Raises:
            ObservationError: too few axes or buttons for the layout, or an axis that is no number;
                the deadman then counts as released.
        """
        if now_s - self._heard_s > JOY_TIMEOUT_S:
            self._armed = False
        try:
            axes = _pick("axes", joy.axes, self._layout.axes())
            buttons = _pick("buttons", joy.buttons, self._layout.buttons())
            for name, value in axes.items():
                if not math.isfinite(value):
                    raise ObservationError(f"joy: {name} is {value}; check the pad's driver")
        except ObservationError:
            self._deadman = self._armed = False
            raise
        self._heard_s = now_s
        held = buttons["button_deadman"] > 0
        self._armed |= not held
        self._deadman = held and self._armed
        self._twist = (
            self._linear_m_s * self._shape(axes["axis_x"]),
            self._linear_m_s * self._shape(axes["axis_y"]),
            self._linear_m_s * self._shape(axes["axis_z"]),
            0.0,
            0.0,
            self._angular_rad_s * self._shape(axes["axis_yaw"]),
        )
        if self._deadman and buttons["button_open"] > 0:
            self._opening_m = self._opening_max_m
        elif self._deadman and buttons["button_close"] > 0:
            self._opening_m = 0.0
        before = self._down
        self._down = Pressed(buttons["button_estop"] > 0, buttons["button_take"] > 0)
        return Pressed(self._down.estop and not before.estop, self._down.take and not before.take)

    def command(self, now_s: float) -> HandCommand:
        """The command at `now_s`: zero when the deadman is up or the pad is silent."""
        active = self._deadman and now_s - self._heard_s <= JOY_TIMEOUT_S
        twist = self._twist if active else AT_REST
        return HandCommand(twist=twist, opening_m=self._opening_m, active=active)

    def _shape(self, value: float) -> float:
        """Zero inside the dead zone, then from 0 to 1 without a step, fine near the middle."""
        zone = self._layout.dead_zone
        size = min(max(abs(value) - zone, 0.0) / (1.0 - zone), 1.0)
        return math.copysign(size * size, value)


def _pick(what: str, values: Sequence[float], indices: dict[str, int]) -> dict[str, float]:
    """The named entries of `values`, or an error that lists what is missing."""
    missing = {name: index for name, index in indices.items() if index >= len(values)}
    if missing:
        raise ObservationError(
            f"joy: the pad has {len(values)} {what}, the layout asks for {missing}; "
            "set these parameters to what `ros2 topic echo joy` shows"
        )
    return {name: float(values[index]) for name, index in indices.items()}
