import numpy as np

from robot_meta.data.repaint import repaint, turn
from robot_meta.learners import mil
from tests.robot_meta.test_training import NET, tiny_set

SETTINGS = mil.make({"net": NET}).settings


def test_a_third_of_a_turn_makes_red_green_and_grey_stays():
    third = turn(2 * np.pi / 3)
    assert np.allclose(third @ [1, 0, 0], [0, 1, 0], atol=1e-6)
    assert np.allclose(turn(1.0) @ [5, 5, 5], [5, 5, 5], atol=1e-5)
    assert np.allclose(turn(1.0) @ turn(1.0).T, np.eye(3), atol=1e-6)


def test_a_task_is_repainted_as_a_whole_and_nothing_else_changes():
    data = tiny_set(np.random.default_rng(0))
    batch = mil.sample_batch(data, SETTINGS, 2, np.random.default_rng(0))
    rgb = np.full_like(batch.rgb, (160, 90, 110))
    out = repaint(batch._replace(rgb=rgb), np.random.default_rng(1))
    colours = [np.unique(task.reshape(-1, 3), axis=0) for task in out.rgb]
    assert [len(c) for c in colours] == [1, 1]  # the demo and the trials of a task alike
    assert not np.array_equal(*colours)
    assert np.allclose([c.sum() for c in colours], 360, atol=3)  # as bright as before
    assert all(np.array_equal(a, b) for a, b in zip(out[1:], batch[1:], strict=True))
