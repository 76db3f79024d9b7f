"""From a task and an arrangement to a MuJoCo model: arm, table, things, light, camera."""

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import Literal

import cv2
import mujoco
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from sim.attributes import Look, outline, texture
from sim.sawyer import MODEL_PATH
from sim.tasks import GOAL_RADIUS_M, OBJECT_HEIGHT_M, Arrangement, Task

Array = NDArray[np.float64]
Preset = Literal["none", "mild", "strong"]

FLOOR_M = 0.004
WALL_HEIGHT_M = 0.022
WALL_M = 0.004
"""Half thickness of a container's wall."""
CAMERA = "front"
GOAL = "goal"
CAMERA_POS_M = (1.22, 0.0, 0.72)
CAMERA_TARGET_M = (0.545, 0.0, 0.03)
CAMERA_FOVY_DEG = 37.0
_SURFACE = {
    "friction": "0.4 0.005 0.0005",
    "condim": "4",
    "solref": "0.01 1",
    "solimp": "0.95 0.99 0.001",
}


@dataclass(frozen=True)
class Appearance:
    """What domain randomisation draws: light, camera offset and table colour."""

    camera_shift_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    camera_turn_rad: tuple[float, float, float] = (0.0, 0.0, 0.0)
    light: float = 0.5
    light_dir: tuple[float, float, float] = (0.0, 0.0, -1.0)
    table_rgb: tuple[float, float, float] = (0.62, 0.58, 0.52)
    floor_rgb: tuple[float, float, float] = (0.32, 0.34, 0.36)


PRESETS: dict[Preset, dict[str, float]] = {
    "none": {"shift": 0.0, "turn": 0.0, "light": 0.0, "tilt": 0.0, "table": 0.0},
    "mild": {"shift": 0.003, "turn": 0.003, "light": 0.1, "tilt": 0.3, "table": 0.10},
    "strong": {"shift": 0.02, "turn": 0.02, "light": 0.25, "tilt": 0.7, "table": 0.25},
}
"""Half widths: camera shift m and turn rad, light, its tilt, table brightness and tint."""


def draw_appearance(preset: Preset, rng: Generator) -> Appearance:
    """Appearance uniform within a named preset.

    Raises:
        ValueError: naming the presets that exist.
    """
    if preset not in PRESETS:
        raise ValueError(f"no appearance preset {preset!r}; there are {', '.join(PRESETS)}")
    width, base = PRESETS[preset], Appearance()

    def around(centre: tuple[float, ...], half: float) -> tuple[float, float, float]:
        x, y, z = np.asarray(centre) + half * rng.uniform(-1, 1, 3)
        return float(x), float(y), float(z)

    bright = width["table"] * rng.uniform(-1, 1)
    table = around(base.table_rgb, 0.3 * width["table"])
    return Appearance(
        camera_shift_m=around((0, 0, 0), width["shift"]),
        camera_turn_rad=around((0, 0, 0), width["turn"]),
        light=float(base.light + width["light"] * rng.uniform(-1, 1)),
        light_dir=around(base.light_dir, width["tilt"]),
        table_rgb=tuple(float(np.clip(c + bright, 0, 1)) for c in table),  # type: ignore[arg-type]
        floor_rgb=around(base.floor_rgb, 0.5 * width["table"]),
    )


@dataclass(frozen=True)
class Scene:
    """A model's text and the files it names."""

    xml: str
    assets: dict[str, bytes]

    def compile(self) -> mujoco.MjModel:
        """The MuJoCo model."""
        return mujoco.MjModel.from_xml_string(self.xml, self.assets)


def object_name(i: int) -> str:
    """Body (and free joint) name of object `i`."""
    return f"object{i}"


def container_name(i: int) -> str:
    """Body name of container `i`."""
    return f"container{i}"


def build(task: Task) -> Scene:
    """The scene of `task`; `lay_out` puts its things in place."""
    return furnish(attended(), task)


def furnish(root: ET.Element, task: Task) -> Scene:
    """The model `root` with the things of `task` added to it."""
    asset, world = ET.SubElement(root, "asset"), worldbody(root)
    files: dict[str, bytes] = {}
    for i, thing in enumerate(task.containers):
        _container(asset, world, files, container_name(i), thing)
    for i, thing in enumerate(task.objects):
        _object(asset, world, files, object_name(i), thing)
    if task.family == "push":
        goal = _add(world, "body", name=GOAL)
        for radius, rgba in (
            (1.0, "0.85 0.05 0.05 1"),
            (0.6, "0.95 0.95 0.95 1"),
            (0.3, "0.85 0.05 0.05 1"),
        ):
            size = _text(radius * GOAL_RADIUS_M, 0.0005 * (2 - radius))
            _add(goal, "geom", type="cylinder", size=size, rgba=rgba, contype="0", conaffinity="0")
    return Scene(ET.tostring(root, encoding="unicode"), files)


def attended() -> ET.Element:
    """The root of a model with the table and the arm at it."""
    root = ET.parse(MODEL_PATH).getroot()
    _surroundings(worldbody(root))
    return root


def unattended() -> ET.Element:
    """The root of a model like the others, with the table and nobody at it: no arm, no stand."""
    root = ET.parse(MODEL_PATH).getroot()
    for tag in ("contact", "equality", "tendon", "actuator", "sensor"):
        for element in root.findall(tag):
            root.remove(element)
    world = worldbody(root)
    for element in list(world):
        world.remove(element)
    _surroundings(world, stand=False)
    return root


def worldbody(root: ET.Element) -> ET.Element:
    """Where a model's bodies are added."""
    world = root.find("worldbody")
    assert world is not None
    return world


def lay_out(
    model: mujoco.MjModel,
    data: mujoco.MjData,
    task: Task,
    arrangement: Arrangement,
    look: Appearance,
    first: int = 0,
) -> None:
    """Put things, light, camera and the table's colour in place, without compiling anew.

    `first` is the number in the model of the task's first object, and of its first container.
    """
    for i, (x, y, yaw) in enumerate(arrangement.containers, first):
        body = model.body(container_name(i))
        body.pos = [x, y, 0.0]
        body.quat = _yaw_quat(yaw)
    for i, (x, y, yaw) in enumerate(arrangement.objects, first):
        joint = model.joint(object_name(i))
        data.qpos[joint.qposadr[0] : joint.qposadr[0] + 7] = [x, y, 0.0005, *_yaw_quat(yaw)]
    if task.family == "push":
        model.body(GOAL).pos = [*arrangement.goal_xy_m, 0.0]
    model.geom("table").rgba[:3] = look.table_rgb
    model.geom("floor").rgba[:3] = look.floor_rgb
    model.light_diffuse[0] = look.light
    model.light_dir[0] = np.array(look.light_dir) / np.linalg.norm(look.light_dir)
    camera = model.camera(CAMERA)
    camera.pos = np.array(CAMERA_POS_M) + look.camera_shift_m
    mujoco.mju_mat2Quat(
        camera.quat, (_camera_axes() @ _rotation(np.array(look.camera_turn_rad))).ravel()
    )
    mujoco.mj_forward(model, data)


def _yaw_quat(yaw: float) -> Array:
    return np.array([np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2)])


def bare_arm() -> Scene:
    """The arm and the table alone."""
    return Scene(ET.tostring(attended(), encoding="unicode"), {})


def _text(*numbers: float) -> str:
    return " ".join(f"{x:.7g}" for x in numbers)


def _add(parent: ET.Element, tag: str, **attributes: str) -> ET.Element:
    return ET.SubElement(parent, tag, {k.rstrip("_"): v for k, v in attributes.items()})


def _surroundings(world: ET.Element, *, stand: bool = True) -> None:
    _add(world, "light", pos="0.6 0 2", dir="0 0 -1", directional="true", castshadow="false",
         diffuse="0.5 0.5 0.5", specular="0 0 0", ambient="0 0 0")  # fmt: skip
    _add(
        world,
        "geom",
        name="table",
        type="box",
        size="0.42 0.6 0.02",
        pos="0.66 0 -0.02",
        **_SURFACE,
    )
    _add(world, "geom", name="floor", type="plane", size="4 4 0.1", pos="0 0 -0.91")
    if stand:
        size, rgba = "0.15 0.15 0.455", "0.2 0.2 0.22 1"
        _add(world, "geom", type="box", size=size, pos="0 0 -0.455", rgba=rgba)
    axes = _camera_axes()
    _add(world, "camera", name=CAMERA, pos=_text(*CAMERA_POS_M), fovy=_text(CAMERA_FOVY_DEG),
         xyaxes=_text(*axes[:, 0], *axes[:, 1]))  # fmt: skip


def camera_pose() -> tuple[Array, Array]:
    """Position (3,) m and rotation (3, 3) in `base` of the camera's optical frame, as designed."""
    return np.array(CAMERA_POS_M), _camera_axes() * np.array([1.0, -1.0, -1.0])


def _camera_axes() -> Array:
    z = np.array(CAMERA_POS_M) - CAMERA_TARGET_M
    z /= np.linalg.norm(z)
    x = np.cross([0.0, 0.0, 1.0], z)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z], 1)


def _rotation(vector: Array) -> Array:
    quat, mat = np.empty(4), np.empty(9)
    angle = float(np.linalg.norm(vector))
    mujoco.mju_axisAngle2Quat(quat, vector / angle if angle else np.array([0.0, 0.0, 1.0]), angle)
    mujoco.mju_quat2Mat(mat, quat)
    return mat.reshape(3, 3)


def _prism(asset: ET.Element, name: str, polygon: Array, height_m: float) -> None:
    """A prism mesh from z = 0 to `height_m`; its texture coordinates are the plan view."""
    n = len(polygon)
    vertices = np.concatenate([np.c_[polygon, np.zeros(n)], np.c_[polygon, np.full(n, height_m)]])
    uv = polygon / (2 * np.linalg.norm(polygon, axis=1).max()) + 0.5
    k = np.arange(n)
    nxt = (k + 1) % n
    fan = np.stack([np.zeros(n - 2, int), k[1:-1], k[2:]], 1)
    faces = np.concatenate(
        [fan[:, ::-1], fan + n, np.stack([k, nxt, nxt + n], 1), np.stack([k, nxt + n, k + n], 1)]
    )
    _add(asset, "mesh", name=name, vertex=_text(*vertices.ravel()),
         face=" ".join(map(str, faces.ravel())),
         texcoord=_text(*np.concatenate([uv, uv]).ravel()))  # fmt: skip


def _material(asset: ET.Element, files: dict[str, bytes], name: str, look: Look) -> None:
    files[f"{name}.png"] = cv2.imencode(".png", cv2.cvtColor(texture(look), cv2.COLOR_RGB2BGR))[
        1
    ].tobytes()
    _add(asset, "texture", name=name, type="2d", file=f"{name}.png")
    _add(asset, "material", name=name, texture=name, specular="0", reflectance="0")


def _container(
    asset: ET.Element, world: ET.Element, files: dict[str, bytes], name: str, look: Look
) -> None:
    polygon = outline(look.shape, look.size_m)
    _material(asset, files, name, look)
    _prism(asset, name, polygon, FLOOR_M)
    body = _add(world, "body", name=name)
    _add(body, "geom", type="mesh", mesh=name, material=name, **_SURFACE)
    rgb = texture(look)[:2, :2].reshape(-1, 3).mean(0) / 255 * 0.7
    for a, b in zip(polygon, np.roll(polygon, -1, 0), strict=True):
        edge = b - a
        length = float(np.linalg.norm(edge))
        outwards = np.array([edge[1], -edge[0]]) / length
        middle = (a + b) / 2 + outwards * WALL_M
        _add(body, "geom", type="box", size=_text(length / 2 + WALL_M, WALL_M, WALL_HEIGHT_M / 2),
             pos=_text(*middle, WALL_HEIGHT_M / 2), euler=_text(0, 0, np.arctan2(edge[1], edge[0])),
             rgba=_text(*rgb, 1), **_SURFACE)  # fmt: skip


def _object(
    asset: ET.Element, world: ET.Element, files: dict[str, bytes], name: str, look: Look
) -> None:
    _material(asset, files, name, look)
    _prism(asset, name, outline(look.shape, look.size_m), OBJECT_HEIGHT_M)
    body = _add(world, "body", name=name, pos="0.45 0 0.3")
    _add(body, "freejoint", name=name)
    _add(body, "geom", type="mesh", mesh=name, material=name, mass="0.12", **_SURFACE)
