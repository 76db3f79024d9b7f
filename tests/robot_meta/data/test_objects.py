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


def test_a_set_is_made_once_and_again_for_another_request(tmp_path):
    made = []

    def make():
        made.append(1)
        return {"a": np.arange(len(made))}

    first = objects.kept("x", {"n": 1}, make, tmp_path)
    assert (objects.kept("x", {"n": 1}, make, tmp_path)["a"] == first["a"]).all()
    assert len(made) == 1
    assert len(objects.kept("x", {"n": 2}, make, tmp_path)["a"]) == 2
    assert len(list(tmp_path.iterdir())) == 2


def test_a_damaged_file_is_named(tmp_path):
    objects.kept("x", {"n": 1}, lambda: {"a": np.zeros(1)}, tmp_path)
    path = next(tmp_path.iterdir())
    path.write_bytes(b"no archive")
    with pytest.raises(DataError, match=path.name):
        objects.kept("x", {"n": 1}, lambda: {"a": np.zeros(1)}, tmp_path)
    np.savez(path, request="other")
    with pytest.raises(DataError, match="another request"):
        objects.kept("x", {"n": 1}, lambda: {"a": np.zeros(1)}, tmp_path)


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
