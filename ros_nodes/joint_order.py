"""Values that come with joint names, in any order, put in the order that a robot's joints have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from robot_meta.errors import ObservationError

Array = NDArray[np.float64]


def in_order(wanted: Sequence[str], names: Sequence[str], values: Array, what: str) -> Array:
    """Values (J,) in the order of `wanted`; `what` they are is for the message.

    Raises:
        ObservationError: other joints, or values that are not one finite number for each.
    """
    place = {name: i for i, name in enumerate(names)}
    if len(place) != len(names) or set(place) != set(wanted):
        missing, unknown = sorted(set(wanted) - set(place)), sorted(set(place) - set(wanted))
        raise ObservationError(f"need every joint once; missing {missing}, unknown {unknown}")
    if values.shape != (len(names),) or not np.isfinite(values).all():
        raise ObservationError(
            f"{values.tolist()[:13]}, need {len(names)} finite {what}, one for each name"
        )
    out: Array = values[[place[name] for name in wanted]]
    return out
