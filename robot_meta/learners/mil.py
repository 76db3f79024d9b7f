"""MIL: adapt on one robot demo of a task, imitate the next (Finn et al. 2017b).

Inner loss, eq. 2: behaviour cloning on the demo through a head of its own, plus the auxiliary loss
on the final pose; both poses that a demo gives away without labels are used: where the tip first
came down and where it ended. Outer loss, eq. 3: `robot_meta.imitator`. All parameters but the
stem's are adapted, each with a learned step size.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from robot_meta import inner
from robot_meta.config import from_dict
from robot_meta.data.batches import Batch, augment, frames_of, judged_frames
from robot_meta.data.demo_set import DemoSet
from robot_meta.demo_loss import Support, demo_loss, support_of
from robot_meta.imitator import Imitator, ImitatorConfig, outer_loss
from robot_meta.nets import vision
from robot_meta.types import Demo, Params


@dataclass(frozen=True, kw_only=True)
class MilConfig(ImitatorConfig):
    """Settings of MIL, besides those of the policy."""

    steps: int = 3
    """Inner steps; 0 is behaviour cloning without any demo (the blind control)."""
    alpha: float = 0.1
    """Inner step size at the start of training."""
    clip: float = 10.0
    """Bound on each element of the inner gradient."""
    action_weight: float = 0.2
    """Share of the action in the inner loss."""
    first_order_until: int = 0
    support_frames: tuple[int, int] = (4, 2)
    """Frames of a demo that are adapted on: before and after the first touch-down."""


class Mil(Imitator):
    """The learner: `init`, `adapt`, `act` for a session, `task_loss` for meta-training."""

    name = "mil"
    settings: MilConfig

    def init(self, seed: int) -> Params:
        """Fresh parameters, step sizes among them."""
        params = super().init(seed)
        if not self.settings.steps:
            return params
        # The controller hardly needs to change with the task; the eyes do.
        sizes = {
            name: self.settings.alpha * (1.0 if name.startswith(vision.EYES) else np.exp(-3.0))
            for name in params
            if not name.startswith(vision.SLOW)
        }
        return {**params, **inner.initial_sizes(sizes, self.settings.steps)}

    # --- adaptation ------------------------------------------------------------------------------

    def inner_loss(self, phi: Params, support: Support) -> Tensor:
        """Eq. 2 on the evidence."""
        settings = self.settings
        return demo_loss(phi, support, settings.net, settings.sigma_m, settings.action_weight)

    def _step(
        self, phi: Params, support: Support, k: int, *, second_order: bool
    ) -> tuple[Tensor, Params]:
        """Inner step `k`."""
        return inner.step(
            phi,
            lambda p: self.inner_loss(p, support),
            inner.step_sizes(phi, k),
            clip=self.settings.clip,
            second_order=second_order,
        )

    def adapt(
        self, theta: Params, demos: Sequence[Demo], steps: int | None = None, seed: int = 0
    ) -> Iterator[tuple[int, float, Params]]:
        """Yield (k, inner loss, phi_k) for k = 0 .. steps; phi_0 is theta.

        `seed` is not used: nothing is drawn.
        """
        with torch.no_grad():
            support = self.support(theta, demos)
        count = self.settings.steps if steps is None else steps
        yield from inner.descend(
            theta,
            lambda phi: self.inner_loss(phi, support),
            lambda phi, k: self._step(phi, support, k, second_order=False),
            count,
        )

    def support(self, theta: Params, demos: Sequence[Demo]) -> Support:
        """The evidence that demos give, its pictures seen through the stem."""
        return support_of(demos, self.settings.support_frames, lambda rgb: self.see(theta, rgb))

    # --- meta-training ---------------------------------------------------------------------------

    def task_loss(
        self, params: Params, task: Batch, step: int
    ) -> tuple[Tensor, Mapping[str, float]]:
        """Outer loss, eq. 3, mean over the tasks of a batch, after adaptation on each."""
        m, features = task.support, self.see_batch(params, task)
        state, action, before, key, marker = (torch.from_numpy(a) for a in task[1:6])
        second_order = step >= self.settings.first_order_until

        def one(
            f: Tensor, s: Tensor, a: Tensor, w: Tensor, k: Tensor, at: Tensor
        ) -> tuple[Tensor, ...]:
            phi = params
            if self.settings.steps:
                support = Support(f[:m], s[:m], a[:m], w[:m], k[:m], torch.ones(()))
                for i in range(self.settings.steps):
                    _, phi = self._step(phi, support, i, second_order=second_order)
            return self.outer_terms(phi, f[m:], s[m:], a[m:], w[m:], k[m:], at[m:])

        return outer_loss(torch.func.vmap(one)(features, state, action, before, key, marker))


def sample_batch(
    data: DemoSet, config: MilConfig, tasks: int, rng: np.random.Generator, clean: int = 2
) -> Batch:
    """Draw `tasks` tasks: one clean demo to adapt on, frames of the other demos to be judged by."""
    chosen = rng.integers(len(data), size=tasks)
    demos, frames = data.before.shape[1:]
    early, late = config.support_frames
    rows: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    for task in chosen:
        shown = int(rng.integers(min(clean, demos)))
        others = np.array([d for d in range(demos) if d != shown])
        first = np.flatnonzero(data.before[task, shown])
        rest = np.setdiff1d(np.arange(frames), first)
        own = np.concatenate(
            [
                _pick(first if len(first) else rest, early, rng),
                _pick(rest if len(rest) else first, late, rng),
            ]
        )
        judged, later = judged_frames(data, task, others, config.query_frames, rng)
        rows.append(
            (np.concatenate([np.full(len(own), shown), judged]), np.concatenate([own, later]))
        )
    t = chosen[:, None]
    d, f = np.stack([r[0] for r in rows]), np.stack([r[1] for r in rows])
    known = np.ones((tasks, 2), np.float32)
    return augment(Batch(**frames_of(data, t, d, f), known=known, support=early + late), rng)


def _pick(frames: NDArray[np.int64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """`count` of the frames, none twice while there are enough."""
    return rng.choice(frames, count, replace=len(frames) < count)


def make(config: Mapping[str, Any]) -> Mil:
    """The learner from its config as JSON values."""
    return Mil(from_dict(MilConfig, config))
