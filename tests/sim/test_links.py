import numpy as np
import pytest

from sim.camera import Camera
from sim.episode import Episode
from sim.links import LinkTree, rotation_xyzw, wxyz, xyzw
from sim.sawyer import JOINT_NAMES, LINK_NAMES, START_Q, TCP_FRAME, Kinematics
from sim.scene import bare_arm
from sim.tasks import draw_task
from sim.world import World


def matrix(quat_xyzw):
    x, y, z, w = quat_xyzw
    k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + 2 * w * k + 2 * k @ k


def chain(poses, child):
    """Pose (4, 4) of `child` in the root."""
    by_child = {pose.child: pose for pose in poses}
    out = np.eye(4)
    while child in by_child:
        pose, step = by_child[child], np.eye(4)
        step[:3, :3], step[:3, 3] = matrix(pose.quat_xyzw), pose.pos_m
        out, child = step @ out, pose.parent
    return out


@pytest.fixture(scope="module")
def world():
    world = World(bare_arm())
    world.place_arm(START_Q, 0.03)
    return world


def test_quaternions_turn_round_and_back():
    quat = np.array([0.5, 0.1, 0.2, 0.3])
    np.testing.assert_array_equal(xyzw(quat), [0.1, 0.2, 0.3, 0.5])
    np.testing.assert_array_equal(wxyz(xyzw(quat)), quat)


def test_chained_transforms_equal_forward_kinematics(world):
    tree = LinkTree(world.model, "base")
    poses = [*tree.fixed, *tree.moving(world.data)]
    wanted = Kinematics().link_poses(START_Q)
    for link in LINK_NAMES:
        got = chain(poses, link)
        np.testing.assert_allclose(got[:3, 3], wanted[link][0], atol=1e-9)
        np.testing.assert_allclose(got[:3, :3], matrix(xyzw(wanted[link][1])), atol=1e-9)
    np.testing.assert_allclose(chain(poses, TCP_FRAME)[:3, 3], world.tcp_pose()[0], atol=1e-9)


def test_each_frame_has_one_parent_and_moving_ones_are_the_joints(world):
    tree = LinkTree(world.model, "base")
    moving = tree.moving(world.data)
    children = [pose.child for pose in (*tree.fixed, *moving)]
    assert len(set(children)) == len(children)
    assert len(moving) == len(JOINT_NAMES) + 2


def test_a_thing_is_on_the_pixel_where_calibration_and_optical_frame_put_it():
    episode = Episode(draw_task("reach", "test", 0))
    episode.reset(np.random.default_rng(0), preset="strong")
    world = episode.world
    with Camera(world) as camera:
        position, rotation = camera.pose()
        turn = matrix(rotation_xyzw(rotation))
        np.testing.assert_allclose(turn, rotation, atol=1e-9)
        for place in ([0.5, -0.15, 0.02], [0.65, 0.2, 0.02]):
            pictures = []
            for at in (place, [0.0, 3.0, 0.0]):
                world.set_free_joint(
                    "object0", np.array(at) - [0, 0, 0.02], np.array([1.0, 0, 0, 0])
                )
                pictures.append(camera.render().astype(int))
            rows, columns = np.nonzero(np.abs(pictures[0] - pictures[1]).sum(2) > 20)
            x, y, z = turn.T @ (place - position)
            u, v, _ = camera.intrinsics() @ [x / z, y / z, 1.0]
            assert u == pytest.approx(columns.mean(), abs=2.5)
            assert v == pytest.approx(rows.mean(), abs=2.5)
