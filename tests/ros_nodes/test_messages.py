from types import SimpleNamespace

import numpy as np
import pytest

from robot_meta.errors import ObservationError
from ros_nodes import messages
from tests.ros_nodes.recordings import CONTRACT, STORE, image, joint_state, picture, plain

NAMES = list(CONTRACT.arm.joints)


def test_stamps_and_back():
    assert messages.to_stamp(1_500_000_001) == (1, 500_000_001)
    stamp = SimpleNamespace(sec=0, nanosec=0)
    messages.set_stamp(stamp, 7_000_000_009)
    assert messages.stamp_ns(stamp) == 7_000_000_009
    with pytest.raises(ObservationError, match="negative"):
        messages.to_stamp(-1)


def test_image_there_and_back():
    pixels = picture(1)
    msg = SimpleNamespace()
    messages.fill_image(msg, pixels)
    np.testing.assert_array_equal(messages.rgb(msg), pixels)
    assert (msg.height, msg.width, msg.step, msg.encoding) == (240, 320, 960, "rgb8")


def test_any_object_with_the_fields_will_do():
    np.testing.assert_array_equal(messages.rgb(plain(image(3))), picture(3))


def test_padded_rows_are_cut():
    pixels = picture(2, 4, 5)
    rows = np.zeros((4, 20), np.uint8)
    rows[:, :15] = pixels.reshape(4, 15)
    msg = image(1, pixels, step=20, data=rows.reshape(-1))
    np.testing.assert_array_equal(messages.rgb(msg), pixels)


@pytest.mark.parametrize(("encoding", "channels"), [("bgr8", 3), ("rgba8", 4), ("bgra8", 4)])
def test_channel_orders(encoding, channels):
    pixels = picture(2, 4, 5)
    stored = pixels[:, :, ::-1] if encoding.startswith("bgr") else pixels
    if channels == 4:
        stored = np.concatenate([stored, np.full((4, 5, 1), 255, np.uint8)], axis=2)
    msg = image(1, pixels, encoding=encoding, step=5 * channels, data=stored.reshape(-1).copy())
    np.testing.assert_array_equal(messages.rgb(msg), pixels)


def test_nan_images_are_refused():
    data = np.full(4 * 5 * 3, np.nan, np.float32).view(np.uint8)
    msg = image(1, picture(1, 4, 5), encoding="32FC3", step=60, data=data)
    with pytest.raises(ObservationError, match=r"encoding '32FC3' is not read; need one of rgb8"):
        messages.rgb(msg)


def test_short_images_are_refused():
    msg = image(1, picture(1, 4, 5), data=np.zeros(59, np.uint8))
    with pytest.raises(ObservationError, match="4 rows x 5 columns, rgb8, step 15, 59 bytes"):
        messages.rgb(msg)
    with pytest.raises(ObservationError, match=r"must be \(H, W, 3\) uint8, got \(4, 5\)"):
        messages.fill_image(SimpleNamespace(), np.zeros((4, 5), np.uint8))


def test_joints_are_taken_by_name():
    names = ["head_pan", *reversed(NAMES)]
    msg = joint_state(1, names, [9.0, *range(7)])
    assert messages.joint_positions(msg, NAMES).tolist() == [6, 5, 4, 3, 2, 1, 0]


def test_joint_state_there_and_back():
    msg = SimpleNamespace()
    q = np.linspace(0, 1, 7)
    messages.fill_joint_state(msg, NAMES, q, 2 * q)
    np.testing.assert_array_equal(messages.joint_positions(msg, NAMES), q)
    np.testing.assert_array_equal(messages.joint_velocities(msg, NAMES), 2 * q)
    assert len(msg.effort) == 0


@pytest.mark.parametrize(
    ("names", "values", "message"),
    [
        (NAMES[:3] + NAMES[4:], range(6), r"joints \['right_j3'\] are missing; got .*in any order"),
        ([*NAMES, "right_j0"], range(8), r"\['right_j0'\] are there more than once"),
        (NAMES, range(6), "6 values of position for 7 names"),
        (NAMES, [0, 0, np.nan, 0, 0, 0, 0], r"position of \['right_j2'\] is not finite"),
        ([], [], "are missing"),
    ],
)
def test_bad_joint_states_are_named(names, values, message):
    msg = joint_state(1, list(names), np.array(list(values), np.float64))
    with pytest.raises(ObservationError, match=message):
        messages.joint_positions(msg, NAMES)


def test_twist_there_and_back():
    vector = SimpleNamespace
    msg = SimpleNamespace(twist=SimpleNamespace(linear=vector(), angular=vector()))
    messages.fill_twist(msg, [1, 2, 3, 4, 5, 6])
    assert messages.twist6(msg).tolist() == [1, 2, 3, 4, 5, 6]
    assert messages.twist6(msg.twist).tolist() == [1, 2, 3, 4, 5, 6]


def trajectory(names, points):
    point = STORE.types["trajectory_msgs/msg/JointTrajectoryPoint"]
    duration = STORE.types["builtin_interfaces/msg/Duration"]
    empty = np.zeros(0)
    return SimpleNamespace(
        joint_names=names,
        points=[
            point(np.array(q, float), np.array(qd, float), empty, empty, duration(0, int(t * 1e9)))
            for t, q, qd in points
        ],
    )


def test_trajectory_points_are_taken_by_name():
    msg = trajectory(["b", "a"], [(0.02, [1, 2], [3, 4]), (0.04, [5, 6], [0, 0])])
    points = messages.trajectory_points(msg, ["a", "b"])
    assert [t for t, _, _ in points] == pytest.approx([0.02, 0.04])
    assert points[0][1].tolist() == [2, 1]
    assert points[0][2].tolist() == [4, 3]


@pytest.mark.parametrize(
    ("names", "points", "message"),
    [
        (["a"], [], r"\['b'\] are missing"),
        (["a", "b", "c"], [], r"unknown joints \['c'\]"),
        (["a", "b"], [(0.1, [1], [0, 0])], "positions of point 0: 1 values, need 2"),
        (["a", "b"], [(0.1, [1, 1], [])], "velocities of point 0: 0 values, need 2"),
        (["a", "b"], [(0.1, [1, np.inf], [0, 0])], "not finite"),
        (["a", "b"], [(0.1, [1, 1], [0, 0]), (0.1, [1, 1], [0, 0])], "times must rise"),
    ],
)
def test_bad_trajectories_are_named(names, points, message):
    with pytest.raises(ObservationError, match=message):
        messages.trajectory_points(trajectory(names, points), ["a", "b"])
