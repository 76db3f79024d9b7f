"""Scripted demonstrations in bulk: worker processes write shards. Resumable."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import gymnasium
import numpy as np
from numpy.random import Generator

from robot_meta.data.demo_set import DemoSet, keyposes, touch_down
from robot_meta.data.video_set import VideoSet
from robot_meta.errors import ConfigError

ATTEMPTS = 20
"""Arrangements of a task that are tried until a demonstration succeeds."""


@dataclass(frozen=True, kw_only=True)
class CollectConfig:
    """What to collect.

    The first `clean` demos of a task are as shown; in the others the arm is knocked about, and
    driven by eyes that err. What is recorded is always what would have been right. People's films
    hold pictures and markers alone.
    """

    kind: Literal["robot", "human"] = "robot"
    """Who demonstrates."""
    env_id: str = "sim:sim/SawyerPlace-v0"
    split: str = "train"
    tasks: int = 3000
    first: int = 0
    demos: int = 4
    clean: int = 2
    frames: int = 14
    pixels: int = 80
    """Side of the pictures."""
    seed: int = 0
    noise_m_s: float = 0.12
    """Size of the disturbance of the velocity, which lasts about half a second."""
    misjudged_m: float = 0.01
    """Size of the error in where the thing meant seems to be; it wanders over seconds."""
    shard: int = 50


def collect(config: CollectConfig, folder: Path, workers: int = 2) -> Iterator[tuple[int, int]]:
    """Write the missing shards; yields (shards done, shards in all).

    Raises:
        ConfigError: the split has no such tasks; nothing has been written then.
    """
    there = _environment(config).tasks
    if not 0 <= config.first < config.first + config.tasks <= there:
        raise ConfigError(
            f"tasks {config.first} to {config.first + config.tasks - 1} of {config.split!r}, which "
            f"has {there}: let `first` be at least 0 and `first` + `tasks` at most {there}"
        )
    folder.mkdir(parents=True, exist_ok=True)
    starts = range(config.first, config.first + config.tasks, config.shard)
    todo = [s for s in starts if not (folder / f"shard-{s:06d}.npz").exists()]
    done = len(starts) - len(todo)
    yield done, len(starts)
    context = multiprocessing.get_context("spawn")
    with context.Pool(min(workers, max(len(todo), 1))) as pool:
        for _ in pool.imap_unordered(_shard, [(config, folder, s) for s in todo]):
            done += 1
            yield done, len(starts)


def _shard(job: tuple[CollectConfig, Path, int]) -> None:
    config, folder, start = job
    env = _environment(config)
    stop = min(start + config.shard, config.first + config.tasks)
    show = demonstrate if config.kind == "robot" else film
    rows = [
        [show(env, config, task, k) for k in range(config.demos)] for task in range(start, stop)
    ]
    env.close()
    names = rows[0][0].keys()
    arrays = {n: np.stack([np.stack([demo[n] for demo in row]) for row in rows]) for n in names}
    kind = DemoSet if config.kind == "robot" else VideoSet
    kind(**arrays).save(folder / f"shard-{start:06d}.npz")


def _environment(config: CollectConfig) -> Any:
    made = gymnasium.make(
        config.env_id, split=config.split, max_steps=120, image=None, pixels=config.pixels
    )
    return made.unwrapped


def film(env: Any, config: CollectConfig, task: int, k: int) -> dict[str, np.ndarray]:
    """Film `k` of a person as arrays of a `VideoSet` entry; drawn again until somebody succeeds."""
    why: RuntimeError | None = None
    for attempt in range(ATTEMPTS):
        trial = k + config.demos * attempt
        try:
            shown = env.film(task, seed=config.seed, trial=trial, frames=config.frames, jitter=True)
        except RuntimeError as error:  # nobody could do it with the things where they lay
            why = error
            continue
        return {"rgb": shown.rgb, "marker": shown.seen.astype(np.float32)}
    raise _hopeless("people", config, task) from why


def demonstrate(env: Any, config: CollectConfig, task: int, k: int) -> dict[str, np.ndarray]:
    """Demo `k` of a task as arrays of a `DemoSet` entry; drawn again until the expert succeeds."""
    for attempt in range(ATTEMPTS):
        words = [config.seed, *config.split.encode(), task, k, attempt]
        rng = np.random.default_rng(np.random.SeedSequence(words))
        path = _roll(env, config, task, k + config.demos * attempt, rng, noisy=k >= config.clean)
        if path is not None:
            return path
    raise _hopeless("the expert", config, task)


def _hopeless(who: str, config: CollectConfig, task: int) -> RuntimeError:
    return RuntimeError(
        f"{who} failed {ATTEMPTS} times on task {task} of {config.env_id} ({config.split})"
    )


def _roll(
    env: Any, config: CollectConfig, task: int, trial: int, rng: Generator, *, noisy: bool
) -> dict[str, np.ndarray] | None:
    observation, info = env.reset(seed=config.seed, options={"task": task, "trial": trial})
    moments, state, action, marker = [], [], [], []
    disturbance = np.zeros(3)
    error_m = config.misjudged_m * rng.standard_normal(2)
    ended = False
    while not ended:
        wish = env.expert()
        moments.append(env.episode.world.save_state())
        state.append([*observation["ee_pos_m"], *observation["gripper_m"]])
        action.append(wish)
        marker.append(env.markers())
        # An Ornstein-Uhlenbeck path: knocks that last, as a slip or a bump does.
        disturbance = 0.8 * disturbance + 0.6 * config.noise_m_s * rng.standard_normal(3) * noisy
        error_m = 0.95 * error_m + 0.31 * config.misjudged_m * rng.standard_normal(2)
        driven = env.expert(error_m) if noisy else wish
        low, high = env.action_space.low, env.action_space.high
        done = np.clip(driven + np.r_[disturbance, 0.0], low, high)
        observation, _, terminated, truncated, info = env.step(done)
        ended = terminated or truncated
    if not info["success"]:
        return None
    edges = np.linspace(0, len(moments), config.frames + 1)
    frames = np.array([rng.integers(int(a), max(int(a) + 1, int(b))) for a, b in pairwise(edges)])
    tip = np.array(state)[:, :3]
    return {
        # Pictures of the chosen moments alone: drawing costs as much as all the rest.
        "rgb": np.stack([env.picture(moments[i]) for i in frames]),
        "state": np.array(state, np.float32)[frames],
        "action": np.array(action, np.float32)[frames],
        "before": frames <= touch_down(tip),
        "keypose": keyposes(tip),
        "marker": np.array(marker, np.float32)[frames],
    }
