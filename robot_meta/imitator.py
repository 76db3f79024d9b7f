"""What all one-shot imitators share: one policy, one encoder, one outer loss.

They differ in how a demonstration becomes the parameters phi that the policy acts with. The outer
loss (Finn et al. 2017b, eq. 3) is behaviour cloning on another demonstration of the same task by
the robot, plus, in training alone, where the thing meant and its destination are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from robot_meta.config import as_dict
from robot_meta.data.batches import Batch
from robot_meta.nets import vision
from robot_meta.types import Frame, Params

SPEED_SCALE = 0.1
HIT_M, FAR_M = 0.03, 0.10
"""What is found lies within the first; the arm is far from what lies outside the second."""
OPENING_WEIGHT = 0.2
RELEASE_M = 0.015
"""The gripper is asked to let go when the wanted opening exceeds the present one by this much."""
RELEASE_WEIGHT = 5.0
"""Letting go at the right moment is rare and decides everything, so it counts for more."""


@dataclass(frozen=True, kw_only=True)
class ImitatorConfig:
    """Settings of the policy and of its outer loss."""

    net: vision.VisionConfig = field(default_factory=vision.VisionConfig)
    cells: tuple[tuple[float, float], ...] = ()
    """Place xy of each cell of the grid, from the camera's calibration; empty: a square grid."""
    sigma_m: float = 0.025
    query_frames: int = 8
    act_sharpness: float = 0.0
    """Power of the attention maps when acting; 0: that of training.

    Where two things look alike, both have a share of a map. Training wants the mean of their
    places, for its gradient; a hand that goes there takes neither.
    """
    stem_frozen: bool = False
    """Meta-training leaves the stem as it began: one encoder, trained once, for many learners."""


Look = Callable[[Params, Frame], vision.Reading]
"""What is seen in a frame, by the parameters that act."""


class Imitator:
    """The policy: `act` for a session, and what `task_loss` of a learner is made of."""

    name: str

    def __init__(self, config: ImitatorConfig) -> None:
        self.settings = config
        self.config: dict[str, Any] = as_dict(config)
        self.image_shape = (*config.net.image, 3)
        self._acting = config.net
        if config.act_sharpness:
            self._acting = replace(config.net, sharpness=config.act_sharpness)

    def init(self, seed: int) -> Params:
        """Fresh parameters of the policy."""
        rows, columns = self.settings.net.grid
        if self.settings.cells:
            cells = torch.tensor(self.settings.cells)
        else:
            x, y = torch.linspace(0.3, 0.8, rows), torch.linspace(-0.3, 0.3, columns)
            cells = torch.stack(torch.meshgrid(x, y, indexing="ij"), -1).reshape(-1, 2)
        return vision.init(self.settings.net, cells, seed)

    def see(self, params: Params, rgb: NDArray[np.uint8]) -> Tensor:
        """Features (n, G, C) of pictures (n, H, W, 3)."""
        return vision.stem(params, torch.from_numpy(rgb), self.settings.net)

    def see_batch(self, params: Params, task: Batch) -> Tensor:
        """Features (B, m + n, G, C) of the pictures of a batch, with gradient unless frozen."""
        b, frames = task.rgb.shape[:2]
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.settings.stem_frozen):
            features = self.see(params, task.rgb.reshape(b * frames, *self.image_shape))
        return features.reshape(b, frames, *features.shape[1:])

    def act(self, phi: Params, frame: Frame, memory: Any) -> tuple[NDArray[np.float64], Any]:
        """The action (4,) for one frame."""
        return self.act_as(self.look, phi, frame, memory)

    def act_as(
        self, look: Look, phi: Params, frame: Frame, memory: Any
    ) -> tuple[NDArray[np.float64], Any]:
        """The action (4,) on what `look` sees, which need not be these eyes; nothing is kept."""
        state = torch.tensor([[*frame.ee_pos_m, frame.gripper_m]], dtype=torch.float32)
        action = vision.control(phi, look(phi, frame), state).action()
        return action[0].double().numpy(), memory

    def look(self, phi: Params, frame: Frame) -> vision.Reading:
        """What is seen in one frame, to act on."""
        features = self.see(phi, np.ascontiguousarray(frame.rgb)[None])
        return vision.read(phi, features, self._acting)

    def outer_terms(
        self,
        phi: Params,
        features: Tensor,
        state: Tensor,
        action: Tensor,
        before: Tensor,
        key: Tensor,
        marker: Tensor,
        *,
        told: bool = False,
    ) -> tuple[Tensor, ...]:
        """Terms of the outer loss on a task's query frames, then two shares of the frames.

        Of those in which the arm is far from the thing and the thing is found, and of all of those.
        The hands move on what is seen, or, `told`, on where things are.
        """
        reading = vision.read(phi, features, self.settings.net)
        sigma = self.settings.sigma_m
        approach = vision.miss(reading.attention[..., 0], reading.approach, key[:, 0], sigma)
        thing = vision.miss(reading.attention[..., 0], reading.place, marker[:, 0], sigma)
        destination = vision.miss(reading.attention[..., 1], reading.place, marker[:, 1], sigma)
        hit = (reading.where[:, 0] - marker[:, 0]).norm(dim=-1) < HIT_M
        # Once the arm is near, it tells what is meant by itself.
        far = (state[:, :2] - marker[:, 0]).norm(dim=-1) > FAR_M
        acting = vision.told(phi, marker) if told else reading
        return (
            action_error(vision.control(phi, acting, state), action, state),
            (before * approach).sum() / before.sum().clamp(min=1.0),
            thing.mean(),
            destination.mean(),
            (hit & far).float().mean(),
            far.float().mean(),
        )


def outer_loss(terms: Sequence[Tensor]) -> tuple[Tensor, dict[str, float]]:
    """One number from `Imitator.outer_terms` of all tasks, and each term's mean.

    `hit` is the share of frames whose attention is on the thing, of those far from it.
    """
    names = ("action", "approach", "thing", "destination", "hit", "far")
    means = dict(zip(names, (t.mean() for t in terms), strict=True))
    loss = means["action"] + 0.3 * means["approach"] + means["thing"] + 0.5 * means["destination"]
    far = means.pop("far").clamp(min=1e-6)
    means["hit"] = means["hit"] / far
    return loss, {n: float(v.detach()) for n, v in means.items()}


def pointed(at: Tensor, marker: Tensor) -> Tensor:
    """How far a video is misread (): places `at` (2, 2) against those of its markers (m, 2, 2).

    For training alone. The thing is meant where it lay at first, its destination where it is last.
    """
    true = torch.stack([marker[0, 0], marker[-1, 1]])
    missed: Tensor = (at - true).norm(dim=-1).mean() / FAR_M
    return missed


def action_error(predicted: vision.Command, wanted: Tensor, state: Tensor) -> Tensor:
    """Mean error of velocity, in units of 0.1 m/s, and of the opening's choice."""
    velocity, opening = predicted.miss(wanted)
    release = (wanted[:, 3] - state[:, 3] > RELEASE_M).float()
    return (
        velocity.mean() / SPEED_SCALE
        + OPENING_WEIGHT * ((1.0 + RELEASE_WEIGHT * release) * opening).mean()
    )
