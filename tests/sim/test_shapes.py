import numpy as np
import pytest

from sim import shapes
from sim.shapes import FAMILIES, MAX_PARTS, rotation, shape


@pytest.mark.parametrize("family", FAMILIES)
def test_shapes_stand_on_the_ground_and_fit_into_a_cylinder(family):
    for number in range(8):
        parts = shape(f"{family}-{number}")
        low = np.min([np.array(p.pos) - shapes._reach(p) for p in parts], 0)
        high = np.max([np.array(p.pos) + shapes._reach(p) for p in parts], 0)
        assert low[2] == pytest.approx(0, abs=1e-9)
        across = np.hypot(*(high - low)[:2])
        assert max(across, high[2]) == pytest.approx(1)
        assert 1 < len(parts) <= MAX_PARTS


@pytest.mark.parametrize("family", FAMILIES)
def test_another_number_is_another_shape_and_the_same_is_the_same(family):
    assert shape(f"{family}-3") == shape(f"{family}-3")
    assert shape(f"{family}-3") != shape(f"{family}-4")


@pytest.mark.parametrize("name", ["chair", "ship-3", "chair-x", ""])
def test_an_unknown_name_is_told_with_the_families(name):
    with pytest.raises(ValueError, match="chair-17"):
        shape(name)


def test_rotations_are_rotations():
    turned = rotation((0.3, -0.7, 1.1))
    assert np.allclose(turned @ turned.T, np.eye(3))
    assert np.linalg.det(turned) == pytest.approx(1)
    assert np.allclose(rotation((0, 0, np.pi / 2)) @ [1, 0, 0], [0, 1, 0])
    assert np.allclose(rotation(shapes.ALONG) @ [0, 0, 1], [1, 0, 0])
