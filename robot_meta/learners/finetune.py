"""Multi-task behaviour cloning, fine-tuned on the demonstration: the simple baseline.

Trained on every task at once without any demonstration, it cannot know which thing is meant; then
it is trained on, on the one demonstration, with actions, by Adam. Untouched it is the blind control
of every other learner.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from robot_meta.config import from_dict
from robot_meta.data.batches import Batch, relight
from robot_meta.data.demo_set import Evidence, evidence
from robot_meta.demo_loss import demo_loss, support_from
from robot_meta.errors import DemoFormatError
from robot_meta.imitator import Imitator, ImitatorConfig, outer_loss
from robot_meta.nets import vision
from robot_meta.types import Demo, Params


@dataclass(frozen=True, kw_only=True)
class FineTuneConfig(ImitatorConfig):
    """Settings, besides those of the policy."""

    steps: int = 100
    """Steps of Adam on the demonstration."""
    rate: float = 1e-2
    action_weight: float = 0.2
    support_frames: tuple[int, int] = (12, 12)
    """Frames of a demo that are trained on: before and after the first touch-down."""
    adapted: tuple[str, ...] = vision.EYES
    """Prefixes of what fine-tuning moves; the stem's it never does."""
    copies: int = 8
    """Copies of the demonstration, lit and mirrored as in training; each step takes the next."""
    told: bool = True
    """The hands are trained knowing where things are. False: on what is seen, as a blind control.

    Eyes that were shown nothing see all things at once, and hands trained on that learn to follow
    the arm instead: told where to go, later, they do not go there.
    """


class FineTune(Imitator):
    """The learner: `init`, `adapt`, `act` for a session, `task_loss` for training."""

    name = "finetune"
    settings: FineTuneConfig

    def adapt(
        self, theta: Params, demos: Sequence[Demo], steps: int | None = None, seed: int = 0
    ) -> Iterator[tuple[int, float, Params]]:
        """Yield (k, loss of phi_k on the copy that step k takes, phi_k).

        `seed` draws the light and the mirrors of the copies.

        Raises:
            DemoFormatError: a demonstration without actions.
        """
        if any(demo.actions is None for demo in demos):
            raise DemoFormatError(
                "finetune: a demonstration without actions cannot be cloned; show it by the robot"
            )
        settings = self.settings
        with torch.no_grad():
            shown, rng = evidence(demos, settings.support_frames), np.random.default_rng(seed)
            copies = [
                support_from(copied(shown, rng), lambda rgb: self.see(theta, rgb))
                for _ in range(settings.copies)
            ]
        fast = {
            n: p.clone().requires_grad_()
            for n, p in theta.items()
            if n.startswith(settings.adapted) and not n.startswith(vision.SLOW)
        }
        adam = torch.optim.Adam(fast.values(), settings.rate)
        for k in range((settings.steps if steps is None else steps) + 1):
            phi = {**theta, **fast}
            loss = demo_loss(
                phi,
                copies[k % len(copies)],
                settings.net,
                settings.sigma_m,
                settings.action_weight,
                head="head",
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
            torch.func.vmap(lambda *x: self.outer_terms(params, *x, told=self.settings.told))(
                features, *robot
            )
        )


def copied(shown: Evidence, rng: np.random.Generator) -> Evidence:
    """The demonstrations in other light, about half of them in a mirror."""
    rgb, state, action, before, keypose = (getattr(shown, f.name).copy() for f in fields(shown))
    rgb = relight(rgb, rgb.shape[1], rng)
    turned = rng.random(len(rgb)) < 0.5
    rgb[turned] = rgb[turned, :, :, ::-1]
    for array in (state, action, keypose):
        array[turned, ..., 1] *= -1.0
    return Evidence(rgb, state, action, before, keypose)


def make(config: Mapping[str, Any]) -> FineTune:
    """The learner from its config as JSON values."""
    return FineTune(from_dict(FineTuneConfig, config))
