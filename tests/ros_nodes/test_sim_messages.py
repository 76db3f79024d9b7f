"""The simulator's messages, filled from a world without a node."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("rclpy")
pytest.importorskip("robot_meta_msgs")

from ros_nodes import sim_messages
from ros_nodes.arm_sim import ArmSim
from ros_nodes.messages import joint_positions, rgb, stamp_ns
from sim.links import LinkTree
from sim.sawyer import JOINT_NAMES, TCP_FRAME

pytestmark = pytest.mark.ros
FRAME = "front_optical_frame"


@pytest.fixture(scope="module")
def sim():
    sim = ArmSim('{"family": "reach"}', seed=2)
    yield sim
    sim.close()


def test_joint_states_carry_the_measured_arm(sim):
    msg = sim_messages.joint_state(sim)
    assert stamp_ns(msg.header.stamp) == sim.time_ns
    np.testing.assert_array_equal(joint_positions(msg, JOINT_NAMES), sim.episode.world.arm_q)
    assert sum(msg.position[-2:]) == pytest.approx(sim.episode.world.gripper_m)
    assert len(msg.velocity) == len(msg.effort) == 9


def test_image_and_calibration_belong_together(sim):
    picture = sim.camera.render()
    image = sim_messages.image(picture, 5, FRAME)
    info = sim_messages.camera_info(sim.camera, 5, FRAME)
    np.testing.assert_array_equal(rgb(image), picture)
    assert image.header == info.header
    assert (info.width, info.height) == (image.width, image.height)
    k, p = np.reshape(info.k, (3, 3)), np.reshape(info.p, (3, 4))
    np.testing.assert_array_equal(p[:, :3], k)
    np.testing.assert_array_equal(np.reshape(info.r, (3, 3)), np.eye(3))
    assert k[0, 2] == 159.5
    assert k[1, 2] == 119.5
    assert not np.any(info.d)


def test_state_is_of_this_tick_and_its_json_is_strict(sim):
    msg = sim_messages.state(sim, 77)
    assert msg.steady_ns == 77
    assert stamp_ns(msg.header.stamp) == sim.time_ns
    assert msg.state_hash == sim.state_hash()
    json.loads(msg.info_json, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert json.loads(msg.task)["family"] == "reach"


def test_transforms_are_named_stamped_and_of_unit_length(sim):
    tree = LinkTree(sim.episode.world.model, "base")
    pose = sim_messages.camera_pose(sim.camera, "base", FRAME)
    messages = sim_messages.transforms([*tree.moving(sim.episode.world.data), *tree.fixed, pose], 9)
    children = {m.child_frame_id: m for m in messages}
    assert {TCP_FRAME, FRAME, "right_l6", "l_finger"} <= set(children)
    for msg in messages:
        r = msg.transform.rotation
        assert np.linalg.norm([r.x, r.y, r.z, r.w]) == pytest.approx(1.0)
        assert stamp_ns(msg.header.stamp) == 9
    assert children[FRAME].header.frame_id == "base"
    assert children[FRAME].transform.translation.z == pytest.approx(0.72, abs=0.05)
