import numpy as np
import pytest

from robot_meta.data.table_pictures import THINGS, TableSet, Wanted, load
from robot_meta.errors import ConfigError, DataError


def test_pictures_are_rendered_once_and_kept(tmp_path):
    wanted = Wanted(split="val", tasks=2, views=2)
    first = load(wanted, tmp_path)
    assert first.rgb.shape == (2, 2, 80, 80, 3)
    assert set(np.unique(first.things)) <= set(range(THINGS + 1))
    assert (first.things > 0).any()
    again = load(wanted, tmp_path)
    assert (again.rgb == first.rgb).all()
    assert (again.shapes == first.shapes).all()
    assert [file.name for file in tmp_path.iterdir()] == [wanted.name]
    both = TableSet.joined([first, again])
    assert len(both) == 4


def test_what_cannot_be_is_refused():
    with pytest.raises(ConfigError, match="views"):
        Wanted(views=0)
    with pytest.raises(DataError, match="table set"):
        TableSet(np.zeros((1, 1, 4, 4, 3)), np.zeros((1, 1, 4, 4), np.uint8), np.array([["a"] * 3]))
