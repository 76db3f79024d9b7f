"""Tiny files in the original format."""

import gzip
import struct

import numpy as np
import pytest

from robot_meta.data import idx
from robot_meta.data.folders import FOLDER
from robot_meta.errors import DataError


def idx_bytes(array, kind=0x08):
    head = struct.pack(">BBBB", 0, 0, kind, array.ndim)
    return head + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write(folder, part="t10k", count=6, zipped=True, prefix="", dot="-", seed=0):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, 28, 28), np.uint8)
    labels = (np.arange(count) % 3).astype(np.uint8)
    folder.mkdir(parents=True, exist_ok=True)
    for what, array, axes in (("images", images, 3), ("labels", labels, 1)):
        file = folder / f"{prefix}{part}-{what}{dot}idx{axes}-ubyte{'.gz' if zipped else ''}"
        data = idx_bytes(array)
        file.write_bytes(gzip.compress(data) if zipped else data)
    return images, labels


@pytest.mark.parametrize(
    "form", [{}, {"zipped": False}, {"dot": "."}, {"part": "test", "prefix": "emnist-digits-"}]
)
def test_every_form_of_the_files_gives_what_was_written(tmp_path, form):
    images, labels = write(tmp_path, **form)
    found = idx.load(where=tmp_path)
    assert (found.images == images).all()
    assert (found.labels == labels).all()
    assert found.names == ("0", "1", "2")


def test_both_parts_are_joined_training_first(tmp_path):
    late, _ = write(tmp_path, "t10k", 4, seed=1)
    early, _ = write(tmp_path, "train", 5, seed=2)
    assert (idx.load(where=tmp_path).images == np.concatenate([early, late])).all()


def test_a_set_is_found_in_the_data_folder_or_in_one_of_its_name(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER, str(tmp_path))
    digits, _ = write(tmp_path, seed=3)
    clothes, _ = write(tmp_path / "fashion-mnist", seed=4)
    assert (idx.load("mnist").images == digits).all()
    assert (idx.load("fashion-mnist").images == clothes).all()


def test_a_package_of_the_system_is_found_last(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER, str(tmp_path / "none"))
    images, _ = write(tmp_path / "installed")
    monkeypatch.setitem(idx.INSTALLED, "fashion-mnist", tmp_path / "installed")
    assert (idx.load("fashion-mnist").images == images).all()


def test_no_data_says_where_it_was_looked_for(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER, str(tmp_path))
    with pytest.raises(DataError, match=f"set {FOLDER}"):
        idx.load("mnist")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\x89PNG....", "is not IDX"),
        (idx_bytes(np.zeros((2, 3, 3), np.float32), 0x0D), "type 0x0d, expected unsigned bytes"),
        (idx_bytes(np.zeros((2, 3, 3), np.uint8))[:-1], r"17 bytes of data, \(2, 3, 3\) needs 18"),
        (b"\0\0\x08\x03\0\0", "do not hold the sizes of 3 axes"),
    ],
)
def test_files_that_are_not_in_the_format_are_named(tmp_path, data, said):
    path = tmp_path / "t10k-images-idx3-ubyte"
    path.write_bytes(data)
    with pytest.raises(DataError, match=said):
        idx.read(path)


def test_a_cut_archive_is_named(tmp_path):
    path = tmp_path / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(idx_bytes(np.zeros((2, 3, 3), np.uint8)))[:-12])
    with pytest.raises(DataError, match=r"idx3-ubyte.gz: cannot be read"):
        idx.read(path)


def test_labels_must_be_there_and_fit(tmp_path):
    write(tmp_path)
    labels = tmp_path / "t10k-labels-idx1-ubyte.gz"
    labels.write_bytes(gzip.compress(idx_bytes(np.zeros(5, np.uint8))))
    with pytest.raises(DataError, match=r"labels of shape \(5,\) for 6 pictures"):
        idx.load(where=tmp_path)
    labels.unlink()
    with pytest.raises(DataError, match="t10k-labels-idx1-ubyte is not"):
        idx.load(where=tmp_path)


def test_two_sets_in_a_folder_are_refused(tmp_path):
    write(tmp_path, "train", prefix="emnist-digits-")
    write(tmp_path, "train", prefix="emnist-letters-")
    with pytest.raises(DataError, match="keep one set in a folder"):
        idx.load(where=tmp_path)


def test_the_digits_of_mnist_are_ten_thousand():
    try:
        digits = idx.load("mnist")
    except DataError:
        pytest.skip("no MNIST here")
    assert len(digits.images) >= 10_000
    assert len(digits) == 10
