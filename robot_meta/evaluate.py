"""Success after one demo of a new task, beside every control that could explain it away.

A *case* is one held-out task: its demos, the parameters adapted on them, and the same few trials
under each condition. Cases are independent and run in worker processes; every figure carries an
interval over tasks.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, as_completed
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any, get_args

import gymnasium
import numpy as np
import torch

from robot_meta import rollout
from robot_meta.cpu import worker_pool
from robot_meta.data.batches import Evidence
from robot_meta.data.coarse import averaged
from robot_meta.errors import ConfigError
from robot_meta.imitator import Imitator
from robot_meta.nets import vision
from robot_meta.options import Film
from robot_meta.results import Metric
from robot_meta.rollout import Outcome
from robot_meta.session import Session
from robot_meta.statistics import bootstrap_ci
from robot_meta.types import Demo, Frame, Params

ENVIRONMENTS = {
    "reach": "sim:sim/SawyerReach-v0",
    "push": "sim:sim/SawyerPush-v0",
    "place": "sim:sim/SawyerPlace-v0",
    "pick_place": "sim:sim/SawyerPickPlace-v0",
}
CONTROLS = (
    "blind",
    "no_adaptation",
    "told",
    "wrong_demo",
    "unrelated_demo",
    "replay",
    "final_pose",
)
DEMO_TRIAL = 500
"""Trials from here on are demonstrations: no trial shares its arrangement with a demo."""
TRIALS_A_TASK = 3


@dataclass(frozen=True, kw_only=True)
class EvalConfig:
    """What to evaluate."""

    family: str = "place"
    split: str = "test"
    trials: int = 300
    trials_a_task: int | None = None
    """As the published protocols have it if not given."""
    seed: int = 0
    shots: tuple[int, ...] = (1, 5)
    controls: tuple[str, ...] = CONTROLS
    control_trials: int = 1
    """Trials of a task under each control and each further number of shots."""
    evidence: Evidence = "robot"
    film: Film = "train"
    """Preset of people and their cameras, where a person shows the task."""
    preset: str = "mild"
    max_steps: int = 100
    workers: int = 2

    def __post_init__(self) -> None:
        """Refuse films that do not exist, and those that nobody would see."""
        if self.film not in get_args(Film):
            raise ConfigError(f"no films {self.film!r}; there are {', '.join(get_args(Film))}")
        if self.film != "train" and self.evidence != "human":
            raise ConfigError(
                f"films {self.film!r} are of people, but the evidence is {self.evidence!r}; "
                "choose the evidence human"
            )

    @property
    def tasks(self) -> int:
        """How many tasks: so many that each has `a_task` trials."""
        return -(-self.trials // self.a_task)

    @property
    def a_task(self) -> int:
        """Trials of a task (push: 6 a task in the published protocol)."""
        if self.trials_a_task is not None:
            return self.trials_a_task
        return 6 if self.trials % 6 == 0 and self.trials // 6 >= 60 else TRIALS_A_TASK


@dataclass
class Case:
    """Everything measured on one task."""

    task: int
    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)
    shown: dict[str, int] = field(default_factory=dict)
    """Which target the demo of a condition pointed at."""
    adapt_ms: list[float] = field(default_factory=list)
    policy_ms: list[float] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)


def chosen_tasks(config: EvalConfig, size: int) -> list[int]:
    """Task numbers of this evaluation seed, without repeats while there are enough."""
    order = np.random.default_rng([7, config.seed]).permutation(size)
    return [int(order[i % size]) for i in range(config.tasks)]


def evaluate(
    checkpoint: str,
    blind: str | None,
    config: EvalConfig,
    size: int = 200,
    pool: Executor | None = None,
) -> Iterator[Case]:
    """Run all cases, yielding each as it is done (in no order), in a `pool` of the caller's."""
    tasks = chosen_tasks(config, size)
    with nullcontext(pool) if pool else worker_pool(config.workers) as workers:
        jobs = [
            workers.submit(_case, checkpoint, blind, config, task, tasks[(i + 1) % len(tasks)])
            for i, task in enumerate(tasks)
        ]
        for job in as_completed(jobs):
            yield job.result()


def compare(
    checkpoints: Sequence[str], config: EvalConfig, size: int = 200, pool: Executor | None = None
) -> Iterator[list[Case]]:
    """One case of each checkpoint on every task, all shown the same, as they are done.

    Controls are left out. Showing a task takes longer than a trial, so it is done once for all.

    Raises:
        ConfigError: policies for pictures of several sizes.
    """
    with nullcontext(pool) if pool else worker_pool(config.workers) as workers:
        jobs = [
            workers.submit(_compared, tuple(checkpoints), config, task)
            for task in chosen_tasks(config, size)
        ]
        for job in as_completed(jobs):
            yield job.result()


def _compared(checkpoints: Sequence[str], config: EvalConfig, task: int) -> list[Case]:
    sessions = [_session(path) for path in checkpoints]
    sides = {session.learner.image_shape[0] for session in sessions}
    if len(sides) > 1:
        raise ConfigError(
            f"policies for pictures of {sorted(sides)} pixels are shown nothing alike"
        )
    env = environment(config, sides.pop())
    posed = pose(env, config, task)
    plain = replace(config, controls=())
    return [judge(env, session, None, plain, posed, other=task) for session in sessions]


def _case(checkpoint: str, blind: str | None, config: EvalConfig, task: int, other: int) -> Case:
    """One task in a worker process; environment and sessions are kept for the next."""
    session = _session(checkpoint)
    env = environment(config, session.learner.image_shape[0])
    without = _session(blind) if blind else None
    return run_case(env, session, without, config, task, other)


def environment(config: EvalConfig, pixels: int) -> Any:
    """The environment of an evaluation, for a policy that sees pictures of this side."""
    return _made(config.family, config.split, config.preset, config.max_steps, pixels)


@lru_cache(maxsize=1)
def _made(family: str, split: str, preset: str, max_steps: int, pixels: int) -> Any:
    """Kept for the next case, whatever its seed and films are."""
    made = gymnasium.make(
        ENVIRONMENTS[family], split=split, preset=preset, max_steps=max_steps, pixels=pixels
    )
    return made.unwrapped


@lru_cache(maxsize=32)
def _session(checkpoint: str) -> Session:
    return Session.load(checkpoint)


def show(env: Any, config: EvalConfig, options: dict[str, Any]) -> tuple[Demo, Any]:
    """The demonstration that `options` name, as `config.evidence`, and its arrangement."""
    if config.evidence == "human":
        return rollout.film(env, seed=config.seed, options=options, preset=config.film)
    demo, arrangement = rollout.demonstrate(env, seed=config.seed, options=options)
    if config.evidence == "video":
        return rollout.video(demo.rgb), arrangement
    return (demo if config.evidence == "robot" else rollout.without_actions(demo)), arrangement


@dataclass(frozen=True)
class Posed:
    """A task as it is put to a policy."""

    task: int
    demos: tuple[Demo, ...]
    trials: tuple[dict[str, Any], ...]
    """Options of the environment for each trial."""
    target: int
    """Number of the target that is meant."""
    choices: int
    """Targets there are."""


def pose(env: Any, config: EvalConfig, task: int) -> Posed:
    """Show a task as often as it will be, and lay out its trials."""
    options = {"task": task, "split": config.split}
    demos: list[Demo] = []
    for shot in range(max(config.shots)):
        demo, arrangement = show(env, config, {**options, "trial": DEMO_TRIAL + shot})
        demos.append(demo)
        if shot == 0:
            env.reset(seed=config.seed, options=options)
            avoid = arrangement.target_xy_m(env.episode.task)
    trials = tuple({**options, "trial": k, "avoid": avoid} for k in range(config.a_task))
    posed = env.episode.task
    return Posed(task, tuple(demos), trials, posed.target, posed.choices)


def run_case(
    env: Any, session: Session, blind: Session | None, config: EvalConfig, task: int, other: int
) -> Case:
    """All conditions on one task; `other` is the task whose demo is unrelated."""
    return judge(env, session, blind, config, pose(env, config, task), other)


def judge(
    env: Any, session: Session, blind: Session | None, config: EvalConfig, posed: Posed, other: int
) -> Case:
    """As `run_case`, for a task that has been shown."""
    task, demos = posed.task, posed.demos
    case = Case(task)
    options = {"task": task, "split": config.split}

    def trial(name: str, policy: Any) -> None:
        case.outcomes[name] = []
        for given in posed.trials if name == "success" else posed.trials[: config.control_trials]:
            session.reset()
            chosen = policy() if name in _FRESH else policy
            case.outcomes[name].append(rollout.run(env, chosen, seed=config.seed, options=given))

    def timed(frame: Any) -> Any:
        start = time.perf_counter()
        action = session.act(frame)
        case.policy_ms.append(1e3 * (time.perf_counter() - start))
        return action

    def adapted(evidence: Sequence[Demo]) -> None:
        start = time.perf_counter()
        done = session.adapt(evidence)
        case.adapt_ms.append(1e3 * (time.perf_counter() - start))
        case.loss = [done.loss_before, done.loss_after]
        session.apply(done)

    for shots in config.shots:
        adapted(demos[:shots])
        trial("success" if shots == 1 else f"success_{shots}_shots", timed)
        session.rollback()
    if "no_adaptation" in config.controls:
        trial("success_no_adaptation", session.act)
    if "told" in config.controls and isinstance(session.learner, Imitator):
        trial("success_told", partial(_told, env, session.phi, session.learner))
    if "replay" in config.controls and demos[0].actions is not None:
        trial("success_replay", lambda: rollout.replay(demos[0]))
    if "final_pose" in config.controls and demos[0].actions is not None:
        trial("success_final_pose", lambda: rollout.copy_final_pose(demos[0]))
    if "blind" in config.controls and blind is not None:
        trial("success_blind", lambda frame: blind.act(coarser(frame, blind)))
    if "wrong_demo" in config.controls:
        wrong = (posed.target + 1 + task % (posed.choices - 1)) % posed.choices
        demo, _ = show(env, config, {**options, "target": wrong, "trial": DEMO_TRIAL})
        case.shown["success_wrong_demo"] = wrong
        adapted([demo])
        trial("success_wrong_demo", session.act)
        session.rollback()
    if "unrelated_demo" in config.controls:
        demo, _ = show(env, config, {**options, "task": other, "trial": DEMO_TRIAL})
        adapted([demo])
        trial("success_unrelated_demo", session.act)
        session.rollback()
    return case


def _told(env: Any, theta: Params, learner: Imitator) -> rollout.Policy:
    """Act unadapted but told where things are: what fails even so is the hand, not the eye."""
    memory: Any = None

    def policy(frame: Frame) -> rollout.Action:
        nonlocal memory
        where = torch.tensor(env.markers(), dtype=torch.float32)[None]
        with torch.no_grad():
            action, memory = learner.act_as(
                lambda phi, _: vision.told(phi, where), theta, frame, memory
            )
        return action

    return policy


def coarser(frame: Frame, session: Session) -> Frame:
    """The frame as the camera gives it to a policy for pictures of this side or a part of it."""
    side = session.learner.image_shape[0]
    return frame if side == len(frame.rgb) else replace(frame, rgb=averaged(frame.rgb, side))


_FRESH = ("success_told", "success_replay", "success_final_pose")
"""Conditions whose policy has a memory of its own and is made anew for each trial."""


def metrics(cases: Sequence[Case], config: EvalConfig) -> dict[str, Metric]:
    """The figures of the evaluation contract."""
    cases = sorted(cases, key=lambda c: c.task)
    out: dict[str, Metric] = {}

    def rate(key: str, name: str, pick: Any) -> None:
        pairs = [(pick(c, o), c.task) for c in cases for o in c.outcomes.get(name, [])]
        if pairs:
            values, labels = zip(*pairs, strict=True)
            out[key] = Metric.rate(bootstrap_ci(np.array(values, float), labels), [config.seed])

    for name in cases[0].outcomes:
        rate(name, name, lambda _, o: o.success)
    rate(
        "wrong_demo_followed",
        "success_wrong_demo",
        lambda c, o: o.chosen == c.shown["success_wrong_demo"],
    )
    if config.family in ("push", "reach"):
        rate("success_published_threshold", "success", lambda _, o: o.loose_success)
    chance = {"pick_place": 1 / 9}.get(config.family, 1 / 3)
    out["chance"] = Metric(value=chance, unit="rate", n=1)
    adapt = [c.adapt_ms[0] for c in cases]
    policy = [ms for c in cases for ms in c.policy_ms]
    out["adapt_ms_p50"] = Metric(value=float(np.median(adapt)), unit="ms", n=len(adapt))
    out["policy_ms_p50"] = Metric(value=float(np.median(policy)), unit="ms", n=len(policy))
    out["policy_ms_p99"] = Metric(value=float(np.quantile(policy, 0.99)), unit="ms", n=len(policy))
    steps = [o.steps for c in cases for o in c.outcomes["success"] if o.success]
    if steps:
        out["steps_to_success"] = Metric(
            value=float(np.mean(steps)), unit="steps of 0.1 s", n=len(steps)
        )
    return out
