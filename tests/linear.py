"""A real learner that is small enough to reason about: a linear policy on a 4x4 pooled image.

Tests use it where a trained policy is not the point. `register()` makes it known by name, so that
a checkpoint of it loads in any process that calls it first.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from robot_meta import learners
from robot_meta.config import from_dict
from robot_meta.types import Demo, Frame, Params, Task

POOL = 4
FEATURES = POOL * POOL * 3 + 3 + 1 + 1  # pixels, tip, gripper, constant


@dataclass(frozen=True, kw_only=True)
class LinearConfig:
    image: tuple[int, int] = (8, 8)
    alpha: float = 0.02
    steps: int = 3


class LinearLearner:
    name = "linear"

    def __init__(self, config: LinearConfig | None = None) -> None:
        self.config = config or LinearConfig()
        self.image_shape = (*self.config.image, 3)

    def init(self, seed: int) -> Params:
        rng = torch.Generator().manual_seed(seed)
        return {
            "weight": 0.1 * torch.randn(FEATURES, 4, generator=rng),
            "bias": torch.zeros(4),
        }

    def features(self, frames: Sequence[Frame]) -> torch.Tensor:
        rgb = torch.from_numpy(np.stack([frame.rgb for frame in frames])).float() / 255
        pooled = torch.nn.functional.adaptive_avg_pool2d(rgb.permute(0, 3, 1, 2), POOL).flatten(1)
        state = [[*frame.ee_pos_m, frame.gripper_m, 1.0] for frame in frames]
        return torch.cat([pooled, torch.tensor(state, dtype=torch.float32)], 1)

    def loss(self, params: Params, demos: Sequence[Demo]) -> torch.Tensor:
        errors = []
        for demo in demos:
            predicted = self.features(demo.frames) @ params["weight"] + params["bias"]
            errors.append((predicted - torch.from_numpy(demo.actions)).square().mean())
        return torch.stack(errors).mean()

    def adapt(
        self, theta: Params, demos: Sequence[Demo], steps: int | None = None, seed: int = 0
    ) -> Iterator[tuple[int, float, Params]]:
        phi = {name: value.detach().requires_grad_() for name, value in theta.items()}
        for step in range((steps or self.config.steps) + 1):
            loss = self.loss(phi, demos)
            yield step, loss.item(), phi
            grads = torch.autograd.grad(loss, list(phi.values()))
            phi = {
                name: (value - self.config.alpha * grad).detach().requires_grad_()
                for (name, value), grad in zip(phi.items(), grads, strict=True)
            }

    def act(self, phi: Params, frame: Frame, memory: Any) -> tuple[np.ndarray, Any]:
        action = (self.features([frame]) @ phi["weight"] + phi["bias"])[0]
        return action.double().numpy(), (memory or 0) + 1

    def task_loss(
        self, params: Params, task: Task, step: int
    ) -> tuple[torch.Tensor, Mapping[str, float]]:
        inner = self.loss(params, task.support)
        grads = torch.autograd.grad(inner, list(params.values()), create_graph=True)
        phi = {
            name: value - self.config.alpha * grad
            for (name, value), grad in zip(params.items(), grads, strict=True)
        }
        outer = self.loss(phi, task.query)
        return outer, {"inner": inner.item()}


def register() -> None:
    if "linear" not in learners.names():
        learners.register("linear", lambda config: LinearLearner(from_dict(LinearConfig, config)))


def demo(seed: int = 0, length: int = 5, size: int = 8, kind: str = "robot") -> Demo:
    rng = np.random.default_rng(seed)
    frames = tuple(frame(rng, stamp_ns=1 + t * 100_000_000, size=size) for t in range(length))
    actions = rng.uniform(-0.2, 0.2, (length, 4)).astype(np.float32)
    return Demo(frames=frames, actions=actions, kind=kind, task=f"drawn {seed}")


def frame(rng: np.random.Generator, stamp_ns: int = 1, size: int = 8) -> Frame:
    return Frame(
        stamp_ns=stamp_ns,
        rgb=rng.integers(0, 256, (size, size, 3), np.uint8),
        q_rad=rng.uniform(-1, 1, 7),
        ee_pos_m=rng.uniform(0, 0.6, 3),
        ee_quat_wxyz=np.array([0.0, 1.0, 0.0, 0.0]),
        gripper_m=float(rng.uniform(0, 0.08)),
    )
