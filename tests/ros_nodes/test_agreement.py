from dataclasses import replace

import numpy as np
import pytest

from robot_meta.evaluate import Case, EvalConfig
from robot_meta.rollout import Outcome
from robot_meta.types import Demo, Frame
from ros_nodes.agreement import RosCase, difference, identical, metrics
from ros_nodes.showing import Take


def demo(frames=3):
    def frame(i):
        return Frame(
            stamp_ns=1 + i,
            rgb=np.full((4, 4, 3), i, np.uint8),
            q_rad=np.full(7, 0.1 * i),
            ee_pos_m=np.zeros(3),
            ee_quat_wxyz=np.array([1.0, 0, 0, 0]),
            gripper_m=0.01 * i,
        )

    actions = np.zeros((frames, 4), np.float32)
    return Demo(frames=tuple(frame(i) for i in range(frames)), actions=actions, kind="robot")


def test_the_first_difference_is_named_and_stamps_do_not_count():
    one = demo()
    late = tuple(replace(frame, stamp_ns=frame.stamp_ns + 10**9) for frame in one.frames)
    assert difference(replace(one, frames=late), demo()) == ""
    assert difference(one, demo(4)) == "3 frames, not 4"
    bright = one.frames[1].rgb.copy()
    bright[0, 0, 0] = 255
    frames = (one.frames[0], replace(one.frames[1], rgb=bright), one.frames[2])
    assert difference(one, replace(one, frames=frames)) == "rgb of frame 1 by 254"
    actions = np.zeros((3, 4), np.float32)
    actions[2, 3] = 0.5
    assert difference(one, replace(one, actions=actions)) == "actions of frame 2 by 0.5"


def outcome(success=True, steps=20, error_m=0.01):
    return Outcome(success, success, 0 if success else None, steps, error_m)


def take(success=True, steps=20, error_m=0.01):
    return Take(success=success, loose_success=success, steps=steps, error_m=error_m)


def test_identical_is_to_the_bit():
    assert identical(take(), outcome())
    assert not identical(take(error_m=np.nextafter(0.01, 1)), outcome())
    assert not identical(take(steps=21), outcome())
    assert not identical(take(success=False), outcome())
    held, stopped = replace(outcome(False), stopped=True), take(False, steps=33)
    stopped.stopped = "gate: an arm that is held"
    assert identical(stopped, held)
    assert not identical(stopped, outcome(False))
    assert not identical(take(False), held)


def test_figures_pair_trials_by_task_and_leave_out_what_ran_only_in_process():
    inside = [
        Case(7, outcomes={"success": [outcome(), outcome(False), outcome()]}),
        Case(3, outcomes={"success": [outcome(), outcome(), outcome()]}),
    ]
    over_ros = [
        RosCase(3, [take(), take(steps=30), take(False)], adapt_s=0.2),
        RosCase(7, [take(), take()], adapt_s=0.4, demo_differs="3 frames, not 4"),
    ]
    found = metrics(over_ros, inside, EvalConfig(trials=5, seed=2))
    values = {key: metric.value for key, metric in found.items()}
    assert values == {
        "success": pytest.approx(0.8),
        "success_in_process": pytest.approx(0.8),
        "agreement": pytest.approx(0.6),
        "identical": pytest.approx(0.4),
        "demos_identical": 0.5,
        "adapt_s_p50": pytest.approx(0.3),
    }
    assert found["agreement"].n == 5
    assert found["success"].seeds == (2,)
