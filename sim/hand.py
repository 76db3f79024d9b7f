"""A hand and forearm of primitives: what a person looks like to a camera over the table.

Nothing collides with it. What it holds is carried, so its shape matters to the picture alone.
"""

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from itertools import pairwise

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.fingers import FINGERS, GESTURES, THUMB, Gesture, chains, turn

Array = NDArray[np.float64]
Rgb = tuple[float, float, float]
Point = tuple[float, float, float]

ARM_M = 0.95
"""Length of forearm and sleeve together: they end outside the picture."""
TABLE_GAP_M = 0.002


@dataclass(frozen=True)
class HandLook:
    """Whose hand it is. `size` is relative to a hand of 18 cm."""

    skin_rgb: Rgb
    sleeve_rgb: Rgb
    size: float = 1.0
    left: bool = False
    sleeve_m: float = 0.06
    """Where the sleeve begins, from the wrist."""
    breadth: float = 1.0
    """Thickness of fingers and forearm, relative."""


@dataclass(frozen=True, eq=False)
class HandPose:
    """Where a hand is: the point between its fingers, where it heads, how far they are apart."""

    grip_m: Array
    heading_rad: float
    opening_m: float


class Hand:
    """The bodies of one hand in one gesture; `elbow_m` (3,) is where its arm comes from."""

    def __init__(self, look: HandLook, gesture: str, elbow_m: Array) -> None:
        self.look, self.elbow_m = look, elbow_m
        self.gesture: Gesture = GESTURES[gesture]
        self._mirror = np.array([1.0, -1.0 if look.left else 1.0, 1.0])
        self._radii = np.array([f.radius_m for f in (*FINGERS, THUMB)]) * look.breadth * look.size

    def add_to(self, world: ET.Element) -> None:
        """Add the bodies to a model's world: palm, forearm, three bones a finger."""
        size = self.look.size
        palm = _body(world, "palm")
        thick = 0.0150 * self.look.breadth
        for finger in FINGERS:
            x, y, z = finger.root_m
            self._capsule(palm, (0.010, 0.62 * y, -0.001), (x - 0.005, 0.96 * y, z - 0.004), thick)
        # The ball of the thumb.
        self._capsule(palm, (0.016, 0.018, -0.010), (0.056, 0.032, -0.013), 0.0155)
        arm = _body(world, "forearm")
        # Along its own z, away from the wrist: bare up to the sleeve.
        bare = max(self.look.sleeve_m, 0.02) / size
        radius = 0.024 * self.look.breadth
        self._capsule(arm, (0.0, 0.0, 0.0), (0.0, 0.0, bare + 0.03), radius)
        sleeve = radius + 0.009
        cuff, end = bare + sleeve, ARM_M / size
        for start, stop, thick in ((cuff, cuff + 0.006, sleeve + 0.003), (cuff, end, sleeve)):
            self._capsule(arm, (0, 0, start), (0, 0, stop), thick, self.look.sleeve_rgb)
        for i, finger in enumerate((*FINGERS, THUMB)):
            for j, bone in enumerate(finger.bones_m):
                body = _body(world, _bone_name(i, j))
                thick = finger.radius_m * self.look.breadth * (1.0 - 0.06 * j)
                self._capsule(body, (0, 0, -0.5 * bone), (0, 0, 0.5 * bone), thick)

    def show(self, model: mujoco.MjModel, data: mujoco.MjData, pose: HandPose) -> None:
        """Put the bodies where `pose` says."""
        wrist, rotation, joints = self._place(pose)
        _put(model, data, "palm", wrist, rotation)
        _put(model, data, "forearm", wrist, _along(self.elbow_m - wrist))
        for i, chain in enumerate(joints):
            for j in range(3):
                middle, way = 0.5 * (chain[j] + chain[j + 1]), chain[j + 1] - chain[j]
                _put(model, data, _bone_name(i, j), middle, _along(way))

    def lowest_m(self, opening_m: float) -> float:
        """Height of the lowest point of the fingers above the grip (negative: below it)."""
        _, _, joints = self._place(HandPose(np.zeros(3), 0.0, opening_m))
        bottoms = [chain[:, 2].min() - r for chain, r in zip(joints, self._radii, strict=True)]
        return float(min(bottoms))

    def front_m(self, pose: HandPose, along: Array, below_m: float, half_width_m: float) -> float:
        """How far ahead of the grip the hand reaches along (2,), as a low thing would meet it."""
        across = np.array([-along[1], along[0]])
        front = 0.0
        for chain, radius in zip(self._place(pose)[2], self._radii, strict=True):
            for a, b in pairwise(chain):
                for point in a + np.linspace(0, 1, 5)[:, None] * (b - a):
                    off = point[:2] - pose.grip_m[:2]
                    if point[2] - radius < below_m and abs(off @ across) < half_width_m:
                        front = max(front, float(off @ along) + float(radius))
        return front

    def _place(self, pose: HandPose) -> tuple[Array, Array, list[Array]]:
        """Wrist (3,), rotation (3, 3) and joints (4, 3) of each finger, in `base`."""
        gesture, side = self.gesture, self._mirror[1]
        rotation = turn(pose.heading_rad, gesture.pitch_deg, side * gesture.roll_deg)
        scale = self._mirror * self.look.size
        wrist = pose.grip_m - rotation @ (np.array(gesture.grip_m) * scale)
        local = chains(gesture, pose.opening_m / self.look.size)
        return wrist, rotation, [wrist + (chain * scale) @ rotation.T for chain in local]

    def _capsule(
        self, body: ET.Element, start: Point, end: Point, radius: float, rgb: Rgb | None = None
    ) -> None:
        scaled = np.array([start, end]) * self._mirror * self.look.size
        ends = " ".join(f"{x:.6g}" for x in scaled.ravel())
        colour = " ".join(f"{x:.4g}" for x in (*(rgb or self.look.skin_rgb), 1.0))
        ET.SubElement(body, "geom", type="capsule", fromto=ends, rgba=colour, contype="0",
                      conaffinity="0", size=f"{radius * self.look.size:.6g}")  # fmt: skip


def _bone_name(finger: int, bone: int) -> str:
    return f"finger{finger}_{bone}"


def _body(world: ET.Element, name: str) -> ET.Element:
    return ET.SubElement(world, "body", name=name, mocap="true")


def _put(
    model: mujoco.MjModel, data: mujoco.MjData, name: str, position: Array, rotation: Array
) -> None:
    i = model.body(name).mocapid[0]
    data.mocap_pos[i] = position
    mujoco.mju_mat2Quat(data.mocap_quat[i], np.ascontiguousarray(rotation).ravel())


def _along(way: Array) -> Array:
    """A rotation (3, 3) whose z points along `way`."""
    z = way / max(float(np.linalg.norm(way)), 1e-9)
    x = np.cross([0.0, 1.0, 0.0] if abs(z[1]) < 0.9 else [1.0, 0.0, 0.0], z)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z], 1)
