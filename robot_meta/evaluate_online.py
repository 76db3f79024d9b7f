"""Online adaptation measured: return, prediction and recovery under a fault never trained on.

Every method meets the same robots: same faults, same first states, same random candidates. N
trials, T control steps.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from robot_meta import checkpoint, learners
from robot_meta.config import as_dict, from_dict
from robot_meta.course import COURSES
from robot_meta.cpu import multiplies_bfloat16
from robot_meta.data.motion_set import MotionSet
from robot_meta.data.roam import Roamed, roam
from robot_meta.errors import ConfigError
from robot_meta.following import Follower, Pace
from robot_meta.frame import framed_chunk
from robot_meta.learners.grbal import GrBALConfig
from robot_meta.locomotion import STEPS, World, streams, true_simulator
from robot_meta.motion import MotionLearner, future_error
from robot_meta.online import OnlineAgent, OnlineConfig
from robot_meta.planning import PlanConfig
from robot_meta.types import Params

Array = NDArray[np.float64]

FOLDER = Path("checkpoints/online")
ONSETS = (60, 80)
"""Control steps between which a fault in mid-episode begins."""
WINDOW_S = 0.5
"""Of the moving mean that speed is."""
PACE = Pace()
RECOVERY_S, RECOVERY_SHARE = 1.5, 0.7
"""Recovered: back to this share of the oracle's speed within so long."""
ERROR_WINDOWS = 512


@dataclass(frozen=True)
class Method:
    """A model, how it is used, and what its figures are called."""

    learner: MotionLearner
    theta: Params
    online: OnlineConfig
    sha256: str


METHODS: dict[str, tuple[str, str]] = {
    "adapted": ("grbal", "step"),
    "no_adaptation": ("mb", "off"),
    "mb_de": ("mb", "step"),
    "rebal": ("rebal", "step"),
    "history": ("history", "step"),
    "rls": ("rls", "step"),
    "oracle": ("oracle", "off"),
}
"""By the figure's name: whose checkpoint, and how it is used online."""


def path_of(whose: str, world: World, seed: int) -> Path:
    """Where the parameters of a training seed are."""
    return FOLDER / f"{whose}-{world}-seed{seed}.safetensors"


def training_seeds(world: World, whose: str = "grbal") -> list[int]:
    """Training seeds whose parameters are there."""
    found = FOLDER.glob(f"{whose}-{world}-seed*.safetensors")
    return sorted(int(p.stem.rsplit("seed", 1)[1]) for p in found)


def load_method(
    name: str, world: World, seed: int, planner: PlanConfig | None = None
) -> Method | None:
    """A method with the parameters of a training seed; None where they are not there.

    Planned with as the robot is, if no planner is given. MB+DE takes as many steps as GrBAL.

    Raises:
        CheckpointError: a damaged file.
        ConfigError: parameters of another learner.
    """
    whose, online = METHODS[name]
    path = path_of(whose, world, seed)
    if not path.exists():
        return None
    found = checkpoint.load(path)
    more = {"steps": _steps(world, seed)} if name == "mb_de" else {}
    learner = learners.make_motion(found.learner, {**found.config, **more})
    return Method(
        learner,
        found.params,
        from_dict(
            OnlineConfig,
            {"online": online, "planner": planner or world.planner, "half": multiplies_bfloat16()},
        ),
        found.sha256,
    )


def _steps(world: World, seed: int) -> int:
    """How many gradient steps GrBAL takes."""
    path = path_of("grbal", world, seed)
    config = checkpoint.load(path).config if path.exists() else {}
    return int(config.get("steps", GrBALConfig.steps))


@dataclass(frozen=True, kw_only=True)
class Trials:
    """Which trials."""

    world: World
    split: str = "test"
    count: int = 20
    seed: int = 0
    steps: int = STEPS
    onset: bool = False
    """Whether the fault begins in mid-episode; else it is there from the start."""
    healthy: bool = False
    """Without any fault."""
    course: str = ""
    """Of `COURSES`: what is followed at `PACE`; none: as fast as possible along x."""


def run(trials: Trials, method: Method | None) -> Roamed:
    """All trials under a method; None: the planner on the true physics."""
    world, n = trials.world, trials.count
    env = world.make()
    drawn = [draw_trial(trials, env, rng) for rng in fault_streams(trials)]
    faults, onsets = zip(*drawn, strict=True)
    with env.batch(n) as batch:

        def at(t: int) -> None:
            for i, onset in enumerate(onsets):
                if trials.onset and onset == t:
                    batch.set_fault(i, faults[i])

        for i, fault in enumerate(faults):
            batch.set_fault(i, None if trials.onset else fault)
        if method is None:
            actor: Any = true_simulator(batch, n, trials.seed)
        else:
            generator = torch.Generator().manual_seed(trials.seed)
            actor = OnlineAgent(method.learner, method.theta, method.online, n, generator)
            if trials.course:
                actor = Follower(actor, COURSES[trials.course], PACE)
        first = streams(trials.seed, f"{world} {trials.split} first states", n)
        return roam(batch, actor, first, trials.steps, at)


def fault_streams(trials: Trials) -> list[np.random.Generator]:
    """A generator of each trial's fault."""
    what = f"{trials.world} {trials.split} evaluation"
    return streams(trials.seed, what, trials.count)


def draw_trial(trials: Trials, env: Any, rng: np.random.Generator) -> tuple[Any, int]:
    """The fault of one trial, and the control step at which it begins if in mid-episode."""
    fault = None if trials.healthy else trials.world.draw(env, trials.split, rng)
    return fault, int(rng.integers(*ONSETS))


def prediction_errors(method: Method, log: MotionSet, seed: int = 0) -> Array:
    """Squared errors (W,) of the next K steps on windows of a log common to all methods."""
    config = method.learner.config
    drawn = log.draw(config.past, config.future, ERROR_WINDOWS, np.random.default_rng(seed))
    chunk = framed_chunk(config.body, drawn)
    learner = method.learner
    with torch.no_grad():
        return future_error(learner, method.theta, chunk).mean(1).double().numpy()


def without_adaptation(method: Method) -> Method:
    """The same parameters, used as they are. Only gradient learners can be."""
    if not hasattr(method.learner.config, "steps"):
        raise ConfigError(f"{method.learner.name} has no steps to leave out")
    config = as_dict(replace(method.learner.config, steps=0))
    return replace(method, learner=learners.make_motion(method.learner.name, config))


def speeds(roamed: Roamed, forward: int, dt_s: float) -> Array:
    """Moving means (N, T) of speed along x over `WINDOW_S`, m/s."""
    x = roamed.states[:, :, forward]
    w = round(WINDOW_S / dt_s)
    t = np.arange(1, x.shape[1])
    before = np.maximum(t - w, 0)
    out: Array = (x[:, t] - x[:, before]) / ((t - before) * dt_s)
    return out


def recovery_s(speed: Array, goal: Array, onset: int, dt_s: float) -> float:
    """Seconds from `onset` until `speed` (T,) reaches `goal` (T,) again; inf if it never does.

    The moving mean first has to leave the time before the fault.
    """
    after = onset + round(WINDOW_S / dt_s)
    good = np.flatnonzero(speed[after:] >= goal[after:])
    return float((good[0] + after - onset) * dt_s) if good.size else float("inf")


def tick_ms(method: Method, seconds: int, state: Array) -> Array:
    """Wall times of decisions for one robot, ms: adaptation and planning."""
    agent = OnlineAgent(
        method.learner, method.theta, method.online, 1, torch.Generator().manual_seed(0)
    )
    body = method.learner.config.body
    out = []
    pending = np.zeros((1, body.action))
    for _ in range(round(seconds / body.dt_s)):
        start = time.perf_counter()
        pending = agent.act(state[None], pending)
        out.append(1e3 * (time.perf_counter() - start))
    return np.array(out[method.learner.config.past + 2 :])


def frozen_log(world: World, count: int = 8) -> MotionSet:
    """The frozen log of the test fault on which predictions are judged: the true planner's."""
    trials = Trials(world=world, count=count, seed=10_000)
    return run(trials, None).motion()
