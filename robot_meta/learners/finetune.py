"""Multi-task behaviour cloning, fine-tuned on the demonstration: the simple baseline.

Trained on every task at once without any demonstration, it cannot know which thing is meant; then
it is trained on, on the one demonstration, with actions, by Adam. Untouched it is the blind control
of every other learner.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from robot_meta.config import from_dict
from robot_meta.data.batches import Batch
from robot_meta.demo_loss import demo_loss, support_of
from robot_meta.errors import DemoFormatError
from robot_meta.imitator import Imitator, ImitatorConfig, outer_loss
from robot_meta.nets import vision
from robot_meta.types import Demo, Params


@dataclass(frozen=True, kw_only=True)
class FineTuneConfig(ImitatorConfig):
    """Settings, besides those of the policy."""

    steps: int = 40
    """Steps of Adam on the demonstration."""
    rate: float = 3e-3
    action_weight: float = 1.0
    support_frames: tuple[int, int] = (12, 12)
    """Frames of a demo that are trained on: before and after the first touch-down."""


class FineTune(Imitator):
    """The learner: `init`, `adapt`, `act` for a session, `task_loss` for training."""

    name = "finetune"
    settings: FineTuneConfig

    def adapt(
        self, theta: Params, demos: Sequence[Demo], steps: int | None = None, seed: int = 0
    ) -> Iterator[tuple[int, float, Params]]:
        """Yield (k, loss, phi_k); the stem stays as it is. `seed` is not used: nothing is drawn.

        Raises:
            DemoFormatError: a demonstration without actions.
        """
        if any(demo.actions is None for demo in demos):
            raise DemoFormatError(
                "finetune: a demonstration without actions cannot be cloned; show it by the robot"
            )
        settings = self.settings
        with torch.no_grad():
            support = support_of(demos, settings.support_frames, lambda rgb: self.see(theta, rgb))
        fast = {
            n: p.clone().requires_grad_() for n, p in theta.items() if not n.startswith(vision.SLOW)
        }
        adam = torch.optim.Adam(fast.values(), settings.rate)
        for k in range((settings.steps if steps is None else steps) + 1):
            phi = {**theta, **fast}
            loss = demo_loss(
                phi, support, settings.net, settings.sigma_m, settings.action_weight, "head"
            )
            yield k, loss.item(), {n: p.detach().clone() for n, p in phi.items()}
            adam.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            adam.step()

    def task_loss(
        self, params: Params, task: Batch, step: int
    ) -> tuple[Tensor, Mapping[str, float]]:
        """Behaviour cloning of the robot's frames, whatever shows the task."""
        m = task.support
        robot = [torch.from_numpy(x[:, m:]) for x in task[1:6]]
        features = self.see_batch(params, task._replace(rgb=task.rgb[:, m:]))
        return outer_loss(
            torch.func.vmap(lambda *x: self.outer_terms(params, *x))(features, *robot)
        )


def make(config: Mapping[str, Any]) -> FineTune:
    """The learner from its config as JSON values."""
    return FineTune(from_dict(FineTuneConfig, config))
