"""Where data sets are looked for."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = "ROBOT_META_DATA"
"""Environment variable that names the folder of data sets; else ./data and ../shared/data."""


def folders() -> list[Path]:
    """The folders to look in, the first that holds a set being the one that counts."""
    given = os.environ.get(FOLDER)
    return [Path(given)] if given else [Path("data"), Path("../shared/data")]
