import xml.etree.ElementTree as ET

import numpy as np
import pytest

from sim import sawyer
from sim.sawyer import mujoco
from sim.urdf import roll_pitch_yaw, urdf


def rotation(rpy):
    (cr, cp, cy), (sr, sp, sy) = np.cos(rpy), np.sin(rpy)
    rx = np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]])
    ry = np.array([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]])
    rz = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    return rz @ ry @ rx


def about(axis, angle):
    x, y, z = axis
    k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * k @ k


def walk(text, positions):
    """Poses (4, 4) of every link by the URDF rules alone."""
    robot = ET.fromstring(text)
    poses = {"base": np.eye(4)}
    for joint in robot.iter("joint"):
        if joint.find("parent") is None:
            continue
        numbers = {
            key: np.array(joint.find("origin").get(key).split(), float) for key in ("xyz", "rpy")
        }
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = rotation(numbers["rpy"]), numbers["xyz"]
        move = np.eye(4)
        value = positions.get(joint.get("name"), 0.0)
        if joint.get("type") != "fixed":
            axis = np.array(joint.find("axis").get("xyz").split(), float)
            if joint.get("type") == "revolute":
                move[:3, :3] = about(axis, value)
            else:
                move[:3, 3] = axis * value
        parent, child = joint.find("parent").get("link"), joint.find("child").get("link")
        poses[child] = poses[parent] @ pose @ move
    return poses


@pytest.fixture(scope="module")
def model():
    return mujoco.MjModel.from_xml_path(str(sawyer.MODEL_PATH))


def test_forward_kinematics_equals_mujocos(model):
    text = urdf(model)
    data = mujoco.MjData(model)
    kinematics = sawyer.Kinematics()
    rng = np.random.default_rng(0)
    names = (*sawyer.JOINT_NAMES, *sawyer.GRIPPER_JOINT_NAMES)
    for _ in range(20):
        q = rng.uniform(sawyer.Q_LOW, sawyer.Q_HIGH)
        values = dict(zip(names, (*q, *rng.uniform(0, 0.04, 2)), strict=True))
        for name, value in values.items():
            data.joint(name).qpos = value
        mujoco.mj_kinematics(model, data)
        poses = walk(text, values)
        for link in (*sawyer.LINK_NAMES, "head", "l_finger", "r_finger"):
            np.testing.assert_allclose(poses[link][:3, 3], data.body(link).xpos, atol=1e-8)
            np.testing.assert_allclose(
                poses[link][:3, :3], data.body(link).xmat.reshape(3, 3), atol=1e-8
            )
        np.testing.assert_allclose(
            poses[sawyer.TCP_FRAME][:3, 3], kinematics.forward(q)[0], atol=1e-8
        )


def test_limits_are_the_robots(model):
    joints = {joint.get("name"): joint for joint in ET.fromstring(urdf(model)).iter("joint")}
    for i, name in enumerate(sawyer.JOINT_NAMES):
        limit = {key: float(value) for key, value in joints[name].find("limit").attrib.items()}
        assert limit["lower"] == pytest.approx(sawyer.Q_LOW[i])
        assert limit["upper"] == pytest.approx(sawyer.Q_HIGH[i])
        assert limit["velocity"] == pytest.approx(sawyer.V_MAX[i])
        assert limit["effort"] == pytest.approx(sawyer.EFFORT_MAX[i])


def test_every_link_has_one_parent_and_one_root(model):
    robot = ET.fromstring(urdf(model))
    links = [link.get("name") for link in robot.iter("link")]
    children = [joint.find("child").get("link") for joint in robot if joint.tag == "joint"]
    assert len(set(links)) == len(links)
    assert sorted([*children, "base"]) == sorted(links)


def test_mass_is_kept(model):
    total = sum(float(mass.get("value")) for mass in ET.fromstring(urdf(model)).iter("mass"))
    assert total == pytest.approx(float(model.body_mass.sum()))


def test_objects_of_a_scene_are_left_out():
    spec = mujoco.MjSpec.from_file(str(sawyer.MODEL_PATH))
    body = spec.worldbody.add_body(name="cup")
    body.add_freejoint()
    body.add_geom(type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[0.02, 0, 0])
    scene = spec.compile()
    arm = mujoco.MjModel.from_xml_path(str(sawyer.MODEL_PATH))
    assert urdf(scene) == urdf(arm)


@pytest.mark.parametrize("pitch", [np.pi / 2, -np.pi / 2, 0.3])
def test_roll_pitch_yaw_survives_gimbal_lock(pitch):
    wanted = rotation(np.array([0.4, pitch, -0.7]))
    quat = np.empty(4)
    mujoco.mju_mat2Quat(quat, wanted.ravel())
    np.testing.assert_allclose(rotation(roll_pitch_yaw(quat)), wanted, atol=1e-7)


def test_what_urdf_cannot_say_is_refused():
    model = mujoco.MjModel.from_xml_string(
        '<mujoco><worldbody><body name="base"><body name="arm"><joint name="j" pos="0.1 0 0"/>'
        '<geom size="0.1"/></body></body></worldbody></mujoco>'
    )
    with pytest.raises(ValueError, match="joint j is another or away"):
        urdf(model)
