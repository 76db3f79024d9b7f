"""What a robot's demonstration says of its task, as a loss (Finn et al. 2017b, eq. 2).

Behaviour cloning through a head of its own, plus the auxiliary loss on the final pose; both poses
that a demonstration gives away without labels are used: where the tip first came down, and where it
ended.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from robot_meta.data.demo_set import Evidence, evidence
from robot_meta.imitator import action_error
from robot_meta.nets import vision
from robot_meta.types import Demo, Params


class Support(NamedTuple):
    """Evidence in tensors; m frames in all (of one or several demos)."""

    features: Tensor
    """(m, G, C)"""
    state: Tensor
    """(m, 4)"""
    action: Tensor
    """(m, 4); zeros where none was recorded"""
    before: Tensor
    """(m,) 1 before the first touch-down"""
    key: Tensor
    """(m, 2, 2) xy of the first touch-down and of the end"""
    acted: Tensor
    """() 1 if the demo has actions, else 0"""


def demo_loss(
    phi: Params,
    support: Support,
    net: vision.VisionConfig,
    sigma_m: float,
    action_weight: float,
    head: str = "inner_head",
) -> Tensor:
    """The two poses by the attention, and `action_weight` of the action by `head`: ()."""
    reading = vision.read(phi, support.features, net)
    first = vision.miss(reading.attention[..., 0], reading.approach, support.key[:, 0], sigma_m)
    last = vision.miss(reading.attention[..., 1], reading.place, support.key[:, 1], sigma_m)
    poses = (support.before * (first + last)).sum() / support.before.sum().clamp(min=1.0)
    action = vision.control(phi, reading, support.state, head)
    error = action_error(action, support.action, support.state)
    return poses + action_weight * support.acted * error


def support_of(
    demos: Sequence[Demo], frames: tuple[int, int], see: Callable[[NDArray[np.uint8]], Tensor]
) -> Support:
    """The evidence that `frames` of each demo give (see `evidence`), its pictures seen by `see`.

    Raises:
        DemoFormatError: a video that does not know where the robot's tip was.
    """
    return support_from(evidence(demos, frames), see)


def support_from(seen: Evidence, see: Callable[[NDArray[np.uint8]], Tensor]) -> Support:
    """Evidence in tensors, its pictures seen by `see`."""
    k, f = seen.before.shape

    def flat(array: NDArray[Any]) -> NDArray[Any]:
        flattened: NDArray[Any] = array.reshape(k * f, *array.shape[2:])
        return flattened

    action = np.zeros((k, f, 4), np.float32) if seen.action is None else seen.action
    return Support(
        features=see(flat(seen.rgb)),
        state=torch.from_numpy(flat(seen.state)),
        action=torch.from_numpy(flat(action)),
        before=torch.from_numpy(flat(seen.before.astype(np.float32))),
        key=torch.from_numpy(np.repeat(seen.keypose[:, :, :2], f, 0)),
        acted=torch.tensor(float(seen.action is not None)),
    )
