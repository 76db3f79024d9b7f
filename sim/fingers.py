"""Fingers: chains of three bones bent so that their tip is where it should be.

Hand frame of a right hand of size 1: origin at the wrist, x along the fingers, y to the thumb's
side, z out of the back of the hand. m.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Bend = float | Literal["straight", "curled"]
"""What a finger does: hold the thing at this angle (deg, from the heading, left positive), ..."""

UP = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True)
class Finger:
    """Where a finger begins, its three bones and its radius."""

    root_m: tuple[float, float, float]
    bones_m: tuple[float, float, float]
    radius_m: float


FINGERS = (
    Finger((0.090, 0.027, 0.001), (0.042, 0.026, 0.021), 0.0088),
    Finger((0.094, 0.007, 0.003), (0.046, 0.030, 0.022), 0.0090),
    Finger((0.089, -0.013, 0.001), (0.042, 0.028, 0.021), 0.0085),
    Finger((0.080, -0.031, -0.004), (0.034, 0.020, 0.018), 0.0075),
)
"""Index to little finger."""
THUMB = Finger((0.024, 0.028, -0.010), (0.046, 0.034, 0.028), 0.0105)


@dataclass(frozen=True)
class Gesture:
    """How a hand is turned and what its fingers do about the point `grip_m` in its frame."""

    pitch_deg: float
    """How far the fingers point down."""
    roll_deg: float
    """How far the thumb's side is turned up."""
    grip_m: tuple[float, float, float]
    fingers: tuple[Bend, Bend, Bend, Bend]
    thumb_deg: float | None = None
    """Where the thumb holds the thing; None if it lies at the palm."""


GESTURES: dict[str, Gesture] = {
    "pinch": Gesture(62.0, 0.0, (0.122, 0.016, -0.036), (14.0, -22.0, "curled", "curled"), 172.0),
    "whole": Gesture(68.0, 0.0, (0.114, 0.004, -0.042), (42.0, 12.0, -20.0, -52.0), 168.0),
    "side": Gesture(26.0, 52.0, (0.108, 0.002, -0.048), (25.0, 8.0, -8.0, -26.0), 128.0),
    "point": Gesture(42.0, 0.0, (0.176, 0.027, -0.016), ("straight", "curled", "curled", "curled")),
    "tap": Gesture(58.0, 0.0, (0.126, 0.016, -0.034), (14.0, -22.0, "curled", "curled"), 172.0),
    "two": Gesture(58.0, 0.0, (0.180, 0.017, -0.016), ("straight", "straight", "curled", "curled")),
    "paddle": Gesture(
        56.0, 0.0, (0.176, -0.003, -0.016), ("straight", "straight", "straight", "straight")
    ),
    "blade": Gesture(
        14.0, 72.0, (0.128, -0.004, -0.010), ("straight", "straight", "straight", "straight")
    ),
    "fist": Gesture(18.0, 0.0, (0.110, -0.002, -0.016), ("curled", "curled", "curled", "curled")),
}


def turn(yaw_rad: float, pitch_deg: float, roll_deg: float) -> Array:
    """Rotation (3, 3): rolled, then pitched down, then turned to the left."""
    c, s = np.cos(yaw_rad), np.sin(yaw_rad)
    pitch, roll = np.deg2rad(pitch_deg), np.deg2rad(roll_deg)
    cp, sp, cr, sr = np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
    about_z = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])
    about_y = np.array([[cp, 0, sp], [0, 1.0, 0], [-sp, 0, cp]])
    about_x = np.array([[1.0, 0, 0], [0, cr, -sr], [0, sr, cr]])
    out: Array = about_z @ about_y @ about_x
    return out


def curl(root: Array, bones: Sequence[float], target: Array, bulge: Array) -> Array:
    """Joints (4, 3) of three bones from `root` whose tip is at `target`, bent towards `bulge`.

    A target out of reach is pointed at.
    """
    way = target - root
    distance = float(np.linalg.norm(way))
    low, high = 0.0, 2.1
    for _ in range(24):
        bend = 0.5 * (low + high)
        if abs(_planar(bones, bend)[-1]) > distance:
            low = bend
        else:
            high = bend
    chain = _planar(bones, low)
    along = way / max(distance, 1e-9)
    across = bulge - (bulge @ along) * along
    across /= max(float(np.linalg.norm(across)), 1e-9)
    chain = chain * np.conj(chain[-1]) / max(abs(chain[-1]), 1e-9)
    joints: Array = root + chain.real[:, None] * along + chain.imag[:, None] * across
    return joints


def _planar(bones: Sequence[float], bend: float) -> NDArray[np.complex128]:
    """Joints of a chain in the complex plane, the last joint bent 0.7 times as far."""
    a, b, c = bones
    first = a + 0j
    second = first + b * np.exp(-1j * bend)
    return np.array([0j, first, second, second + c * np.exp(-1.7j * bend)])


def chains(gesture: Gesture, opening_m: float) -> list[Array]:
    """Joints (4, 3) of the four fingers and the thumb, held `opening_m` apart."""
    grip = np.array(gesture.grip_m)
    # Directions in the table's plane, in the frame of the hand as it is turned.
    level = turn(0.0, gesture.pitch_deg, gesture.roll_deg).T

    def held(finger: Finger, angle_deg: float) -> Array:
        angle = np.deg2rad(angle_deg)
        side = level @ np.array([np.cos(angle), np.sin(angle), 0.0])
        out: Array = grip + (0.5 * opening_m + finger.radius_m) * side
        return out

    joints = []
    for finger, bend in zip(FINGERS, gesture.fingers, strict=True):
        root, length = np.array(finger.root_m), sum(finger.bones_m)
        if bend == "straight":
            target = root + 0.985 * length * np.array([0.97, 0.0, -0.22])
        elif bend == "curled":
            target = root + length * np.array([0.12, 0.0, -0.36])
        else:
            target = held(finger, float(bend))
        joints.append(curl(root, finger.bones_m, target, UP))
    tucked = np.array([0.092, 0.016, -0.030])
    target = tucked if gesture.thumb_deg is None else held(THUMB, gesture.thumb_deg)
    joints.append(curl(np.array(THUMB.root_m), THUMB.bones_m, target, np.array([0.2, 1.0, 0.3])))
    return joints
