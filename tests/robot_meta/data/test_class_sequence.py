import numpy as np
import pytest

from robot_meta.data.class_sequence import sequence
from robot_meta.data.classes import ClassSet
from robot_meta.errors import ConfigError


def numbered(classes=6, each=5):
    values = np.arange(classes * each, dtype=np.uint8)
    images = np.broadcast_to(values[:, None, None, None], (classes * each, 2, 2, 3)).copy()
    labels = np.repeat(np.arange(classes), each)
    return ClassSet(images, labels, tuple(f"c{i}" for i in range(classes)))


def test_every_class_comes_once_and_no_picture_twice():
    arrivals = sequence(numbered(), 3, 2, np.random.default_rng(0))
    assert sorted(c for a in arrivals for c in a.classes) == list(range(6))
    seen = [
        round(float(x[0, 0, 0]) * 255)
        for a in arrivals
        for part in (a.stream, a.kept)
        for x in part.x
    ]
    assert sorted(seen) == list(range(30))


def test_labels_are_places_in_the_task_and_come_in_turn():
    for task in sequence(numbered(), 3, 2, np.random.default_rng(1)):
        assert task.stream.y.tolist() == [0, 1, 2] * 3
        for part in (task.stream, task.kept):
            number = (part.x[:, 0, 0, 0] * 255).round().long()
            assert [task.classes[y] for y in part.y.tolist()] == (number // 5).tolist()


def test_another_order_is_another_sequence():
    one, other = (sequence(numbered(), 3, 2, np.random.default_rng(s)) for s in (0, 1))
    assert one[0].classes != other[0].classes


def test_what_cannot_be_cut_is_refused():
    with pytest.raises(ConfigError, match="6 classes"):
        sequence(numbered(), 4, 2, np.random.default_rng(0))
    with pytest.raises(ConfigError, match="more than the 5"):
        sequence(numbered(), 3, 5, np.random.default_rng(0))
