"""The records that cross boundaries: frozen, with shapes, units and frames in their names.

T ticks, H rows, W columns, A action size. Images are (H, W, 3) uint8, red first. Positions are of
the gripper tip in the frame `base`, in metres; orientations are unit quaternions w, x, y, z; stamps
are integer nanoseconds. A Cartesian action is (vx, vy, vz, opening): m/s in `base`, and metres
between the fingers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from robot_meta.errors import DemoFormatError

if TYPE_CHECKING:
    import torch  # takes 2 s and 200 MB, which the nodes that only pass frames on need not pay

Params: TypeAlias = "dict[str, torch.Tensor]"
"""Parameters are values: nothing changes a Params in place, undo is keeping the old one."""

Kind = Literal["robot", "human"]
KINDS: tuple[Kind, ...] = ("robot", "human")
ACTION_SIZE = 4
"""vx, vy, vz in m/s in `base`, gripper opening in m."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """What the robot knows at one instant. Compare frames with `same_as`, not with `==`."""

    stamp_ns: int
    rgb: NDArray[np.uint8]
    """(H, W, 3), as the contract's crop and size leave it."""
    q_rad: NDArray[np.float64]
    """(7,) joint positions in the robot's own order."""
    ee_pos_m: NDArray[np.float64]
    """(3,) tip in base."""
    ee_quat_wxyz: NDArray[np.float64]
    """(4,) tip in base."""
    gripper_m: float
    """Opening between the fingers."""

    def same_as(self, other: Frame) -> bool:
        """Whether every field is equal to the bit."""
        return (
            self.stamp_ns == other.stamp_ns
            and self.gripper_m == other.gripper_m
            and np.array_equal(self.rgb, other.rgb)
            and np.array_equal(self.q_rad, other.q_rad)
            and np.array_equal(self.ee_pos_m, other.ee_pos_m)
            and np.array_equal(self.ee_quat_wxyz, other.ee_quat_wxyz)
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Demo:
    """One demonstration: T frames and, where a robot was driven, the T actions applied."""

    frames: tuple[Frame, ...]
    actions: NDArray[np.float32] | None
    """(T, A): `actions[t]` was applied after `frames[t]`. None for a video of a person."""
    kind: Kind
    task: str = ""
    """A label for people. No learner reads it."""

    def __post_init__(self) -> None:
        """Refuse what no learner could use."""
        if not self.frames:
            raise DemoFormatError("demo: no frames came; at least one is needed")
        if self.kind not in KINDS:
            raise DemoFormatError(f"demo: kind {self.kind!r}, expected one of {KINDS}")
        if self.kind == "robot" and self.actions is None:
            raise DemoFormatError(
                "demo: a robot demo without actions; record `command_gate/applied` too"
            )
        if self.actions is not None and (
            self.actions.ndim != 2 or len(self.actions) != len(self.frames)
        ):
            raise DemoFormatError(
                f"demo: actions of shape {self.actions.shape} for {len(self.frames)} frames, "
                f"expected ({len(self.frames)}, {ACTION_SIZE})"
            )
        shapes = {frame.rgb.shape for frame in self.frames}
        if len(shapes) > 1:
            raise DemoFormatError(
                f"demo: images of different shapes {sorted(shapes)}, expected one"
            )

    def __len__(self) -> int:
        """Number of frames T."""
        return len(self.frames)

    @property
    def stamp_ns(self) -> NDArray[np.int64]:
        """(T,) stamps."""
        return np.array([frame.stamp_ns for frame in self.frames], np.int64)

    @property
    def rgb(self) -> NDArray[np.uint8]:
        """(T, H, W, 3) images."""
        return np.stack([frame.rgb for frame in self.frames])

    @property
    def q_rad(self) -> NDArray[np.float64]:
        """(T, 7) joint positions."""
        return np.stack([frame.q_rad for frame in self.frames])

    @property
    def ee_pos_m(self) -> NDArray[np.float64]:
        """(T, 3) tip positions in base."""
        return np.stack([frame.ee_pos_m for frame in self.frames])

    @property
    def ee_quat_wxyz(self) -> NDArray[np.float64]:
        """(T, 4) tip orientations in base."""
        return np.stack([frame.ee_quat_wxyz for frame in self.frames])

    @property
    def gripper_m(self) -> NDArray[np.float64]:
        """(T,) openings."""
        return np.array([frame.gripper_m for frame in self.frames], np.float64)


@dataclass(frozen=True, kw_only=True)
class Task:
    """What meta-learning draws: demos to adapt on, and demos of the same task to be judged by."""

    support: tuple[Demo, ...]
    query: tuple[Demo, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Transition:
    """One step of motion: what was seen, the *commanded* action, what was seen next."""

    observation: NDArray[np.float64]
    action: NDArray[np.float64]
    next_observation: NDArray[np.float64]
