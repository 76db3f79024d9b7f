"""Arrays that are made once and kept in a file."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_meta.errors import DataError
from robot_meta.files import write_atomic

Arrays = Mapping[str, NDArray[Any]]


def kept(path: Path, names: Sequence[str], make: Callable[[], Arrays]) -> Arrays:
    """The arrays of a file, which is made if it is not there.

    Args:
        path: npz file.
        names: of the arrays.
        make: gives them.

    Raises:
        DataError: the file is damaged, or lacks one.
    """
    if not path.exists():
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **make())  # type: ignore[arg-type]
        write_atomic(path, buffer.getvalue())
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in names}
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: damaged ({error}); remove it to render anew") from error
