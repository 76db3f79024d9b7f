"""Imitation in context: the demonstration is an input, and no gradient is taken at test time.

The rivals of MIL and DAML in their papers: a feed-forward policy that also sees the demonstration,
and an LSTM that reads it (Duan et al. 2017). Both have MIL's policy; `nets.context` turns the
demonstration into its parameters, which therefore carry it as they do for the adaptive learners.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from robot_meta.config import from_dict
from robot_meta.data.batches import Batch
from robot_meta.data.demo_set import spread
from robot_meta.imitator import Imitator, ImitatorConfig, outer_loss, pointed
from robot_meta.nets import context
from robot_meta.types import Demo, Params


@dataclass(frozen=True, kw_only=True)
class ContextualConfig(ImitatorConfig):
    """Settings, besides those of the policy."""

    context: context.ContextConfig = field(default_factory=context.ContextConfig)
    video_frames: int = 12
    """Frames of a demonstration that are read, evenly spread."""
    human_share: float = 0.5
    """Share of the training tasks that a person shows; a robot shows the others."""


class Contextual(Imitator):
    """The learner: `init`, `adapt`, `act` for a session, `task_loss` for meta-training."""

    name = "contextual"
    settings: ContextualConfig

    def init(self, seed: int) -> Params:
        """Fresh parameters."""
        settings = self.settings
        return {**super().init(seed), **context.init(settings.context, settings.net, seed)}

    def adapt(
        self, theta: Params, demos: Sequence[Demo], steps: int | None = None, seed: int = 0
    ) -> Iterator[tuple[int, float, Params]]:
        """Yield (0, 0, theta) and (1, 0, phi): one reading, which has no loss.

        Of several demos what was shown is averaged. `steps` and `seed` are not used.
        """
        yield 0, 0.0, theta
        settings = self.settings
        with torch.no_grad():
            told = [context.encode(theta, self.shown(theta, d), settings.context) for d in demos]
            phi = context.apply(theta, torch.stack([t.e for t in told]).mean(0), settings.net)
        yield 1, 0.0, phi

    def shown(self, theta: Params, demo: Demo) -> context.Shown:
        """A demonstration in tensors."""
        frames = spread(len(demo), self.settings.video_frames)
        state = np.c_[demo.ee_pos_m, demo.gripper_m][frames].astype(np.float32)
        known = np.array([np.isfinite(state).all(), demo.actions is not None], np.float32)
        action = np.zeros_like(state) if demo.actions is None else demo.actions[frames]
        return context.Shown(
            features=self.see(theta, demo.rgb[frames]),
            state=torch.from_numpy(state if known[0] else np.zeros_like(state)),
            action=torch.from_numpy(action),
            known=torch.from_numpy(known),
        )

    def task_loss(
        self, params: Params, task: Batch, step: int
    ) -> tuple[Tensor, Mapping[str, float]]:
        """Outer loss, mean over the tasks of a batch, after reading what shows each.

        Also how well it is read where the demonstration acts, which is known in training.
        """
        m = task.support

        def one(f: Tensor, known: Tensor, *robot: Tensor) -> tuple[Tensor, ...]:
            shown = context.Shown(f[:m], robot[0][:m], robot[1][:m], known)
            told = context.encode(params, shown, self.settings.context)
            phi = context.apply(params, told.e, self.settings.net)
            terms = self.judge(phi, f[m:], *(x[m:] for x in robot))
            return (pointed(told.at, robot[4][:m]), *terms)

        robot = [
            torch.from_numpy(x)
            for x in (task.state, task.action, task.before, task.key, task.marker, task.legs)
        ]
        misread, *terms = torch.func.vmap(one)(
            self.see_batch(params, task), torch.from_numpy(task.known), *robot
        )
        loss, figures = outer_loss(terms)
        misread = misread.mean()
        return loss + misread, {**figures, "misread": float(misread.detach())}

    def judge(self, phi: Params, features: Tensor, *robot: Tensor) -> tuple[Tensor, ...]:
        """Terms of the outer loss; the last of `robot` are legs, which are not asked for."""
        return self.outer_terms(phi, features, *robot[:5])


def make(config: Mapping[str, Any]) -> Contextual:
    """The learner from its config as JSON values."""
    return Contextual(from_dict(ContextualConfig, config))
