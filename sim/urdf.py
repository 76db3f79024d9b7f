"""URDF text of the arm, made from the compiled MuJoCo model, so that the two cannot drift apart.

RViz, robot_state_publisher and planners read it. Links are the model's bodies below the root,
joints keep their names and ranges, the tip and any other named site become fixed frames. The test
walks the text by itself and meets MuJoCo's own forward kinematics.
"""

import xml.etree.ElementTree as ET

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.sawyer import EFFORT_MAX, JOINT_NAMES, V_MAX

Array = NDArray[np.float64]

ROOT_LINK = "base"
FINGER_EFFORT_N = 15.0
FINGER_SPEED_M_S = 0.3
MIMICS = {"r_finger_joint": "l_finger_joint"}
"""Joints that an equality ties one to one to another."""

_SHAPES = mujoco.mjtGeom
_KINDS = {
    int(mujoco.mjtJoint.mjJNT_HINGE): "revolute",
    int(mujoco.mjtJoint.mjJNT_SLIDE): "prismatic",
}


def urdf(model: mujoco.MjModel, *, name: str = "sawyer", root: str = ROOT_LINK) -> str:
    """URDF of the tree below the body `root` of `model`.

    Raises:
        ValueError: for what is not written here: two joints on a body, a joint away from its
            body's origin, a ball or free joint, a mesh.
    """
    robot = ET.Element("robot", name=name)
    first = model.body(root).id
    for body in range(first, model.nbody):
        if body != first and not _below(model, body, first):
            continue
        link = ET.SubElement(robot, "link", name=model.body(body).name)
        _inertial(model, body, link)
        start, count = model.body_geomadr[body], model.body_geomnum[body]
        for geom in range(start, start + count):
            _shapes(model, geom, link)
        if body != first:
            _joint(model, body, robot)
    for site in range(model.nsite):
        parent = model.site_bodyid[site]
        if parent == first or _below(model, parent, first):
            frame = model.site(site).name
            ET.SubElement(robot, "link", name=frame)
            joint = _fixed(robot, f"{frame}_joint", model.body(parent).name, frame)
            _origin(joint, model.site_pos[site], model.site_quat[site])
    ET.indent(robot)
    return '<?xml version="1.0"?>\n' + ET.tostring(robot, encoding="unicode") + "\n"


def roll_pitch_yaw(quat_wxyz: Array) -> Array:
    """Fixed-axis angles (3,), rad: R = Rz(yaw) Ry(pitch) Rx(roll); roll is 0 at pitch +-pi/2."""
    flat = np.empty(9)
    mujoco.mju_quat2Mat(flat, np.asarray(quat_wxyz, float) / np.linalg.norm(quat_wxyz))
    m = flat.reshape(3, 3)
    flat_pitch = np.hypot(m[0, 0], m[1, 0])
    pitch = np.arctan2(-m[2, 0], flat_pitch)
    if flat_pitch < 1e-9:
        return np.array([0.0, pitch, np.arctan2(-m[0, 1], m[1, 1])])
    return np.array([np.arctan2(m[2, 1], m[2, 2]), pitch, np.arctan2(m[1, 0], m[0, 0])])


def _below(model: mujoco.MjModel, body: int, root: int) -> bool:
    while body > root:
        body = model.body_parentid[body]
    return bool(body == root)


def _text(values: Array) -> str:
    return " ".join(f"{v:.12g}" for v in values)


def _origin(parent: ET.Element, pos: Array, quat_wxyz: Array) -> None:
    ET.SubElement(parent, "origin", xyz=_text(pos), rpy=_text(roll_pitch_yaw(quat_wxyz)))


def _inertial(model: mujoco.MjModel, body: int, link: ET.Element) -> None:
    if model.body_mass[body] <= 0.0:
        return
    inertial = ET.SubElement(link, "inertial")
    _origin(inertial, model.body_ipos[body], model.body_iquat[body])
    ET.SubElement(inertial, "mass", value=f"{model.body_mass[body]:.9g}")
    xx, yy, zz = (f"{v:.9g}" for v in model.body_inertia[body])
    ET.SubElement(inertial, "inertia", ixx=xx, iyy=yy, izz=zz, ixy="0", ixz="0", iyz="0")


def _shapes(model: mujoco.MjModel, geom: int, link: ET.Element) -> None:
    """A geom as visual and collision; a capsule, which URDF lacks, as a cylinder and two balls."""
    pos, quat, size = model.geom_pos[geom], model.geom_quat[geom], model.geom_size[geom]
    kind = model.geom_type[geom]
    ball = ("sphere", {"radius": f"{size[0]:.9g}"})
    rod = ("cylinder", {"radius": f"{size[0]:.9g}", "length": f"{2.0 * size[1]:.9g}"})
    parts: list[tuple[Array, tuple[str, dict[str, str]]]]
    if kind == _SHAPES.mjGEOM_BOX:
        parts = [(pos, ("box", {"size": _text(2.0 * size)}))]
    elif kind == _SHAPES.mjGEOM_SPHERE:
        parts = [(pos, ball)]
    elif kind == _SHAPES.mjGEOM_CYLINDER:
        parts = [(pos, rod)]
    elif kind == _SHAPES.mjGEOM_CAPSULE:
        end = np.empty(3)
        mujoco.mju_rotVecQuat(end, np.array([0.0, 0.0, size[1]]), quat)
        parts = [(pos, rod), (pos + end, ball), (pos - end, ball)]
    else:
        raise ValueError(
            f"geom {geom} of body {link.get('name')} is a {_SHAPES(kind).name}; URDF text is made "
            "of boxes, balls, cylinders and capsules"
        )
    matid = model.geom_matid[geom]
    rgba = model.geom_rgba[geom] if matid < 0 else model.mat_rgba[matid]
    for at, (shape, attributes) in parts:
        for use in ("visual", "collision"):
            element = ET.SubElement(link, use)
            _origin(element, at, quat)
            ET.SubElement(ET.SubElement(element, "geometry"), shape, attributes)
            if use == "visual":
                colour = _text(rgba.astype(float).round(4))
                material = ET.SubElement(element, "material", name=f"rgba {colour}")
                ET.SubElement(material, "color", rgba=colour)


def _joint(model: mujoco.MjModel, body: int, robot: ET.Element) -> None:
    """The joint between `body` and its parent: the model's own, or a fixed one."""
    child, parent = model.body(body).name, model.body(model.body_parentid[body]).name
    count = model.body_jntnum[body]
    if count == 0:
        joint = _fixed(robot, f"{child}_joint", parent, child)
        _origin(joint, model.body_pos[body], model.body_quat[body])
        return
    index = model.body_jntadr[body]
    name = model.joint(index).name
    if count > 1 or np.any(model.jnt_pos[index]):
        raise ValueError(
            f"body {child}: URDF wants one joint, at the body's origin; joint {name} is another "
            "or away"
        )
    kind = _KINDS.get(int(model.jnt_type[index]))
    if kind is None:
        raise ValueError(f"joint {name} is neither hinge nor slide, all that is written here")
    joint = ET.SubElement(robot, "joint", name=name, type=kind)
    ET.SubElement(joint, "parent", link=parent)
    ET.SubElement(joint, "child", link=child)
    _origin(joint, model.body_pos[body], model.body_quat[body])
    ET.SubElement(joint, "axis", xyz=_text(model.jnt_axis[index]))
    effort, speed = FINGER_EFFORT_N, FINGER_SPEED_M_S
    if name in JOINT_NAMES:
        effort, speed = EFFORT_MAX[JOINT_NAMES.index(name)], V_MAX[JOINT_NAMES.index(name)]
    low, high = model.jnt_range[index]
    ET.SubElement(joint, "limit", lower=f"{low:.9g}", upper=f"{high:.9g}", effort=f"{effort:.9g}",
                  velocity=f"{speed:.9g}")  # fmt: skip
    if name in MIMICS:
        ET.SubElement(joint, "mimic", joint=MIMICS[name])


def _fixed(robot: ET.Element, name: str, parent: str, child: str) -> ET.Element:
    joint = ET.SubElement(robot, "joint", name=name, type="fixed")
    ET.SubElement(joint, "parent", link=parent)
    ET.SubElement(joint, "child", link=child)
    return joint
