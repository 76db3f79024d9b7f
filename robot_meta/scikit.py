"""The one door to scikit-learn, which only unsupervised meta-learning needs."""

from __future__ import annotations

import importlib
from typing import Any

from robot_meta.errors import ConfigError


def scikit(module: str) -> Any:
    """A module of scikit-learn, such as `cluster`.

    Raises:
        ConfigError: scikit-learn is not installed.
    """
    try:
        return importlib.import_module(f"sklearn.{module}")
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"sklearn.{module}: scikit-learn is not installed; "
            "pip install 'robot-meta[unsupervised]'"
        ) from error
