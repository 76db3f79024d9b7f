import numpy as np
import pytest

from robot_meta import errors
from robot_meta.types import Demo, Frame


def frame(stamp_ns: int = 1, size: int = 8) -> Frame:
    return Frame(
        stamp_ns=stamp_ns,
        rgb=np.full((size, size, 3), stamp_ns % 256, np.uint8),
        q_rad=np.arange(7.0),
        ee_pos_m=np.array([0.5, 0.0, 0.25]),
        ee_quat_wxyz=np.array([1.0, 0.0, 0.0, 0.0]),
        gripper_m=0.04,
    )


def test_demo_stacks_its_frames_in_order():
    demo = Demo(
        frames=tuple(frame(t) for t in (1, 2, 3)),
        actions=np.zeros((3, 4), np.float32),
        kind="robot",
        task="x",
    )
    assert demo.rgb.shape == (3, 8, 8, 3)
    assert demo.rgb.dtype == np.uint8
    assert demo.stamp_ns.tolist() == [1, 2, 3]
    assert demo.q_rad.shape == (3, 7)
    assert demo.ee_pos_m.shape == (3, 3)
    assert demo.ee_quat_wxyz.shape == (3, 4)
    assert demo.gripper_m.tolist() == [0.04] * 3
    assert len(demo) == 3


def test_frames_compare_by_content():
    assert frame(1).same_as(frame(1))
    assert not frame(1).same_as(frame(2))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"frames": ()}, "no frames"),
        ({"kind": "ghost"}, "'ghost'"),
        ({"actions": None}, "without actions"),
        ({"actions": np.zeros((2, 4), np.float32)}, r"\(2, 4\) for 3 frames"),
        ({"frames": (frame(1), frame(2, size=9), frame(3))}, "different shapes"),
    ],
)
def test_a_demo_that_no_learner_could_use_is_refused(changes, words):
    good = {
        "frames": (frame(1), frame(2), frame(3)),
        "actions": np.zeros((3, 4), np.float32),
        "kind": "robot",
    }
    with pytest.raises(errors.DemoFormatError, match=words):
        Demo(**{**good, **changes})


def test_a_human_demo_needs_no_actions():
    assert Demo(frames=(frame(),), actions=None, kind="human").actions is None


def test_every_error_is_a_robot_meta_error():
    kinds = [value for value in vars(errors).values() if isinstance(value, type)]
    assert len(kinds) >= 8
    assert all(issubclass(kind, errors.RobotMetaError) for kind in kinds)
