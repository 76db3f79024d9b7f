import numpy as np
import pytest

from robot_meta import rollout
from robot_meta.data.shown import demo_set
from robot_meta.errors import DemoFormatError
from robot_meta.types import Demo, Frame


def shown(seed, ticks=20, actions=True):
    """The tip goes down to (0.5, 0.1), then on to (0.7, -0.1) along the table."""
    rng = np.random.default_rng(seed)
    down = np.linspace([0.4, 0.0, 0.3], [0.5, 0.1, 0.03], ticks // 2)
    on = np.linspace([0.51, 0.09, 0.03], [0.7, -0.1, 0.03], ticks - ticks // 2)
    frames = tuple(
        Frame(
            stamp_ns=i + 1,
            rgb=rng.integers(0, 256, (16, 16, 3), np.uint8),
            q_rad=np.zeros(7),
            ee_pos_m=tip,
            ee_quat_wxyz=np.array([1.0, 0.0, 0.0, 0.0]),
            gripper_m=0.01 * i,
        )
        for i, tip in enumerate(np.concatenate([down, on]))
    )
    made = Demo(
        frames=frames, actions=rng.uniform(-0.1, 0.1, (ticks, 4)).astype(np.float32), kind="robot"
    )
    return made if actions else rollout.without_actions(made)


def test_frames_are_those_of_the_demo_with_their_own_actions():
    demo = shown(0)
    data = demo_set([[demo]], frames=5)
    rows = [0, 5, 10, 14, 19]  # evenly spread, the ends among them
    assert np.array_equal(data.rgb[0, 0], demo.rgb[rows])
    assert np.array_equal(data.action[0, 0], demo.actions[rows])
    assert np.allclose(data.state[0, 0], np.c_[demo.ee_pos_m, demo.gripper_m][rows])


def test_what_is_meant_lies_where_the_tip_comes_down_and_then_goes_along():
    data = demo_set([[shown(0)]], frames=20)
    thing, destination = data.marker[0, 0, :, 0], data.marker[0, 0, :, 1]
    first = data.before[0, 0]
    assert np.allclose(thing[first], data.keypose[0, 0, 0, :2])
    assert np.allclose(thing[~first], data.state[0, 0, ~first, :2])
    assert np.allclose(destination, [0.7, -0.1])


def test_a_task_with_fewer_demos_gives_some_twice():
    one, two, three = shown(0), shown(1), shown(2)
    data = demo_set([[one], [two, three]])
    assert data.rgb.shape[:3] == (2, 2, 14)
    assert np.array_equal(data.rgb[0, 0], data.rgb[0, 1])
    assert not np.array_equal(data.rgb[1, 0], data.rgb[1, 1])


@pytest.mark.parametrize(
    ("tasks", "told"),
    [([], "0 tasks"), ([[], []], "2 tasks"), ([[shown(0, actions=False)]], "without actions")],
)
def test_what_cannot_be_learned_from_is_refused(tasks, told):
    with pytest.raises(DemoFormatError, match=told):
        demo_set(tasks)
