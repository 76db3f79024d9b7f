import numpy as np
import pytest

from robot_meta import embedding_baselines as b

MEANS = 4 * np.eye(3, 6)


def drawn(each, rng):
    y = np.repeat(np.arange(3), each)
    return (MEANS[y] + rng.normal(0, 0.5, (len(y), 6))).astype(np.float32), y


@pytest.fixture
def task(rng):
    (z, y), (query, answers) = drawn(4, rng), drawn(10, rng)
    return b.Coded(z, y, query, answers)


@pytest.mark.parametrize("name", b.GRIDS)
def test_classes_apart_are_told_apart_whatever_the_order(task, name):
    f = b.GRIDS[name][0]
    found = f(task.z, task.y, task.query)
    assert (found == task.answers).mean() > 0.95
    order = np.random.default_rng(1).permutation(len(task.y))
    other = f(task.z[order], task.y[order], task.query)
    assert (found == other).mean() > 0.9


def test_distances_are_those_of_a_loop(rng):
    a, c = rng.normal(size=(4, 3)).astype(np.float32), rng.normal(size=(5, 3)).astype(np.float32)
    expected = [[((x - y) ** 2).sum() for y in c] for x in a]
    assert b.distances(a, c) == pytest.approx(np.array(expected), abs=1e-5)


def test_three_neighbours_outvote_the_nearest_and_it_decides_when_they_are_even():
    z = np.array([[0.0], [1.0], [1.1], [9.0]], np.float32)
    y = np.array([0, 1, 1, 2])
    query = np.array([[0.1]], np.float32)
    assert b.knn(z, y, query) == [0]
    assert b.knn(z, y, query, neighbours=3) == [1]
    assert b.knn(z[[0, 1, 3]], y[[0, 1, 3]], query, neighbours=3) == [0]


def test_cosine_does_not_mind_length():
    z, y = np.array([[10.0, 0.0], [0.0, 1.0]], np.float32), np.array([0, 1])
    query = np.array([[0.5, 0.1]], np.float32)
    assert b.knn(z, y, query) == [1]
    assert b.knn(z, y, query, cosine=True) == [0]


def test_a_cluster_has_the_class_of_most_of_its_support_and_others_are_passed_over():
    centres = np.array([[0.0], [10.0], [11.0]], np.float32)
    z, y = np.array([[0.1], [0.2], [0.3], [9.9]], np.float32), np.array([1, 1, 0, 2])
    query = np.array([[0.0], [11.0]], np.float32)  # the third centre has no support
    assert b.matching(z, y, query, centres=centres).tolist() == [1, 2]


def test_what_is_best_on_the_tasks_is_chosen(task):
    good = b.Coded(task.z, task.y, task.z, task.y)

    def baseline(z, y, query, *, right):
        return y if right else np.roll(y, 4)

    assert b.tuned(baseline, {"right": (False, True)}, [good]) == {"right": True}
    assert b.accuracy(baseline, [good, good], {"right": False}).tolist() == [0, 0]
