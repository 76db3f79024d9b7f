import numpy as np
import pytest

from robot_meta import partitions as p
from robot_meta.data.warps import WarpConfig
from robot_meta.errors import ConfigError


@pytest.fixture
def codes():
    """Three groups of 20 codes, far apart."""
    rng = np.random.default_rng(0)
    means = np.repeat(10 * np.eye(3, 8), 20, axis=0)
    return (means + rng.normal(0, 0.1, means.shape)).astype(np.float32)


def pictures(codes):
    """A picture whose one grey value is its number."""
    return np.broadcast_to(np.arange(len(codes), dtype=np.uint8)[:, None, None], (len(codes), 2, 2))


def test_clusters_are_the_groups_and_centres_their_means(codes):
    found = p.cluster(codes, 3, 0)
    for group in range(3):
        labels = found.labels[20 * group : 20 * group + 20]
        assert len(set(labels)) == 1
        mean = codes[20 * group : 20 * group + 20].mean(0)
        assert found.centres[labels[0]] == pytest.approx(mean, abs=1e-4)


def test_partitions_differ_and_the_first_is_of_the_codes_themselves():
    codes = np.random.default_rng(0).normal(size=(200, 6)).astype(np.float32)
    found = p.partitions(codes, p.PartitionsConfig(clusters=8, partitions=3))
    assert (found[0].labels == p.cluster(codes, 8, 0).labels).all()

    def pairs(labels):
        return labels[:, None] == labels

    assert (pairs(found[1].labels) != pairs(found[0].labels)).mean() > 0.05
    again = p.partitions(codes, p.PartitionsConfig(clusters=8, partitions=3))
    assert all((a.labels == b.labels).all() for a, b in zip(found, again, strict=True))


def test_scaling_shrinks_each_dimension_by_one_number(codes):
    ratio = p.scaled(codes, np.random.default_rng(1)) / codes
    assert ratio.std(0).max() < 1e-5
    assert 0 <= ratio.min() <= ratio.max() <= 1
    assert ratio[0].std() > 0.1


def test_a_class_of_a_task_is_a_cluster(codes):
    tasks = p.ClusterTasks(pictures(codes), [p.cluster(codes, 3, 0)], way=3, shot=2, query=4)
    support, query = tasks.draw(np.random.default_rng(0), 10)
    for x, y in ((support.x, support.y), (query.x, query.y)):
        number = (x[:, :, 0, 0, 0] * 255).round().long()
        for task in range(10):
            groups = [set((number[task][y[task] == c] // 20).tolist()) for c in range(3)]
            assert all(len(group) == 1 for group in groups)
            assert len(set.union(*groups)) == 3


def test_warps_bend_the_pictures_of_a_cluster_and_leave_it_their_class(codes):
    rng = np.random.default_rng(0)
    dots = np.zeros((len(codes), 28, 28), np.uint8)
    dots[:, 8:20, 8:20] = 4 * np.arange(len(codes), dtype=np.uint8)[:, None, None]
    told = {"way": 3, "shot": 1, "query": 4, "warps": WarpConfig()}
    tasks = p.ClusterTasks(dots, [p.cluster(codes, 3, 0)], **told)
    _, query = tasks.draw(rng, 5)
    shades = (query.x.amax((2, 3, 4)) * 255 / 4).round().long()
    for task in range(5):
        groups = [set((shades[task][query.y[task] == c] // 20).tolist()) for c in range(3)]
        assert all(len(group) == 1 for group in groups)
    bent = query.x.flatten(0, 1)[:, 0] > 0
    assert len(np.unique(bent.numpy(), axis=0)) > 50, "no two alike"


def test_small_clusters_are_never_drawn(codes):
    labels = np.r_[np.zeros(29, int), np.ones(29, int), np.full(2, 2)]
    tasks = p.ClusterTasks(pictures(codes), [p.Clusters(labels, codes[:3])], way=2, shot=1, query=2)
    support, _ = tasks.draw(np.random.default_rng(0), 50)
    assert (support.x[..., 0, 0, 0] * 255).max() < 57.5
    with pytest.raises(ConfigError, match="only 2 classes of 3 examples"):
        p.ClusterTasks(pictures(codes), [p.Clusters(labels, codes[:3])], way=3, shot=1, query=2)


def test_nonsense_is_refused(codes):
    with pytest.raises(ConfigError, match="60 codes cannot make 61"):
        p.cluster(codes, 61, 0)
    with pytest.raises(ConfigError, match="partitions >= 1"):
        p.PartitionsConfig(partitions=0)
