"""MIL: adapt on one robot demo of a task, imitate the next (Finn et al. 2017b).

Inner loss, eq. 2: behaviour cloning on the demo through a head of its own, plus the auxiliary loss
on the final pose; both poses that a demo gives away without labels are used: where the tip first
came down and where it ended. Outer loss, eq. 3: behaviour cloning on another demo of the same task,
plus, in training alone, where the thing meant and its destination are. All parameters but the
stem's are adapted, each with a learned step size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from robot_meta import inner
from robot_meta.config import as_dict, from_dict
from robot_meta.data.demo_set import DemoSet, evidence
from robot_meta.nets import vision
from robot_meta.types import Demo, Frame, Params

ALPHA = "alpha."
"""Prefix of the learned step sizes (kept as logarithms) among the parameters."""
SPEED_SCALE = 0.1
OPENING_WEIGHT = 0.2
LOW_M, LOW_ODDS = 0.04, 3.0
"""Frames with the tip so near its touch-down height are drawn so many times as often."""
RELEASE_M = 0.015
"""The gripper is asked to let go when the wanted opening exceeds the present one by this much."""
RELEASE_WEIGHT = 5.0
"""Letting go at the right moment is rare and decides everything, so it counts for more."""


@dataclass(frozen=True, kw_only=True)
class MilConfig:
    """Settings of MIL."""

    net: vision.VisionConfig = field(default_factory=vision.VisionConfig)
    cells: tuple[tuple[float, float], ...] = ()
    """Place xy of each cell of the grid, from the camera's calibration; empty: a square grid."""
    steps: int = 3
    """Inner steps; 0 is behaviour cloning without any demo (the blind control)."""
    alpha: float = 0.1
    """Inner step size at the start of training."""
    clip: float = 10.0
    """Bound on each element of the inner gradient."""
    action_weight: float = 0.2
    """Share of the action in the inner loss."""
    sigma_m: float = 0.025
    first_order_until: int = 0
    support_frames: tuple[int, int] = (4, 2)
    """Frames of a demo that are adapted on: before and after the first touch-down."""
    query_frames: int = 8


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


class Batch(NamedTuple):
    """B tasks for one meta-step: m frames a task for the inner loss, n for the outer loss."""

    rgb: NDArray[np.uint8]
    """(B, m + n, H, W, 3)"""
    state: NDArray[np.float32]
    action: NDArray[np.float32]
    before: NDArray[np.float32]
    key: NDArray[np.float32]
    marker: NDArray[np.float32]
    support: int
    """m"""


class Mil:
    """The learner: `init`, `adapt`, `act` for a session, `task_loss` for meta-training."""

    name = "mil"

    def __init__(self, config: MilConfig) -> None:
        self.settings = config
        self.config: dict[str, Any] = as_dict(config)
        self.image_shape = (*config.net.image, 3)

    def init(self, seed: int) -> Params:
        """Fresh parameters, step sizes among them."""
        rows, columns = self.settings.net.grid
        if self.settings.cells:
            cells = torch.tensor(self.settings.cells)
        else:
            x, y = torch.linspace(0.3, 0.8, rows), torch.linspace(-0.3, 0.3, columns)
            cells = torch.stack(torch.meshgrid(x, y, indexing="ij"), -1).reshape(-1, 2)
        params = vision.init(self.settings.net, cells, seed)
        start = float(np.log(self.settings.alpha))
        fast = [name for name in params if not name.startswith(vision.SLOW)]
        for name in fast:
            # The controller hardly needs to change with the task; the eyes do.
            low = start if name.startswith(("film", "embed", "query")) else start - 3.0
            if self.settings.steps:
                params[ALPHA + name] = torch.full((self.settings.steps,), low)
        return params

    # --- adaptation ------------------------------------------------------------------------------

    def inner_loss(self, phi: Params, support: Support) -> Tensor:
        """Eq. 2 on the evidence: the two poses by the attention, the action by the inner head."""
        reading = vision.read(phi, support.features, self.settings.net)
        first = vision.miss(
            reading.attention[..., 0], reading.approach, support.key[:, 0], self.settings.sigma_m
        )
        last = vision.miss(
            reading.attention[..., 1], reading.place, support.key[:, 1], self.settings.sigma_m
        )
        poses = (support.before * (first + last)).sum() / support.before.sum().clamp(min=1.0)
        action = vision.control(phi, reading, support.state, "inner_head")
        error = action_error(action, support.action, support.state)
        return poses + self.settings.action_weight * support.acted * error

    def _step(
        self, phi: Params, support: Support, k: int, *, second_order: bool
    ) -> tuple[Tensor, Params]:
        """Inner step `k`."""
        return inner.step(
            phi,
            lambda p: self.inner_loss(p, support),
            step_sizes(phi, k),
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
        yield from descend(
            theta,
            lambda phi: self.inner_loss(phi, support),
            lambda phi, k: self._step(phi, support, k, second_order=False),
            count,
        )

    def support(self, theta: Params, demos: Sequence[Demo]) -> Support:
        """The evidence that demos give, its pictures seen through the stem."""
        seen = evidence(demos, self.settings.support_frames)
        k, f = seen.before.shape
        action = np.zeros((k, f, 4), np.float32) if seen.action is None else seen.action
        return Support(
            features=vision.stem(
                theta,
                torch.from_numpy(seen.rgb.reshape(k * f, *self.image_shape)),
                self.settings.net,
            ),
            state=torch.from_numpy(seen.state.reshape(k * f, 4)),
            action=torch.from_numpy(action.reshape(k * f, 4)),
            before=torch.from_numpy(seen.before.reshape(k * f).astype(np.float32)),
            key=torch.from_numpy(np.repeat(seen.keypose[:, :, :2], f, 0)),
            acted=torch.tensor(float(seen.action is not None)),
        )

    # --- acting ----------------------------------------------------------------------------------

    def act(self, phi: Params, frame: Frame, memory: Any) -> tuple[NDArray[np.float64], Any]:
        """The action (4,) for one frame; nothing is remembered."""
        features = vision.stem(
            phi, torch.from_numpy(np.ascontiguousarray(frame.rgb))[None], self.settings.net
        )
        state = torch.tensor([[*frame.ee_pos_m, frame.gripper_m]], dtype=torch.float32)
        action = vision.control(phi, vision.read(phi, features, self.settings.net), state).action()
        return action[0].double().numpy(), memory

    # --- meta-training ---------------------------------------------------------------------------

    def task_loss(
        self, params: Params, task: Batch, step: int
    ) -> tuple[Tensor, Mapping[str, float]]:
        """Outer loss, eq. 3, mean over the tasks of a batch, after adaptation on each."""
        b, frames = task.rgb.shape[:2]
        m = task.support
        pixels = torch.from_numpy(task.rgb.reshape(b * frames, *self.image_shape))
        features = vision.stem(params, pixels, self.settings.net)
        features = features.reshape(b, frames, *features.shape[1:])
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

    def outer_terms(
        self,
        phi: Params,
        features: Tensor,
        state: Tensor,
        action: Tensor,
        before: Tensor,
        key: Tensor,
        marker: Tensor,
    ) -> tuple[Tensor, ...]:
        """Terms of the outer loss on a task's query frames, and the share whose thing is found."""
        reading = vision.read(phi, features, self.settings.net)
        sigma = self.settings.sigma_m
        approach = vision.miss(reading.attention[..., 0], reading.approach, key[:, 0], sigma)
        thing = vision.miss(reading.attention[..., 0], reading.place, marker[:, 0], sigma)
        destination = vision.miss(reading.attention[..., 1], reading.place, marker[:, 1], sigma)
        hit = ((reading.where[:, 0] - marker[:, 0]).norm(dim=-1) < 0.03).float()
        return (
            action_error(vision.control(phi, reading, state), action, state),
            (before * approach).sum() / before.sum().clamp(min=1.0),
            thing.mean(),
            destination.mean(),
            hit.mean(),
        )


def descend(
    theta: Params,
    loss: inner.Loss,
    step: Callable[[Params, int], tuple[Tensor, Params]],
    count: int,
) -> Iterator[tuple[int, float, Params]]:
    """Yield (k, loss of phi_k, phi_k) for k = 0 .. count; phi_0 is theta, no phi has a graph."""
    phi = theta
    for k in range(count):
        value, after = step(phi, k)
        yield k, float(value), phi
        phi = {n: p.detach() for n, p in after.items()}
    with torch.no_grad():
        yield count, float(loss(phi)), phi


def step_sizes(phi: Params, k: int) -> Params:
    """The learned step size of each adapted parameter at inner step `k`."""
    sizes = {n[len(ALPHA) :]: p for n, p in phi.items() if n.startswith(ALPHA)}
    return {n: torch.exp(s[min(k, len(s) - 1)]) for n, s in sizes.items()}


def outer_loss(terms: Sequence[Tensor]) -> tuple[Tensor, dict[str, float]]:
    """One number from `Mil.outer_terms` of all tasks, and each term's mean."""
    names = ("action", "approach", "thing", "destination", "hit")
    means = dict(zip(names, (t.mean() for t in terms), strict=True))
    loss = means["action"] + 0.3 * means["approach"] + means["thing"] + 0.5 * means["destination"]
    return loss, {n: float(v.detach()) for n, v in means.items()}


def action_error(predicted: vision.Command, wanted: Tensor, state: Tensor) -> Tensor:
    """Mean error of velocity, in units of 0.1 m/s, and of the opening's choice."""
    velocity, opening = predicted.miss(wanted)
    release = (wanted[:, 3] - state[:, 3] > RELEASE_M).float()
    return (
        velocity.mean() / SPEED_SCALE
        + OPENING_WEIGHT * ((1.0 + RELEASE_WEIGHT * release) * opening).mean()
    )


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
    drawn = Batch(
        rgb=relight(data.rgb[t, d, f], early + late, rng),
        state=data.state[t, d, f],
        action=data.action[t, d, f],
        before=data.before[t, d, f].astype(np.float32),
        key=data.keypose[t, d][..., :2],
        marker=data.marker[t, d, f],
        support=early + late,
    )
    return mirror(drawn, rng)


def judged_frames(
    data: DemoSet, task: int, demos: NDArray[np.int64], count: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw `count` frames of some `demos` of a task to judge by: the demo and the frame of each."""
    chosen = rng.choice(demos, count)
    low = data.state[task, chosen, :, 2] < data.keypose[task, chosen, :1, 2] + LOW_M
    odds = np.where(low, LOW_ODDS, 1.0).cumsum(1)
    return chosen, (odds < odds[:, -1:] * rng.random((count, 1))).sum(1)


def mirror(batch: Batch, rng: np.random.Generator) -> Batch:
    """Half of the demos and half of the trials seen in a mirror: y and -y change places."""
    m = batch.support
    flip = rng.random((len(batch.rgb), 2)) < 0.5
    rgb = batch.rgb.copy()
    sign = np.ones(batch.before.shape, np.float32)
    for part, own in ((slice(0, m), flip[:, 0]), (slice(m, None), flip[:, 1])):
        rgb[own, part] = rgb[own, part, :, ::-1]
        sign[own, part] = -1.0
    state, action, key, marker = (
        a.copy() for a in (batch.state, batch.action, batch.key, batch.marker)
    )
    for array in (state, action):
        array[..., 1] *= sign
    for array in (key, marker):
        array[..., 1] *= sign[..., None]
    return batch._replace(rgb=rgb, state=state, action=action, key=key, marker=marker)


def relight(rgb: NDArray[np.uint8], support: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Pictures (B, m + n, H, W, 3) under other exposures: one for each demo, one for each trial.

    All channels change alike: a hue that is held out stays held out.
    """
    out = rgb.astype(np.float32)
    # Paler colours, alike in the demo and the trials of a task: shape and pattern must then do.
    colour = np.where(rng.random(len(rgb)) < 0.5, rng.uniform(0.1, 1.0, len(rgb)), 1.0)
    grey = out.mean(-1, keepdims=True)
    out = grey + colour.astype(np.float32)[:, None, None, None, None] * (out - grey)
    for part in (out[:, :support], out[:, support:]):
        gain = rng.uniform(0.8, 1.2, (len(rgb), 1, 1, 1, 1)).astype(np.float32)
        part *= gain
        part += rng.uniform(-12, 12, gain.shape).astype(np.float32)
    out += 4.0 * rng.standard_normal(out.shape, np.float32)
    return np.asarray(np.clip(out, 0, 255), np.uint8)


def _pick(frames: NDArray[np.int64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """`count` of the frames, none twice while there are enough."""
    return rng.choice(frames, count, replace=len(frames) < count)


def make(config: Mapping[str, Any]) -> Mil:
    """The learner from its config as JSON values."""
    return Mil(from_dict(MilConfig, config))
