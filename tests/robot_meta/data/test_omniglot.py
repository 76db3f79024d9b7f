"""Loading Omniglot in each of its forms: a tiny copy in the original format, and the whole npz."""

import zipfile

import cv2
import numpy as np
import pytest

from robot_meta.data import omniglot
from robot_meta.errors import DataError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two alphabets in each part, 60 characters each, two drawers; splits small enough for them."""
    monkeypatch.setattr(omniglot, "VAL", 20)
    monkeypatch.setattr(omniglot, "TEST", 60)
    rng = np.random.default_rng(0)
    for part, alphabets in zip(omniglot.PARTS, (("A", "B"), ("C", "D")), strict=True):
        for alphabet in alphabets:
            for c in range(1, 31):
                where = tmp_path / part / alphabet / f"character{c:02d}"
                where.mkdir(parents=True)
                for drawer in (1, 2):
                    picture = np.where(rng.random((105, 105)) < 0.1, 0, 255).astype(np.uint8)
                    cv2.imwrite(str(where / f"{c:04d}_{drawer:02d}.png"), picture)
    return tmp_path


def names(splits):
    return [set(part.names) for part in (splits.train, splits.val, splits.test)]


def test_the_folders_and_the_archives_are_the_same_set(folder, tmp_path):
    zipped = tmp_path / "zips"
    zipped.mkdir()
    for part in omniglot.PARTS:
        with zipfile.ZipFile(zipped / f"{part}.zip", "w") as file:
            for path in sorted((folder / part).rglob("*.png")):
                file.write(path, path.relative_to(folder))
    one, other = omniglot.load(folder), omniglot.load(zipped)
    assert names(one) == names(other)
    assert (one.test.images == other.test.images).all()
    assert [len(n) for n in names(one)] == [40, 20, 60]
    assert one.train.images.shape == (80, 28, 28)


def test_alphabets_can_be_what_is_held_out(folder):
    train, val, test = names(omniglot.load(folder, "alphabets"))
    assert {name.split("/")[0] for name in train | val} == {"A", "B"}
    assert {name.split("/")[0] for name in test} == {"C", "D"}
    assert len(val) == 20


def test_ink_is_bright(folder):
    assert 10 < omniglot.load(folder).train.images.mean() < 40  # 10 % of 255


def test_a_missing_part_is_named(folder):
    (folder / "images_evaluation").rename(folder / "else")
    with pytest.raises(DataError, match=r"no images_evaluation and no images_evaluation\.zip"):
        omniglot.load(folder)


def test_a_picture_of_another_size_is_named(folder):
    wrong = folder / "images_background/A/character03/0003_01.png"
    cv2.imwrite(str(wrong), np.zeros((50, 105), np.uint8))
    with pytest.raises(DataError, match=r"0003_01.png: a picture of size \(50, 105\)"):
        omniglot.load(folder)


def test_an_alphabet_in_both_parts_is_named(folder):
    (folder / "images_evaluation/C").rename(folder / "images_evaluation/B")
    with pytest.raises(DataError, match="'B/character01' is in images_background too"):
        omniglot.load(folder)


def test_damaged_files_are_named(folder, tmp_path):
    packed = tmp_path / "omniglot.npz"
    packed.write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"omniglot\.npz: not a packed Omniglot"):
        omniglot.load(packed)
    zipped = tmp_path / "zips"
    zipped.mkdir()
    (zipped / "images_background.zip").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"images_background.zip: damaged"):
        omniglot.load(zipped)


def test_no_data_says_where_it_was_looked_for(tmp_path, monkeypatch):
    monkeypatch.setenv(omniglot.FOLDER, str(tmp_path))
    with pytest.raises(DataError, match=f"set {omniglot.FOLDER}"):
        omniglot.load()


def test_the_whole_set_has_the_standard_splits():
    try:
        splits = omniglot.load()
    except DataError:
        pytest.skip("no Omniglot here")
    assert [len(n) for n in names(splits)] == [1100, 100, 423]
    assert not set.intersection(*names(splits))
    assert all((np.bincount(part.labels) == 20).all() for part in (splits.train, splits.test))
