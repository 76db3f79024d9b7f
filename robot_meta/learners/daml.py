"""DAML: adapt on a video of the task, whoever does it, then imitate (Yu et al. 2018).

Inner loss, eq. 2 of the paper: learned, a function of the video's features over time
(`nets.temporal`); no states, no actions. Outer loss, eq. 3: behaviour cloning on robot demos of the
same task, as in MIL, in theta and in the parameters psi of the learned loss together. The form
`pose` (ours) is also trained to read where the video acts, which is known of training films.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from robot_meta import inner
from robot_meta.config import from_dict
from robot_meta.data.batches import Batch
from robot_meta.data.demo_set import spread
from robot_meta.imitator import Imitator, ImitatorConfig, outer_loss, pointed
from robot_meta.nets import temporal
from robot_meta.types import Demo, Params

ADAPTED = ("film.gain", "film.bias", "embed.weight", "embed.bias", "query.weight")
"""What an inner step moves: where the policy looks. How it moves there no video tells."""


@dataclass(frozen=True, kw_only=True)
class DamlConfig(ImitatorConfig):
    """Settings of DAML, besides those of the policy."""

    steps: int = 3
    """Inner steps."""
    alpha: float = 0.1
    """Inner step size at the start of training."""
    clip: float = 10.0
    """Bound on each element of the inner gradient."""
    first_order_until: int = 0

    learned: temporal.TemporalConfig = field(default_factory=temporal.TemporalConfig)
    video_frames: int = 12
    """Frames of a video that are adapted on, evenly spread."""
    human_share: float = 1.0
    """Share of the training tasks that a person shows; a robot shows the others."""


class Daml(Imitator):
    """The learner: `init`, `adapt`, `act` for a session, `task_loss` for meta-training."""

    name = "daml"
    settings: DamlConfig

    def init(self, seed: int) -> Params:
        """Fresh theta, step sizes and psi."""
        psi = temporal.init(self.settings.learned, self.settings.net.channels[-1], seed)
        sizes = dict.fromkeys(ADAPTED, self.settings.alpha)
        return {**super().init(seed), **inner.initial_sizes(sizes, self.settings.steps), **psi}

    def learned_loss(self, psi: Params, videos: Sequence[Tensor]) -> inner.Loss:
        """L_psi(., videos), the mean over videos of features (m, G, C) each."""
        told = [temporal.listen(psi, v, self.settings.learned.form) for v in videos]
        return self._told_loss(videos, told)

    def _told_loss(
        self, videos: Sequence[Tensor], told: Sequence[tuple[Tensor, Tensor]]
    ) -> inner.Loss:
        form, net = self.settings.learned.form, self.settings.net
        return lambda phi: torch.stack(
            [temporal.loss(phi, v, t, net, form) for v, t in zip(videos, told, strict=True)]
        ).mean()

    def _video_step(
        self, phi: Params, loss: inner.Loss, k: int, *, second_order: bool
    ) -> tuple[Tensor, Params]:
        """Eq. 2: inner step `k`. A learned loss has no scale: its gradients are of unit length."""
        return inner.step(
            phi,
            loss,
            inner.step_sizes(phi, k),
            clip=self.settings.clip,
            unit=self.settings.learned.form != "pose",
            second_order=second_order,
        )

    def adapt(
        self, theta: Params, demos: Sequence[Demo], steps: int | None = None, seed: int = 0
    ) -> Iterator[tuple[int, float, Params]]:
        """Yield (k, learned loss of phi_k, phi_k) for k = 0 .. steps; phi_0 is theta.

        Only the pictures of `demos` are looked at. `seed` is not used: nothing is drawn.
        """
        with torch.no_grad():
            frames = [spread(len(demo), self.settings.video_frames) for demo in demos]
            videos = [self.see(theta, d.rgb[f]) for d, f in zip(demos, frames, strict=True)]
            loss = self.learned_loss(theta, videos)
        count = self.settings.steps if steps is None else steps
        yield from inner.descend(
            theta, loss, lambda phi, k: self._video_step(phi, loss, k, second_order=False), count
        )

    def task_loss(
        self, params: Params, task: Batch, step: int
    ) -> tuple[Tensor, Mapping[str, float]]:
        """Outer loss, eq. 3, mean over the tasks of a batch, after adaptation on each's video."""
        m, features = task.support, self.see_batch(params, task)
        second_order = step >= self.settings.first_order_until

        form = self.settings.learned.form

        def one(f: Tensor, *robot: Tensor) -> tuple[Tensor, ...]:
            told = temporal.listen(params, f[:m], form)
            phi, loss = params, self._told_loss([f[:m]], [told])
            for i in range(self.settings.steps):
                _, phi = self._video_step(phi, loss, i, second_order=second_order)
            misread = pointed(told[0], robot[-1][:m]) if form == "pose" else f.new_zeros(())
            return (misread, *self.outer_terms(phi, f[m:], *(x[m:] for x in robot)))

        robot = [torch.from_numpy(a) for a in task[1:6]]
        misread, *terms = torch.func.vmap(one)(features, *robot)
        loss, figures = outer_loss(terms)
        misread = misread.mean()
        return loss + misread, {**figures, "misread": float(misread.detach())}


def make(config: Mapping[str, Any]) -> Daml:
    """The learner from its config as JSON values."""
    return Daml(from_dict(DamlConfig, config))
