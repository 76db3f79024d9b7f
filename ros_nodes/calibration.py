"""A camera's calibration, as ROS's `camera_calibration` writes it. Imports no ROS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from robot_meta.errors import ConfigError
from ros_nodes.framing import Framing
from ros_nodes.messages import floats

Array = NDArray[np.float64]

COEFFICIENTS = {"plumb_bob": (4, 5), "rational_polynomial": (8, 12, 14), "equidistant": (4,)}
"""Distortion models of ROS, and how many coefficients each may have."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """What `sensor_msgs/CameraInfo` says of a camera. All zeros: not calibrated."""

    width: int
    height: int
    model: str
    d: tuple[float, ...]
    k: Array
    """(3, 3) in pixels of the raw picture"""
    r: Array
    """(3, 3) rectification"""
    p: Array
    """(3, 4) in pixels of the rectified picture"""

    @staticmethod
    def none(width: int, height: int) -> Calibration:
        """Of a camera that was never calibrated: zeros, as ROS has it."""
        zeros = np.zeros((3, 3))
        return Calibration(width, height, "", (), zeros, zeros, np.zeros((3, 4)))

    @staticmethod
    def load(path: str | Path) -> Calibration:
        """Read a calibration file (YAML).

        Raises:
            ConfigError: missing, or not such a file; the message says where.
        """
        try:
            table = yaml.safe_load(Path(path).expanduser().read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ConfigError(f"calibration {path}: cannot be read: {error}") from error
        try:
            return _from(table)
        except ConfigError as error:
            raise ConfigError(
                f"calibration {path}: {error}; need a file as camera_calibration writes it"
            ) from error

    def framed(self, framing: Framing) -> Calibration:
        """That of the picture which `framing` makes of this camera's."""
        height, width = framing.size
        if not self.k.any():
            return Calibration.none(width, height)
        k, p = framing.intrinsics(self.k), framing.intrinsics(self.p)
        return Calibration(width, height, self.model, self.d, k, self.r, p)

    def fill(self, msg: Any) -> None:
        """Write it into a `sensor_msgs/CameraInfo`, leaving its header."""
        msg.width, msg.height = self.width, self.height
        msg.distortion_model = self.model
        msg.d = floats(self.d)
        msg.k, msg.r, msg.p = self.k.ravel(), self.r.ravel(), self.p.ravel()


def _from(table: Any) -> Calibration:
    if not isinstance(table, Mapping):
        raise ConfigError(f"need a mapping of keys, got {type(table).__name__}")
    sizes = []
    for name in ("image_width", "image_height"):
        value = table.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ConfigError(f"{name}: {value!r}, need a whole number of pixels")
        sizes.append(value)
    model = table.get("distortion_model", "plumb_bob")
    if model not in COEFFICIENTS:
        raise ConfigError(f"distortion_model: {model!r}, need one of {', '.join(COEFFICIENTS)}")
    d = _numbers(table, "distortion_coefficients")
    if len(d) not in COEFFICIENTS[model]:
        raise ConfigError(
            f"distortion_coefficients: {len(d)} values, {model} has {COEFFICIENTS[model]}"
        )
    k = _matrix(table, "camera_matrix", (3, 3))
    if k[0, 0] <= 0 or k[1, 1] <= 0:
        raise ConfigError(f"camera_matrix: focal lengths {k[0, 0]}, {k[1, 1]}, need > 0")
    r = _matrix(table, "rectification_matrix", (3, 3), np.eye(3))
    p = _matrix(table, "projection_matrix", (3, 4), np.c_[k, np.zeros(3)])
    return Calibration(sizes[0], sizes[1], model, tuple(d), k, r, p)


def _matrix(
    table: Mapping[str, Any], name: str, shape: tuple[int, int], default: Array | None = None
) -> Array:
    if default is not None and name not in table:
        return default
    values = _numbers(table, name)
    if len(values) != shape[0] * shape[1]:
        raise ConfigError(f"{name}: {len(values)} values, need {shape[0]} x {shape[1]}")
    return np.reshape(values, shape)


def _numbers(table: Mapping[str, Any], name: str) -> Array:
    entry = table.get(name)
    data = entry.get("data") if isinstance(entry, Mapping) else None
    try:
        values = np.asarray(data, np.float64)
    except (TypeError, ValueError):
        values = np.zeros(())
    if values.ndim != 1 or not np.isfinite(values).all():
        raise ConfigError(f"{name}: {data!r}, need `data:` with a list of numbers")
    return values
