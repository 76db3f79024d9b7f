"""What one meta-step of imitation is made of: frames to adapt on and frames to be judged by.

B tasks; m frames a task that show it, then n frames of a robot doing it. Held out stays held out:
no augmentation changes a hue.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import NormalDist
from typing import Any, Literal, NamedTuple, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from robot_meta.data.demo_set import DemoSet
from robot_meta.data.legs import LEG, LEGS, legs
from robot_meta.data.video_set import VideoSet

Evidence = Literal["robot", "state", "video", "human"]
"""What a task is shown by: a robot's demo; its pictures and states; its pictures; a person's."""
EVIDENCE: tuple[Evidence, ...] = get_args(Evidence)
ROBOT_KINDS: dict[Evidence, float] = {"robot": 0.5, "state": 0.25, "video": 0.25}
"""How much of it a robot's demonstration comes with, where it shows the task, and how often."""
LOW_M, LOW_ODDS = 0.04, 3.0
"""Frames with the tip so near its touch-down height are drawn so many times as often."""

_EVEN = np.array([NormalDist().inv_cdf((i + 0.5) / 256) for i in range(256)], np.float32)
NOISE = 4.0 * _EVEN
"""Noise of a pixel, in its 256 equally likely sizes: drawing from a table is quick."""


class Batch(NamedTuple):
    """B tasks for one meta-step: m frames a task for the inner loss, n for the outer loss."""

    rgb: NDArray[np.uint8]
    """(B, m + n, H, W, 3)"""
    state: NDArray[np.float32]
    """(B, m + n, 4)"""
    action: NDArray[np.float32]
    """(B, m + n, 4)"""
    before: NDArray[np.float32]
    """(B, m + n): 1 before the first touch-down"""
    key: NDArray[np.float32]
    """(B, m + n, 2, 2): xy of the first touch-down and of the end"""
    marker: NDArray[np.float32]
    """(B, m + n, 2, 2): xy of the thing meant and of its destination; for training alone"""
    legs: NDArray[np.float32]
    """(B, m + n, LEGS, LEG): those of the demo (`data.legs`)"""
    known: NDArray[np.float32]
    """(B, 2): 1 where the frames that show the task have the arm's state, and its actions"""
    support: int
    """m"""


def shares(human: float) -> dict[Evidence, float]:
    """Odds of each kind of evidence, where a person shows this share of the tasks."""
    return {"human": human, **{kind: (1 - human) * p for kind, p in ROBOT_KINDS.items()}}


class Filmed(Protocol):
    """Settings of a learner that is shown tasks by people and by robots."""

    @property
    def video_frames(self) -> int:
        """Frames of what shows a task."""
        ...

    @property
    def query_frames(self) -> int:
        """Frames of a robot to be judged by."""
        ...

    @property
    def human_share(self) -> float:
        """Share of the tasks that a person shows."""
        ...


def sample_filmed(
    films: VideoSet, robots: DemoSet, settings: Filmed, tasks: int, rng: np.random.Generator
) -> Batch:
    """Draw `tasks` tasks that both sets hold: what shows each, and robots to be judged by."""
    sizes = (settings.video_frames, settings.query_frames)
    return sample_shown(films, robots, sizes, shares(settings.human_share), tasks, rng)


def sample_shown(
    films: VideoSet | None,
    robots: DemoSet,
    sizes: tuple[int, int],
    odds: Mapping[Evidence, float],
    tasks: int,
    rng: np.random.Generator,
) -> Batch:
    """Draw `tasks` tasks and what shows each: `sizes` (m, n) frames, evidence by its `odds`.

    Entry i of `films` and `robots` is one task. What the evidence of a task lacks is zero.
    """
    m, n = sizes
    count = len(robots) if films is None else min(len(films), len(robots))
    chosen = rng.integers(count, size=tasks)
    share = np.array([odds.get(kind, 0.0) for kind in EVIDENCE])
    kinds = rng.choice(len(EVIDENCE), tasks, p=share / share.sum())
    parts = [
        _shown(films, robots, int(task), EVIDENCE[kind], m, rng)
        for task, kind in zip(chosen, kinds, strict=True)
    ]
    shown = {name: np.stack([part[name] for part in parts]) for name in parts[0]}
    demos = np.arange(robots.rgb.shape[1])
    rows = [judged_frames(robots, task, demos, n, rng) for task in chosen]
    judged = frames_of(
        robots, chosen[:, None], np.stack([r[0] for r in rows]), np.stack([r[1] for r in rows])
    )
    both = {k: np.concatenate([shown[k], judged[k]], axis=1) for k in judged}
    return augment(Batch(**both, known=shown["known"], support=m), rng)


def frames_of(
    data: DemoSet, t: NDArray[np.int64], d: NDArray[np.int64], f: NDArray[np.int64]
) -> dict[str, NDArray[Any]]:
    """The fields of a batch for tasks, demos and frames of the same (broadcast) shape."""
    whole = (getattr(data, name)[t, d] for name in ("state", "action", "before", "keypose"))
    return {
        "rgb": data.rgb[t, d, f],
        "state": data.state[t, d, f],
        "action": data.action[t, d, f],
        "before": data.before[t, d, f].astype(np.float32),
        "key": np.broadcast_to(data.keypose[t, d][..., :2], (*f.shape, 2, 2)).copy(),
        "marker": data.marker[t, d, f],
        "legs": np.broadcast_to(legs(*whole), (*f.shape, LEGS, LEG)).copy(),
    }


def _shown(
    films: VideoSet | None,
    robots: DemoSet,
    task: int,
    kind: Evidence,
    m: int,
    rng: np.random.Generator,
) -> dict[str, NDArray[Any]]:
    """`m` frames that show one task, in the order of time, without what `kind` lacks."""
    source = films if kind == "human" and films is not None else robots
    # Each stretch gives one frame; which one is drawn, as the speed of people is.
    edges = np.linspace(0, source.rgb.shape[2], m + 1).astype(int)
    f = rng.integers(edges[:-1], np.maximum(edges[1:], edges[:-1] + 1))
    t, d = np.array(task), np.full(m, rng.integers(source.rgb.shape[1]))
    out = frames_of(robots, t, d % robots.rgb.shape[1], np.minimum(f, robots.rgb.shape[2] - 1))
    known = {"robot": (1.0, 1.0), "state": (1.0, 0.0)}.get(kind, (0.0, 0.0))
    if source is not robots:
        out = {name: np.zeros_like(value) for name, value in out.items()}
        out["rgb"], out["marker"] = source.rgb[t, d, f], source.marker[t, d, f]
    if not known[0]:
        out["state"] = np.zeros_like(out["state"])
    if not known[1]:
        out["action"] = np.zeros_like(out["action"])
    return {**out, "known": np.array(known, np.float32)}


def judged_frames(
    data: DemoSet, task: int, demos: NDArray[np.int64], count: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw `count` frames of some `demos` of a task to judge by: the demo and the frame of each."""
    chosen = rng.choice(demos, count)
    low = data.state[task, chosen, :, 2] < data.keypose[task, chosen, :1, 2] + LOW_M
    odds = np.where(low, LOW_ODDS, 1.0).cumsum(1)
    return chosen, (odds < odds[:, -1:] * rng.random((count, 1))).sum(1)


def augment(batch: Batch, rng: np.random.Generator) -> Batch:
    """Another light and, for half of the demos and half of the trials, a mirror."""
    return mirror(batch._replace(rgb=relight(batch.rgb, batch.support, rng)), rng)


def mirror(batch: Batch, rng: np.random.Generator) -> Batch:
    """Half of the demos and half of the trials seen in a mirror: y and -y change places."""
    m = batch.support
    flip = rng.random((len(batch.rgb), 2)) < 0.5
    rgb = batch.rgb.copy()
    sign = np.ones(batch.before.shape, np.float32)
    for part, own in ((slice(0, m), flip[:, 0]), (slice(m, None), flip[:, 1])):
        rgb[own, part] = rgb[own, part, :, ::-1]
        sign[own, part] = -1.0
    turned = {name: getattr(batch, name).copy() for name in ("state", "action")}
    for array in turned.values():
        array[..., 1] *= sign
    for name in ("key", "marker", "legs"):
        turned[name] = getattr(batch, name).copy()
        turned[name][..., 1] *= sign[..., None]
    return batch._replace(rgb=rgb, **turned)


def relight(rgb: NDArray[np.uint8], support: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Pictures (B, m + n, H, W, 3) under other exposures: one for each demo, one for each trial.

    All channels change alike: a hue that is held out stays held out.
    """
    b, m = len(rgb), support
    # Paler colours, alike in the demo and the trials of a task: shape and pattern must then do.
    colour = np.where(rng.random(b) < 0.5, rng.uniform(0.1, 1.0, b), 1.0).astype(np.float32)
    gain, shift = np.empty((2, *rgb.shape[:2]), np.float32)
    for part in (np.s_[:, :m], np.s_[:, m:]):
        gain[part] = rng.uniform(0.8, 1.2, (b, 1))
        shift[part] = rng.uniform(-12, 12, (b, 1))
    out = rgb.astype(np.float32)
    for picture, c, g, own in zip(out, colour, gain, shift, strict=True):
        grey = (picture[..., 0] + picture[..., 1] + picture[..., 2])[..., None]
        picture *= (c * g)[:, None, None, None]
        picture += ((1.0 - c) / 3.0 * g)[:, None, None, None] * grey + own[:, None, None, None]
    out += NOISE[rng.integers(0, len(NOISE), out.shape, np.uint8)]
    return np.clip(out, 0, 255, out=out).astype(np.uint8)
