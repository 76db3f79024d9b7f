import numpy as np
import pytest

from robot_meta.data import domain_crops
from robot_meta.data.domain_crops import SIDE, Crops
from robot_meta.errors import ConfigError, DataError


def test_a_thing_is_in_the_middle_of_its_picture_even_at_the_edge():
    rgb = np.zeros((120, 160, 3), np.uint8)
    mask = np.zeros((120, 160), bool)
    mask[:10, 150:] = True
    rgb[mask] = 255
    found = domain_crops.cut(rgb, mask)
    assert found.shape == (SIDE, SIDE, 3)
    middle = SIDE // 2
    assert (found[middle - 1 : middle + 1, middle - 1 : middle + 1] == 255).all()
    assert (found[-1, 0] == 0).all()


def test_pictures_are_rendered_once_and_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(domain_crops, "FOLDER", tmp_path)
    first = domain_crops.load("cast", "val", 2, 1)
    again = domain_crops.load("cast", "val", 2, 1)
    assert (first.rgb == again.rgb).all()
    assert len(list(tmp_path.iterdir())) == 1
    assert first.rgb.std() > 0
    next(tmp_path.iterdir()).write_bytes(b"damaged")
    with pytest.raises(DataError, match="remove it to render anew"):
        domain_crops.load("cast", "val", 2, 1)


def test_what_cannot_be_is_refused():
    with pytest.raises(ConfigError, match="'fog'"):
        domain_crops.load("fog", "val", 1, 1)
    with pytest.raises(DataError, match="shape outside"):
        Crops(np.zeros((1, SIDE, SIDE, 3), np.uint8), np.array([9]), np.array([0]))
