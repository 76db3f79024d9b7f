"""Write into a MuJoCo model and keep the way back: what faults are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Undo = Callable[[], None]


def write(array: NDArray[Any], at: Any, value: Any) -> Undo:
    """Set `array[at]`; undone, it is what it was."""
    before = array[at].copy() if isinstance(array[at], np.ndarray) else array[at]
    array[at] = value

    def undo() -> None:
        array[at] = before

    return undo


def undo_all(undos: Sequence[Undo]) -> Undo:
    """All of them, the last first."""

    def undo() -> None:
        for each in reversed(undos):
            each()

    return undo


def within(name: str, value: float, low: float, high: float) -> None:
    """Refuse a parameter out of its range with `ValueError`."""
    if not low <= value <= high:
        raise ValueError(f"{name} must be in [{low}, {high}], got {value}")
