import numpy as np
import pytest

from robot_meta.data.kept import kept
from robot_meta.errors import DataError


def test_arrays_are_made_once(tmp_path):
    made = []

    def make():
        made.append(1)
        return {"a": np.arange(3), "b": np.array(["x"])}

    for _ in range(2):
        found = kept(tmp_path / "f.npz", ("a", "b"), make)
        assert found["a"].tolist() == [0, 1, 2]
        assert found["b"].tolist() == ["x"]
    assert made == [1]


def test_a_damaged_or_lacking_file_is_named(tmp_path):
    path = tmp_path / "f.npz"
    kept(path, ("a",), lambda: {"a": np.zeros(1)})
    with pytest.raises(DataError, match=r"f\.npz: damaged .*remove it"):
        kept(path, ("b",), dict)
    path.write_bytes(b"text")
    with pytest.raises(DataError, match=r"f\.npz: damaged"):
        kept(path, ("a",), dict)
