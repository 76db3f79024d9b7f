import numpy as np
import pytest

from robot_meta.data import pose
from robot_meta.data.pose import PoseSet, PoseTasks
from robot_meta.errors import ConfigError, DataError


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    return pose.rendered("val", 3, 2, 6, 16, tmp_path_factory.mktemp("data"))


def numbered(tasks=5, each=8):
    images = np.arange(tasks * each, dtype=np.uint8).reshape(tasks, each, 1, 1)
    labels = np.repeat(images.reshape(tasks, each, 1), 2, 2).astype(np.float32)
    return PoseSet(images, labels, tuple(f"s{i}" for i in range(tasks)))


def test_labels_are_directions(rendered):
    assert rendered.images.shape == (3, 6, 16, 16)
    assert np.allclose(np.square(rendered.labels).sum(-1), 1, atol=1e-6)


def test_a_shape_may_be_seen_by_two_cameras(rendered):
    assert rendered.shapes[0] == rendered.shapes[2] != rendered.shapes[1]
    assert rendered.images[0].std() > 1
    assert (rendered.images[0].mean(0) != rendered.images[2].mean(0)).any()


def test_rendering_again_gives_the_same(rendered, tmp_path):
    again = pose.rendered("val", 3, 2, 6, 16, tmp_path)
    assert (again.images == rendered.images).all()
    assert (again.labels == rendered.labels).all()


def test_pictures_go_with_their_labels_and_none_is_in_both_sets():
    drawn = PoseTasks(numbered(), shot=3, query=4).draw(np.random.default_rng(0), 4)
    for part in drawn:
        seen = (part.x[:, :, 0, 0, 0] * 255).round()
        assert (seen == part.y[:, :, 0]).all()
        assert ((seen // 8) == (seen[:, :1] // 8)).all()
    both = np.concatenate([drawn.support.y[:, :, 0], drawn.query.y[:, :, 0]], 1)
    assert all(len(set(row)) == 7 for row in both.tolist())


def test_tasks_are_drawn_without_repeats_while_there_are_enough():
    drawn = PoseTasks(numbered(), shot=1, query=1).draw(np.random.default_rng(0), 5)
    assert len(set((drawn.support.y[:, 0, 0] // 8).tolist())) == 5


def test_what_does_not_fit_is_refused():
    with pytest.raises(ConfigError, match="8 pictures"):
        PoseTasks(numbered(), shot=5, query=4)
    good = numbered()
    with pytest.raises(DataError, match="need"):
        PoseSet(good.images, good.labels[..., :1], good.shapes)
