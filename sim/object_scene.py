"""One MuJoCo model that shows any shape: primitives are exchanged in place, nothing is compiled."""

from __future__ import annotations

import cv2
import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.object_view import GROUNDS, PATTERNS, THING_M, View, colours
from sim.shapes import MAX_PARTS, Part, rotation, shape

Rgb = NDArray[np.uint8]
_KINDS = {
    "box": mujoco.mjtGeom.mjGEOM_BOX,
    "capsule": mujoco.mjtGeom.mjGEOM_CAPSULE,
    "cylinder": mujoco.mjtGeom.mjGEOM_CYLINDER,
    "ellipsoid": mujoco.mjtGeom.mjGEOM_ELLIPSOID,
}
_BUILTIN = ("checker", "gradient", "checker", "flat")
"""Textures of patterns 1, 2, ...; the last has random specks."""
_FOVY_DEG = 27.0
_SOURCE = 2
"""Pictures are drawn so many times larger and averaged: cheaper than the renderer's own samples."""
_LOOK_AT_M = 0.18


class ObjectScene:
    """Draws pictures. Use it in one thread; close it."""

    def __init__(self, size: int) -> None:
        if not 8 <= size <= 240:
            raise ValueError(f"pictures of {size} pixels; 8 to 240 can be drawn")
        xml, files = _model()
        self.size = size
        self.model = mujoco.MjModel.from_xml_string(xml, files)
        self.data = mujoco.MjData(self.model)
        self._parts = [self.model.geom(f"part{i}").id for i in range(MAX_PARTS)]
        self._ground = self.model.geom("ground").id
        self._shown = ""
        self._renderer = mujoco.Renderer(self.model, _SOURCE * size, _SOURCE * size)

    def picture(self, name: str, view: View) -> Rgb:
        """(size, size, 3) of a shape in a view.

        Raises:
            ValueError: no such shape.
        """
        if name != self._shown:
            self._put(shape(name))
            self._shown = name
        self._dress(name, view)
        self._aim(view)
        mujoco.mj_forward(self.model, self.data)
        self._renderer.update_scene(self.data, 0)
        drawn = self._renderer.render()
        small = cv2.resize(drawn, (self.size, self.size), interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.uint8)

    def close(self) -> None:
        """Free the renderer."""
        self._renderer.close()

    def _put(self, parts: tuple[Part, ...]) -> None:
        """Give the model these primitives, and hide those left over."""
        self._tones = np.array([part.tone for part in parts])
        model = self.model
        model.geom_rgba[self._parts, 3] = 0.0
        for g, part in zip(self._parts, parts, strict=False):
            model.geom_type[g] = _KINDS[part.kind]
            model.geom_size[g] = THING_M * np.array(part.size)
            model.geom_pos[g] = THING_M * np.array(part.pos)
            mujoco.mju_mat2Quat(model.geom_quat[g], rotation(part.turn).ravel())

    def _dress(self, name: str, view: View) -> None:
        """Colours, patterns, light and ground."""
        model, used = self.model, self._parts[: len(self._tones)]
        model.geom_rgba[used] = colours(name, view)[self._tones]
        model.geom_matid[used] = view.pattern - 1
        model.light_diffuse[0] = view.light
        model.light_dir[0] = np.array(view.light_dir) / np.linalg.norm(view.light_dir)
        model.geom_rgba[self._ground] = [*view.ground_rgb, float(view.ground >= 0)]
        model.geom_matid[self._ground] = PATTERNS - 1 + max(view.ground, 0)

    def _aim(self, view: View) -> None:
        """Put the thing and the camera in their places."""
        body = self.model.body("thing")
        body.pos = [*view.position_m, 0.0]
        body.quat = _about_z(view.azimuth_rad)
        self.model.geom_quat[self._ground] = _about_z(view.ground_turn_rad)
        level, up = np.cos(view.elevation_rad), np.sin(view.elevation_rad)
        away = np.array([level * np.cos(view.bearing_rad), level * np.sin(view.bearing_rad), up])
        right = np.array([-np.sin(view.bearing_rad), np.cos(view.bearing_rad), 0.0])
        axes = np.stack([right, np.cross(away, right), away], 1)
        self.model.cam_pos[0] = view.distance_m * away + np.array([0, 0, _LOOK_AT_M])
        mujoco.mju_mat2Quat(self.model.cam_quat[0], axes.ravel())


def _about_z(angle: float) -> list[float]:
    return [float(np.cos(angle / 2)), 0.0, 0.0, float(np.sin(angle / 2))]


def _model() -> tuple[str, dict[str, bytes]]:
    """The text of the model and the textures that it names."""
    files = {f"ground{i}.png": _ground_png(i) for i in range(GROUNDS)}
    skins = "".join(
        f'<texture name="skin{i}" type="cube" builtin="{kind}" rgb1="1 1 1" rgb2=".45 .45 .45" '
        f'mark="{"random" if kind == "flat" else "none"}" markrgb=".3 .3 .3" random=".03" '
        f'width="{16 if i != 2 else 4}" height="{16 if i != 2 else 4}"/>'
        f'<material name="skin{i}" texture="skin{i}" specular="0.1"/>'
        for i, kind in enumerate(_BUILTIN)
    )
    grounds = "".join(
        f'<texture name="ground{i}" type="2d" file="ground{i}.png"/>'
        f'<material name="ground{i}" texture="ground{i}" texrepeat="1 1" specular="0"/>'
        for i in range(GROUNDS)
    )
    parts = "".join(
        # Off the body's origin, so that MuJoCo does not take their frames for the body's own.
        f'<geom name="part{i}" type="box" size=".01 .01 .01" pos=".01 .02 .03" euler="1 2 3"/>'
        for i in range(MAX_PARTS)
    )
    xml = (
        '<mujoco><visual><quality offsamples="0"/>'
        '<headlight ambient=".25 .25 .25" diffuse=".15 .15 .15" specular="0 0 0"/>'
        '<global offwidth="480" offheight="480"/><map znear="0.05"/></visual>'
        f'<asset>{skins}{grounds}</asset><default><geom contype="0" conaffinity="0"/></default>'
        '<worldbody><light directional="true" castshadow="false" pos="0 0 3" dir="0 0 -1"/>'
        f'<camera name="eye" pos="0 0 2" fovy="{_FOVY_DEG}"/>'
        '<geom name="ground" type="box" size="1.1 1.1 .02" pos="0 0 -.02" material="ground0"/>'
        f'<body name="thing" pos="0 0 .1">{parts}</body></worldbody></mujoco>'
    )
    return xml, files


def _ground_png(number: int) -> bytes:
    """A texture of the ground: plain, or smooth noise, or stripes, by number."""
    rng = np.random.default_rng(number)
    v, u = np.mgrid[0:64, 0:64] / 64.0
    blurred = cv2.GaussianBlur(rng.standard_normal((64, 64)), (0, 0), 1 + 2.0 * (number % 3))
    grain = np.asarray(blurred, np.float64) / np.abs(blurred).max()
    lines = np.sign(np.sin(2 * np.pi * (2 + number) * (u if number % 2 else v)))
    value = 1.0 + 0.25 * grain + (0.12 * lines if number >= 3 else 0.0)
    grey = np.clip(190 * value, 0, 255).astype(np.uint8)
    encoded: bytes = cv2.imencode(".png", cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR))[1].tobytes()
    return encoded
