import numpy as np
import pytest

from robot_meta.data.classes import ClassSet, FewShot, Splits, as_bytes, joined
from robot_meta.data.warps import WarpConfig
from robot_meta.errors import ConfigError, DataError


def numbered(classes=6, each=4):
    """Class c has pictures of constant value 10 c + i, so that a picture tells where it is from."""
    values = np.arange(classes)[:, None] * 10 + np.arange(each)
    images = np.broadcast_to(values.reshape(-1, 1, 1), (classes * each, 2, 2)).astype(np.uint8)
    labels = np.repeat(np.arange(classes), each)
    return ClassSet(images, labels, tuple(f"c{i}" for i in range(classes)))


def drawn(sampler, seed=0, tasks=20):
    support, query = sampler.draw(np.random.default_rng(seed), tasks)
    return [
        (np.round(part.x[:, :, 0, 0, 0].numpy() * 255).astype(int), part.y.numpy())
        for part in (support, query)
    ]


def test_tasks_have_the_shapes_asked_for():
    support, query = FewShot(numbered(), way=3, shot=1, query=2).draw(np.random.default_rng(0), 5)
    assert support.x.shape == (5, 3, 1, 2, 2)
    assert query.x.shape == (5, 6, 1, 2, 2)
    assert query.y[0].tolist() == [0, 0, 1, 1, 2, 2]


def test_support_and_query_share_classes_but_no_picture():
    (sx, sy), (qx, qy) = drawn(FewShot(numbered(), way=3, shot=2, query=2))
    for task in range(20):
        assert not set(sx[task]) & set(qx[task])
        classes = {y: set(sx[task][sy[task] == y] // 10) for y in range(3)}
        assert all(len(found) == 1 for found in classes.values())
        for y in range(3):
            assert set(qx[task][qy[task] == y] // 10) == classes[y]
        assert len(set.union(*classes.values())) == 3


def test_a_label_is_tied_to_no_class():
    (sx, sy), _ = drawn(FewShot(numbered(), way=3, shot=1, query=1), tasks=100)
    assert len(set(sx[sy == 0] // 10)) == 6


def test_the_seed_alone_decides():
    sampler = FewShot(numbered(), way=3, shot=1, query=1)
    assert (drawn(sampler, 1)[0][0] == drawn(sampler, 1)[0][0]).all()
    assert (drawn(sampler, 1)[0][0] != drawn(sampler, 2)[0][0]).any()


def test_a_turned_class_is_turned_alike_in_support_and_query():
    images = np.zeros((8, 3, 3), np.uint8)
    images[:, 0, 0] = 255
    data = ClassSet(images, np.repeat([0, 1], 4), ("a", "b"))
    sampler = FewShot(data, way=2, shot=1, query=3, rotate=True)
    support, query = sampler.draw(np.random.default_rng(0), 10)
    for task in range(10):
        for y in (0, 1):
            one = support.x[task][support.y[task] == y][0]
            assert (query.x[task][query.y[task] == y] == one).all()
    assert len({tuple(x.flatten().tolist()) for x in support.x.flatten(0, 1)}) == 4


def test_warped_pictures_are_those_that_would_have_been_drawn_bent_each_in_its_own_way():
    images = np.zeros((8, 12, 12), np.uint8)
    images[:, 4:8, 4:8] = np.arange(100, 180, 10)[:, None, None]
    data = ClassSet(images, np.repeat([0, 1], 4), ("a", "b"))
    told = {"way": 2, "shot": 2, "query": 2, "rotate": True}
    plain = FewShot(data, **told).draw(np.random.default_rng(0), 1)
    bent = FewShot(data, **told, warps=WarpConfig.of(0.5)).draw(np.random.default_rng(0), 1)
    value = plain.query.x.amax((2, 3, 4))  # bending moves ink and changes none in its middle
    assert (value == bent.query.x.amax((2, 3, 4))).all()
    assert (plain.query.x != bent.query.x).any(dim=4).any(dim=3).all()
    apart = (bent.query.x > 0).float()
    assert (apart[0, 0] != apart[0, 1]).any()


def test_splits_share_no_class_and_no_picture():
    splits = Splits.cut(numbered(10), list(range(10)), val=2, test=3)
    parts = [splits.train, splits.val, splits.test]
    assert [len(part) for part in parts] == [5, 2, 3]
    pictures = [set(part.images[:, 0, 0].tolist()) for part in parts]
    assert len(set.union(*pictures)) == sum(map(len, pictures)) == 40


def test_an_overlap_is_refused_and_named():
    data = numbered()
    with pytest.raises(DataError, match="'c2' is in both 'train' and 'test'"):
        Splits(train=data.only([0, 1, 2]), val=data.only([3]), test=data.only([2, 4]))
    with pytest.raises(DataError, match="'c1' is in both"):
        Splits.cut(data, [0, 1, 1, 2], val=1, test=1)


def test_an_empty_split_is_refused():
    with pytest.raises(DataError, match="split 'val' has no classes"):
        Splits.cut(numbered(), [0, 1, 2], val=0, test=1)
    with pytest.raises(DataError, match="3 classes cannot give"):
        Splits.cut(numbered(), [0, 1, 2], val=2, test=1)


def test_a_class_with_too_few_examples_is_named():
    data = numbered()
    short = ClassSet(data.images[:-1], data.labels[:-1], data.names)
    with pytest.raises(DataError, match="class 'c5' has 3 examples; 2 shots and 2 queries need 4"):
        FewShot(short, way=2, shot=2, query=2)


def test_too_many_classes_or_too_few_shots_are_refused():
    with pytest.raises(ConfigError, match="only 6 classes"):
        FewShot(numbered(), way=7, shot=1, query=1)
    with pytest.raises(ConfigError, match=">= 1"):
        FewShot(numbered(), way=2, shot=0, query=1)


@pytest.mark.parametrize("label", [-1, 6])
def test_a_label_out_of_range_is_refused(label):
    data = numbered()
    labels = data.labels.copy()
    labels[3] = label
    with pytest.raises(DataError, match=f"label {label} is outside 0 .. 5"):
        ClassSet(data.images, labels, data.names)


def test_bad_pictures_are_refused_and_named():
    good = np.full((2, 2), 0.5)
    with pytest.raises(DataError, match="cat: 1 pixels are not numbers"):
        as_bytes([good, np.array([[0.1, np.nan], [0, 0]])], "cat")
    with pytest.raises(DataError, match="cat: pictures of different sizes"):
        as_bytes([good, np.zeros((3, 2))], "cat")
    with pytest.raises(DataError, match=r"cat: pixels from 0\.5 to 2"):
        as_bytes([good, 4 * good], "cat")
    with pytest.raises(DataError, match="class 'dog': pictures of size"):
        joined({"cat": np.zeros((1, 2, 2), np.uint8), "dog": np.zeros((1, 3, 2), np.uint8)})
    with pytest.raises(DataError, match="expected uint8"):
        ClassSet(np.zeros((1, 2, 2)), np.zeros(1, np.int64), ("a",))
    with pytest.raises(DataError, match="'a' is named twice"):
        ClassSet(np.zeros((1, 2, 2), np.uint8), np.zeros(1, np.int64), ("a", "a"))
