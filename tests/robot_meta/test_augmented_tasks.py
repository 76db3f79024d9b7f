import numpy as np
import pytest

from robot_meta.augmented_tasks import AugmentedTasks
from robot_meta.errors import ConfigError, DataError


@pytest.fixture
def images():
    """Each picture has a grey value of its own."""
    return np.broadcast_to(np.arange(10, 250, 10, dtype=np.uint8)[:, None, None], (24, 12, 12))


def test_a_class_is_one_picture_and_no_two_are_the_same(images):
    tasks = AugmentedTasks(images, way=5, shot=2, query=3)
    support, query = tasks.draw(np.random.default_rng(0), 20)
    assert support.x.shape == (20, 10, 1, 12, 12)
    assert query.y[0].tolist() == [c for c in range(5) for _ in range(3)]
    value = (support.x.amax((2, 3, 4)) * 255).round().view(20, 5, 2)
    asked = (query.x.amax((2, 3, 4)) * 255).round().view(20, 5, 3)
    assert (value[..., :1] - value).abs().max() <= 1
    assert (value[..., :1] - asked).abs().max() <= 1
    assert all(len(set(first.tolist())) == 5 for first in value[..., 0])


def test_the_first_of_the_support_set_is_the_picture_itself(images):
    support, query = AugmentedTasks(images, way=3, shot=1, query=2).draw(
        np.random.default_rng(0), 4
    )
    assert (support.x == support.x[..., :1, :1]).all()
    assert (query.x != query.x[..., 6:7, 6:7]).any()  # black entered from the side


def test_too_few_pictures_are_refused(images):
    with pytest.raises(DataError, match="only 24 pictures"):
        AugmentedTasks(images, way=25, shot=1, query=1)
    with pytest.raises(ConfigError, match="query >= 1"):
        AugmentedTasks(images, way=5, shot=1, query=0)
