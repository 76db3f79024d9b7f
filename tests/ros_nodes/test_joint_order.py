import numpy as np
import pytest

from robot_meta.errors import ObservationError
from ros_nodes.joint_order import in_order


def test_values_follow_their_names():
    values = in_order(("a", "b", "c"), ("c", "a", "b"), np.array([3.0, 1.0, 2.0]), "angles")
    assert values.tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("names", "values", "told"),
    [
        (("a", "a"), [1.0, 2.0], r"missing \['b'\]"),
        (("a", "x"), [1.0, 2.0], r"unknown \['x'\]"),
        (("a", "b"), [1.0], "need 2 finite efforts"),
        (("a", "b"), [1.0, float("nan")], "need 2 finite efforts"),
    ],
)
def test_what_is_not_one_number_a_joint_is_refused(names, values, told):
    with pytest.raises(ObservationError, match=told):
        in_order(("a", "b"), names, np.array(values), "efforts")
