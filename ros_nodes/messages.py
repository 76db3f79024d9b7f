"""Message <-> array, by shape: any object with the fields will do. Imports no ROS.

rclpy's messages, rosbags' dataclasses and plain namespaces all pass. What does not fit raises
`ObservationError` with what was wrong, what came and what would do. Times are `int` nanoseconds.
"""

from __future__ import annotations

import array
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_meta.errors import ObservationError

# Channels of a pixel, and where red, green and blue are among them.
ENCODINGS = {
    "rgb8": (3, (0, 1, 2)),
    "bgr8": (3, (2, 1, 0)),
    "rgba8": (4, (0, 1, 2)),
    "bgra8": (4, (2, 1, 0)),
}


def stamp_ns(stamp: Any) -> int:
    """A `builtin_interfaces/Time` as nanoseconds."""
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def to_stamp(ns: int) -> tuple[int, int]:
    """Nanoseconds as (sec, nanosec) of a `builtin_interfaces/Time`."""
    if ns < 0:
        raise ObservationError(f"time {ns} ns is negative; stamps start at 0")
    return divmod(int(ns), 1_000_000_000)


def set_stamp(stamp: Any, ns: int) -> None:
    """Write nanoseconds into a `builtin_interfaces/Time`."""
    stamp.sec, stamp.nanosec = to_stamp(ns)


def rgb(msg: Any) -> NDArray[np.uint8]:
    """The pixels of a `sensor_msgs/Image`, (H, W, 3) uint8 in the order red, green, blue.

    A view of the message's memory where its layout allows; rows may be padded.

    Raises:
        ObservationError: another encoding, or fewer bytes than height and step promise.
    """
    if msg.encoding not in ENCODINGS:
        raise ObservationError(
            f"image encoding {msg.encoding!r} is not read; "
            f"need one of {', '.join(ENCODINGS)} (8 bits a channel)"
        )
    channels, order = ENCODINGS[msg.encoding]
    height, width, step = int(msg.height), int(msg.width), int(msg.step)
    data = np.frombuffer(msg.data, np.uint8)
    if not (height > 0 and width > 0 and step >= channels * width and data.size == height * step):
        raise ObservationError(
            f"image of {height} rows x {width} columns, {msg.encoding}, step {step}, "
            f"{data.size} bytes: need step >= {channels * width} and height * step bytes"
        )
    rows = data.reshape(height, step)[:, : channels * width]
    pixels = rows.reshape(height, width, channels)
    return pixels if order == (0, 1, 2) and channels == 3 else pixels[:, :, order]


def fill_image(msg: Any, pixels: NDArray[np.uint8]) -> None:
    """Write (H, W, 3) uint8 red, green, blue into a `sensor_msgs/Image`, leaving its header."""
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ObservationError(
            f"an image must be (H, W, 3) uint8, got {pixels.shape} {pixels.dtype}"
        )
    msg.height, msg.width = int(pixels.shape[0]), int(pixels.shape[1])
    msg.encoding, msg.is_bigendian, msg.step = "rgb8", 0, 3 * int(pixels.shape[1])
    # array.array is the one type that rclpy takes without a walk over the elements.
    msg.data = array.array("B", pixels.tobytes())


def joint_positions(msg: Any, names: Sequence[str]) -> NDArray[np.float64]:
    """Positions of `names` from a `sensor_msgs/JointState`, in that order; it may hold others.

    Raises:
        ObservationError: a name is missing or there twice, lengths differ, a value is not finite.
    """
    return _by_name(msg, names, "position")


def joint_velocities(msg: Any, names: Sequence[str]) -> NDArray[np.float64]:
    """Velocities of `names` from a `sensor_msgs/JointState`; errors as `joint_positions`."""
    return _by_name(msg, names, "velocity")


def fill_joint_state(
    msg: Any,
    names: Sequence[str],
    position: NDArray[np.float64],
    velocity: NDArray[np.float64] | None = None,
    effort: NDArray[np.float64] | None = None,
) -> None:
    """Write a `sensor_msgs/JointState` (its header is left alone)."""
    msg.name = list(names)
    msg.position = floats(position)
    msg.velocity = floats(velocity) if velocity is not None else array.array("d")
    msg.effort = floats(effort) if effort is not None else array.array("d")


def twist6(msg: Any) -> NDArray[np.float64]:
    """(6,) linear m/s and angular rad/s of a `Twist` or `TwistStamped`; not checked for NaN."""
    twist = getattr(msg, "twist", msg)
    v, w = twist.linear, twist.angular
    return np.array([v.x, v.y, v.z, w.x, w.y, w.z], np.float64)


def fill_twist(msg: Any, twist: Sequence[float] | NDArray[np.float64]) -> None:
    """Write (6,) into a `Twist` or `TwistStamped` (its header is left alone)."""
    target = getattr(msg, "twist", msg)
    x, y, z, rx, ry, rz = (float(v) for v in twist)
    target.linear.x, target.linear.y, target.linear.z = x, y, z
    target.angular.x, target.angular.y, target.angular.z = rx, ry, rz


def duration_ns(duration: Any) -> int:
    """A `builtin_interfaces/Duration` as nanoseconds."""
    return int(duration.sec) * 1_000_000_000 + int(duration.nanosec)


def trajectory_points(
    msg: Any, names: Sequence[str]
) -> list[tuple[float, NDArray[np.float64], NDArray[np.float64]]]:
    """(t in s, q, qd) of a `JointTrajectory`'s points, joints in the order of `names`.

    Raises:
        ObservationError: names that are not exactly `names`, lengths that differ, values that are
            not finite, times that do not rise.
    """
    order = _order(list(msg.joint_names), names, "joint_trajectory")
    if len(msg.joint_names) != len(names):
        extra = sorted(set(msg.joint_names) - set(names))
        raise ObservationError(
            f"joint_trajectory: unknown joints {extra}; need exactly {list(names)}"
        )
    points: list[tuple[float, NDArray[np.float64], NDArray[np.float64]]] = []
    for i, point in enumerate(msg.points):
        t_s = duration_ns(point.time_from_start) * 1e-9
        q = _finite(point.positions, len(names), f"joint_trajectory: positions of point {i}")
        qd = _finite(point.velocities, len(names), f"joint_trajectory: velocities of point {i}")
        if points and t_s <= points[-1][0]:
            raise ObservationError(
                f"joint_trajectory: point {i} at {t_s} s does not follow {points[-1][0]} s; "
                "times must rise"
            )
        points.append((t_s, q[order], qd[order]))
    return points


def floats(values: NDArray[np.float64] | Sequence[float]) -> array.array[float]:
    """A float64 field of a message: the type that rclpy takes fastest."""
    return array.array("d", np.ascontiguousarray(values, np.float64).tobytes())


def _by_name(msg: Any, names: Sequence[str], field: str) -> NDArray[np.float64]:
    came = list(msg.name)
    order = _order(came, names, "joint_states")
    values = np.asarray(getattr(msg, field), np.float64)
    if values.shape != (len(came),):
        raise ObservationError(
            f"joint_states: {values.size} values of {field} for {len(came)} names; "
            "need one for each name"
        )
    picked = values[order]
    bad = [n for n, v in zip(names, picked, strict=True) if not np.isfinite(v)]
    if bad:
        raise ObservationError(f"joint_states: {field} of {bad} is not finite; need real numbers")
    return picked


def _order(came: list[str], names: Sequence[str], what: str) -> list[int]:
    """Where each of `names` stands in `came`."""
    place = {name: i for i, name in enumerate(came)}
    missing = [n for n in names if n not in place]
    if missing:
        raise ObservationError(
            f"{what}: joints {missing} are missing; got {came}, need {list(names)} in any order"
        )
    if len(place) != len(came):
        twice = sorted({n for n in came if came.count(n) > 1})
        raise ObservationError(f"{what}: joints {twice} are there more than once; need each once")
    return [place[n] for n in names]


def _finite(values: Any, count: int, what: str) -> NDArray[np.float64]:
    out = np.asarray(values, np.float64)
    if out.shape != (count,):
        raise ObservationError(f"{what}: {out.size} values, need {count}")
    if not np.isfinite(out).all():
        raise ObservationError(f"{what}: {out.tolist()} is not finite; need real numbers")
    return out
