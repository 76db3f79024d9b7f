"""Cameras: offscreen pictures, their calibration, and the one way to what a policy sees."""

from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import mujoco
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rgb = NDArray[np.uint8]


@dataclass(frozen=True)
class ImageSpec:
    """A policy's picture: `crop` (y, x, h, w) of a `source` (h, w), averaged to `size` (h, w)."""

    source: tuple[int, int] = (240, 320)
    crop: tuple[int, int, int, int] = (0, 40, 240, 240)
    size: tuple[int, int] = (80, 80)

    def apply(self, rgb: Rgb) -> Rgb:
        """The policy's picture (h, w, 3) uint8 of a camera picture.

        Raises:
            ValueError: if the picture has another size or type than `source` says.
        """
        if rgb.shape != (*self.source, 3) or rgb.dtype != np.uint8:
            raise ValueError(
                f"the picture is {rgb.shape} {rgb.dtype}, expected {(*self.source, 3)} uint8"
            )
        y, x, h, w = self.crop
        out = cv2.resize(rgb[y : y + h, x : x + w], self.size[::-1], interpolation=cv2.INTER_AREA)
        return np.asarray(out, np.uint8)

    def pick(self, numbers: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """What the middle of each pixel of the policy's picture has of `source` numbers (h, w).

        For what cannot be averaged, such as which thing a pixel shows.
        """
        rows, columns = (np.arange(n, dtype=float) for n in self.size)
        x = self.source_pixels(np.zeros_like(columns), columns)[:, 0].round().astype(int)
        y = self.source_pixels(rows, np.zeros_like(rows))[:, 1].round().astype(int)
        picked: NDArray[np.uint8] = numbers[y[:, None], x]
        return picked

    def source_pixels(self, rows: Array, columns: Array) -> Array:
        """Where middles of pixels (n,) of the policy's picture lie in the camera's: (n, 2) x, y."""
        y, x, h, w = self.crop
        return np.stack(
            [
                x + (columns + 0.5) * w / self.size[1] - 0.5,
                y + (rows + 0.5) * h / self.size[0] - 0.5,
            ],
            1,
        )


POLICY_IMAGE = ImageSpec()


def on_plane(
    pixels: Array, intrinsics: Array, position: Array, rotation: Array, height_m: float
) -> Array:
    """Points (n, 2) xy at `height_m` that pixels (n, 2) show, by K and the optical frame."""
    rays = np.c_[pixels, np.ones(len(pixels))] @ np.linalg.inv(intrinsics).T @ rotation.T
    points: Array = position + rays * ((height_m - position[2]) / rays[:, 2:])
    return points[:, :2]


def to_pixels(points: Array, intrinsics: Array, position: Array, rotation: Array) -> Array:
    """Pixels (n, 2) x, y in which points (n, 3) m are seen, by K and the optical frame."""
    rays = (points - position) @ rotation @ intrinsics.T
    pixels: Array = rays[:, :2] / rays[:, 2:]
    return pixels


def intrinsics_of(fovy_deg: float, size: tuple[int, int]) -> Array:
    """Pinhole matrix K (3, 3) of pictures (h, w), no distortion; the first pixel's middle is 0."""
    focal = size[0] / (2.0 * np.tan(np.deg2rad(fovy_deg) / 2.0))
    return np.array([[focal, 0, (size[1] - 1) / 2], [0, focal, (size[0] - 1) / 2], [0, 0, 1.0]])


class Visible(Protocol):
    """What a camera looks at."""

    @property
    def model(self) -> Any:
        """The MuJoCo model."""

    @property
    def data(self) -> Any:
        """Its state."""


class Camera:
    """Offscreen pictures of one camera. Create and use it in one thread; close it."""

    def __init__(
        self, world: Visible, name: str = "front", width: int = 320, height: int = 240
    ) -> None:
        self._world = world
        self._id = world.model.camera(name).id
        self.width, self.height = width, height
        self._renderer = mujoco.Renderer(world.model, height, width)

    def render(self) -> Rgb:
        """The picture now, (height, width, 3) uint8."""
        self._renderer.update_scene(self._world.data, self._id)
        rgb: Rgb = self._renderer.render().copy()
        return rgb

    def geoms(self) -> NDArray[np.int32]:
        """Which geom of the model each pixel shows now, (height, width); -1 for none."""
        self._renderer.enable_segmentation_rendering()
        self._renderer.update_scene(self._world.data, self._id)
        numbers: NDArray[np.int32] = self._renderer.render()[..., 0].astype(np.int32)
        self._renderer.disable_segmentation_rendering()
        return numbers

    def intrinsics(self) -> Array:
        """Pinhole matrix K (3, 3) in pixels, no distortion; the first pixel's middle is at 0."""
        fovy_deg = float(self._world.model.cam_fovy[self._id])
        return intrinsics_of(fovy_deg, (self.height, self.width))

    def pose(self) -> tuple[Array, Array]:
        """Position (3,) m and rotation (3, 3) in `base` of the optical frame: z forward, y down."""
        gl = self._world.data.cam_xmat[self._id].reshape(3, 3)
        return self._world.data.cam_xpos[self._id].copy(), gl * np.array([1.0, -1.0, -1.0])

    def close(self) -> None:
        """Free the renderer."""
        self._renderer.close()

    def __enter__(self) -> "Camera":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
