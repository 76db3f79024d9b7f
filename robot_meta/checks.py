"""What may be acted on and learned from: frames and demos that a policy was made for."""

from __future__ import annotations

import numpy as np

from robot_meta.errors import DemoFormatError, ObservationError
from robot_meta.types import ACTION_SIZE, Demo, Frame

JOINTS = 7


def check_frame(frame: Frame, image_shape: tuple[int, int, int], *, joints: bool = True) -> None:
    """Refuse a frame that a policy for (H, W, 3) images must not act on (ObservationError).

    `joints` False checks the image only: a video of a person has nothing else.
    """
    rgb = frame.rgb
    if not isinstance(rgb, np.ndarray) or rgb.dtype != np.uint8 or rgb.shape != tuple(image_shape):
        came = f"{rgb.dtype} {rgb.shape}" if isinstance(rgb, np.ndarray) else type(rgb).__name__
        raise ObservationError(
            f"image: {came} came, expected uint8 {tuple(image_shape)}; "
            "check the camera's size and the contract's crop"
        )
    if not joints:
        return
    for name, length in (("q_rad", JOINTS), ("ee_pos_m", 3), ("ee_quat_wxyz", 4)):
        value = np.asarray(getattr(frame, name))
        if value.shape != (length,) or value.dtype.kind != "f":
            raise ObservationError(
                f"{name}: {value.dtype} {value.shape} came, expected floating point ({length},)"
            )
        if not np.isfinite(value).all():
            raise ObservationError(f"{name}: {value.tolist()} came, expected finite values")
    if not np.isfinite(frame.gripper_m):
        raise ObservationError(f"gripper_m: {frame.gripper_m} came, expected a finite opening")


def check_demo(demo: Demo, image_shape: tuple[int, int, int]) -> None:
    """Refuse a demo that a policy for (H, W, 3) images cannot learn from (DemoFormatError)."""
    for index, frame in enumerate(demo.frames):
        try:
            check_frame(frame, image_shape, joints=demo.kind == "robot")
        except ObservationError as error:
            raise DemoFormatError(f"demo {demo.task!r}, frame {index}: {error}") from error
    if demo.actions is None:
        return
    if demo.actions.shape[1] != ACTION_SIZE:
        raise DemoFormatError(
            f"demo {demo.task!r}: actions of size {demo.actions.shape[1]} came, "
            f"expected {ACTION_SIZE}; it was recorded on another robot"
        )
    if not np.isfinite(demo.actions).all():
        raise DemoFormatError(f"demo {demo.task!r}: actions that are not finite; record it again")
