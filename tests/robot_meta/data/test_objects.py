import numpy as np
import pytest

from robot_meta.data import objects
from robot_meta.errors import ConfigError, DataError


def test_no_shape_is_in_two_splits():
    found = [set(objects.names(split, 500)) for split in ("train", "val", "test")]
    assert all(len(names) == 500 for names in found)
    assert not found[0] & found[1]
    assert not found[0] & found[2]
    assert not found[1] & found[2]


def test_families_come_in_turn():
    assert objects.names("val", 3, ("car", "mug")) == ["car-100000", "mug-100000", "car-100001"]
    with pytest.raises(ConfigError, match="1 to 2000"):
        objects.names("val", 0, ("car", "mug"))


def test_pictures_depend_on_seed_and_place_in_the_list_alone():
    wanted = [{"shape": "car-1"}, {"shape": "mug-1"}]
    one, told = objects.render(wanted, 16, seed=5)
    other, _ = objects.render(wanted, 16, seed=5)
    third, _ = objects.render(wanted, 16, seed=6)
    assert one.shape == (2, 16, 16, 3)
    assert (one == other).all()
    assert (one != third).any()
    assert [info["shape"] for info in told] == ["car-1", "mug-1"]
    with pytest.raises(DataError, match="no pictures"):
        objects.render([], 16, seed=5)


def test_another_request_is_another_file(tmp_path):
    one, same, other = (objects.file_of("x", r, tmp_path) for r in ({"n": 1}, {"n": 1}, {"n": 2}))
    assert one == same
    assert one != other
    assert one.parent == tmp_path


def test_classes_are_disjoint_and_have_their_pictures(tmp_path):
    splits = objects.classes({"train": 3, "val": 2, "test": 2}, 2, 16, tmp_path)
    assert splits.train.images.shape == (6, 16, 16, 3)
    assert splits.train.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert len(splits.test) == 2
    assert (splits.train.images[0] != splits.train.images[1]).any()


def test_grey_is_between_its_colours():
    white = np.full((2, 2, 3), 255, np.uint8)
    assert (objects.grey(white) == 255).all()
    green, blue = np.eye(3, dtype=np.uint8)[1:] * 255
    assert objects.grey(green) > objects.grey(blue) > 0
