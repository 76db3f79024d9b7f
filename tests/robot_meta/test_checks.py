import dataclasses

import numpy as np
import pytest

from robot_meta.checks import check_demo, check_frame
from robot_meta.errors import DemoFormatError, ObservationError
from robot_meta.types import Demo
from tests import linear


@pytest.fixture
def frame(rng):
    return linear.frame(rng)


def test_a_good_frame_passes(frame):
    check_frame(frame, (8, 8, 3))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rgb": np.zeros((9, 8, 3), np.uint8)}, r"uint8 \(9, 8, 3\) came, expected uint8 \(8, 8"),
        ({"rgb": np.full((8, 8, 3), np.nan)}, "float64"),
        ({"rgb": None}, "NoneType"),
        ({"q_rad": np.full(7, np.nan)}, "q_rad: .*nan.* expected finite"),
        ({"q_rad": np.zeros(6)}, r"q_rad: float64 \(6,\)"),
        ({"q_rad": np.zeros(7, int)}, "q_rad: int64"),
        ({"ee_pos_m": np.array([0, 0, np.inf])}, "ee_pos_m"),
        ({"ee_quat_wxyz": np.zeros(3)}, "ee_quat_wxyz"),
        ({"gripper_m": float("nan")}, "gripper_m: nan"),
    ],
)
def test_an_observation_that_cannot_be_acted_on_is_named(frame, changes, words):
    with pytest.raises(ObservationError, match=words):
        check_frame(dataclasses.replace(frame, **changes), (8, 8, 3))


def test_a_video_of_a_person_needs_no_joints():
    frames = tuple(
        dataclasses.replace(f, q_rad=np.full(7, np.nan), gripper_m=float("nan"))
        for f in linear.demo().frames
    )
    video = Demo(frames=frames, actions=None, kind="human")
    check_demo(video, (8, 8, 3))
    with pytest.raises(DemoFormatError, match="frame 0: q_rad"):
        check_demo(dataclasses.replace(linear.demo(), frames=frames), (8, 8, 3))
