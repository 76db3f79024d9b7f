import numpy as np
import pytest
import torch

from robot_meta.errors import ConfigError, SessionError
from robot_meta.few_shot import Examples
from robot_meta.online_learning.buffer import Buffer


def batch(task, count, first=0):
    """Example i of a task is the number (task, i)."""
    x = torch.stack([torch.full((count,), float(task)), first + torch.arange(count).float()], 1)
    return Examples(x, torch.full((count,), task))


def filled(sizes, capacity=None):
    buffer, rng = Buffer(capacity), np.random.default_rng(0)
    for task, size in enumerate(sizes):
        buffer.add(batch(task, size), rng, begin=True)
    return buffer


def rows(examples):
    return {tuple(each) for each in examples.x.reshape(-1, 2).tolist()}


def test_batches_of_a_task_are_put_together():
    buffer, rng = filled([3]), np.random.default_rng(0)
    buffer.add(batch(1, 2), rng, begin=True)
    buffer.add(batch(1, 4, first=2), rng)
    assert buffer.sizes == [3, 6]
    assert rows(buffer.current) == rows(batch(1, 6))


def test_support_and_query_are_of_one_task_and_disjoint():
    drawn = filled([8, 8, 8]).episodes(np.random.default_rng(0), 50, 5, 3)
    assert drawn.support.x.shape == (50, 5, 2)
    assert drawn.query.y.shape == (50, 3)
    for k in range(50):
        support, query = (Examples(part.x[k], part.y[k]) for part in drawn)
        assert len(rows(support) | rows(query)) == 8
        assert len({*support.y.tolist(), *query.y.tolist()}) == 1
    assert set(drawn.support.y[:, 0].tolist()) == {0, 1, 2}


def test_a_small_task_gives_to_both():
    drawn = filled([4]).episodes(np.random.default_rng(0), 1, 4, 3)
    assert rows(drawn.support) == rows(batch(0, 4))
    assert rows(drawn.query) <= rows(drawn.support)
    assert filled([2]).episodes(np.random.default_rng(0), 1, 5, 3).support.x.shape == (1, 5, 2)


def test_tasks_are_drawn_alike_whatever_their_size():
    drawn = filled([10, 30]).examples(np.random.default_rng(0), 1000, 5)
    assert drawn.y.shape == (1000, 5)
    assert (drawn.y == drawn.y[:, :1]).all()
    assert drawn.y.float().mean().item() == pytest.approx(0.5, abs=0.05)
    assert len(rows(drawn)) == 40


def test_a_bounded_buffer_keeps_its_bound_the_task_at_hand_and_some_of_every_task():
    buffer = filled([10, 10, 10, 10], capacity=22)
    assert len(buffer) == 22
    assert buffer.sizes == [4, 4, 4, 10]
    assert rows(buffer.current) == rows(batch(3, 10))


def test_the_task_at_hand_is_kept_whole_even_beyond_the_bound():
    buffer = filled([4, 9], capacity=5)
    assert buffer.sizes == [9]


def test_nonsense_is_refused():
    with pytest.raises(ConfigError, match="capacity must be >= 1"):
        Buffer(0)
    with pytest.raises(SessionError, match="no example came yet"):
        _ = Buffer().current
