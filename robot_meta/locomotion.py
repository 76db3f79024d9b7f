"""Worlds of legged robots by name, and how the shared set of motion of each is made.

A world is a robot and a kind of fault: training draws faults of that kind from its training set
(and none, now and then), tests from its test set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch

from robot_meta import learners
from robot_meta.body import Body
from robot_meta.checkpoint import Checkpoint
from robot_meta.config import from_dict
from robot_meta.data.branches import BranchConfig, Branching
from robot_meta.data.motion_set import MotionSet
from robot_meta.data.resting import Resting
from robot_meta.data.roam import Actor, Gaits, Holds, Roamed, TrueSimulator, roam
from robot_meta.errors import ConfigError
from robot_meta.following import Wanderer
from robot_meta.online import OnlineAgent, OnlineConfig
from robot_meta.planning import PlanConfig

ENVIRONMENTS = {
    "half_cheetah": "sim:sim/HalfCheetah-v0",
    "ant": "sim:sim/Ant-v0",
    "go1": "sim:sim/Go1Strides-v0",
}
"""Gymnasium ids of the robots; a step of the Go1 is a stride."""
STEPS = 200
"""Control steps of an episode: 10 s."""
TIPPING_STEPS = 120
"""Of a robot that can tip over, while motion is collected: on its back it shows nothing new."""
STRIDERS = ("go1",)
"""Robots whose control step is a stride."""
STRIDES, ONSETS = 25, 6
"""Strides of an episode: 10 s; what breaks in it does so before the sixth."""
HEALTHY_SHARE = 0.2
"""Of training episodes: nothing is broken in them."""
TRUE_PLANNER = PlanConfig(candidates=32, rounds=2, elites=6, horizon=12, beta=1.5)
"""On the true physics, to collect good motion and as a bound."""
PLANNER = PlanConfig(candidates=64, rounds=3, elites=8, horizon=10)
"""What learned models are planned with, but for those of `PLANNERS`."""
PLANNERS = {
    "ant": replace(PLANNER, spread=0.4, beta=1.0, lean_steps=5.0),
    "go1": PlanConfig(method="choice", horizon=5),
}
"""Of robots that want another one: of the ant, calm plans; of the Go1, whose control step is a
stride, one of few."""


@dataclass(frozen=True, kw_only=True)
class World:
    """A robot and a kind of fault; `fault` "none" leaves it whole."""

    robot: str
    fault: str

    def __post_init__(self) -> None:
        """Refuse robots that do not exist."""
        if self.robot not in ENVIRONMENTS:
            raise ConfigError(f"no robot {self.robot!r}; there are {', '.join(ENVIRONMENTS)}")

    def __str__(self) -> str:
        """As in names of files."""
        return f"{self.robot}-{self.fault}"

    @property
    def strides(self) -> bool:
        """Whether a control step is a stride."""
        return self.robot in STRIDERS

    @property
    def planner(self) -> PlanConfig:
        """What every learned model of the robot is planned with."""
        return planner_of(self.robot)

    def steps(self, env: Any) -> int:
        """Control steps of an episode that is collected in its environment."""
        if self.strides:
            return STRIDES
        return TIPPING_STEPS if env.body["tip_cost"] else STEPS

    def make(self, **more: Any) -> Any:
        """Its environment."""
        terrain = "pier" if self.fault == "pier" else "flat"
        made = gymnasium.make(
            ENVIRONMENTS[self.robot], terrain=terrain, disable_env_checker=True, **more
        )
        return made.unwrapped

    def draw(self, env: Any, split: str, rng: np.random.Generator) -> Any:
        """A fault from the training or the test set, or None."""
        if self.fault == "none":
            return None
        if split == "train" and rng.random() < HEALTHY_SHARE:
            return None
        return env.draw_fault(self.fault, split, rng)


def planner_of(robot: str) -> PlanConfig:
    """What every learned model of a robot is planned with."""
    return PLANNERS.get(robot, PLANNER)


def body_of(env: Any) -> Body:
    """What a learner knows of an environment's robot."""
    return from_dict(Body, env.body)


def streams(seed: int, role: str, count: int) -> list[np.random.Generator]:
    """Independent generators for `count` robots; no two seeds or roles share any."""
    root = np.random.SeedSequence([ord(c) for c in role] + [seed])
    return [np.random.default_rng(each) for each in root.spawn(count)]


Acting = Callable[[Any, int, int], Actor]
"""(batch, robots, seed) to who acts."""


def episodes(
    world: World,
    split: str,
    act: Acting,
    robots: int,
    seed: int,
    steps: int | None = None,
    lag_steps: int = 0,
) -> Roamed:
    """One episode of each of `robots` robots with faults of their own, run together."""
    env = world.make()
    rngs = streams(seed, f"{world} {split} faults", robots)
    faults = [world.draw(env, split, rng) for rng in rngs]
    onsets = [int(rng.integers(ONSETS)) if world.strides else 0 for rng in rngs]
    with env.batch(robots, lag_steps=lag_steps) as batch:

        def at(t: int) -> None:
            for i, onset in enumerate(onsets):
                if onset == t > 0:
                    batch.set_fault(i, faults[i])

        for i, onset in enumerate(onsets):
            batch.set_fault(i, None if onset else faults[i])
        first = streams(seed, f"{world} {split} starts", robots)
        return roam(batch, act(batch, robots, seed), first, steps or world.steps(env), at)


def moved(
    world: World,
    split: str,
    act: Acting,
    robots: int,
    seed: int,
    branches: BranchConfig | None = None,
    lag_steps: int = 0,
) -> MotionSet:
    """What one episode of each robot shows; with `branches`, in pieces of their length.

    Raises:
        ConfigError: branches of a robot that strides, whose episodes are short enough as they are.
    """
    if branches is None:
        return episodes(world, split, act, robots, seed, lag_steps=lag_steps).motion()
    if world.strides:
        raise ConfigError(f"{world.robot} strides: no other futures of it are tried")
    kept: list[Branching] = []

    def branching(batch: Any, robots: int, seed: int) -> Actor:
        generator = torch.Generator().manual_seed(seed)
        kept.append(Branching(act(batch, robots, seed), batch, branches, generator))
        return kept[0]

    whole = episodes(world, split, branching, robots, seed, lag_steps=lag_steps).motion()
    return whole.pieces(branches.length) + kept[0].motion()


def gaits(batch: Any, robots: int, seed: int) -> Actor:
    """Noisy gaits."""
    return Gaits(robots, batch.motors, batch.dt_s, streams(seed, "gaits", 1)[0])


def holds(batch: Any, robots: int, seed: int) -> Actor:
    """Random actions that are held."""
    return Holds(robots, batch.motors, streams(seed, "holds", 1)[0])


def true_simulator(batch: Any, robots: int, seed: int) -> Actor:
    """A planner on the true physics, with noise so that what is near good motion is seen too."""
    generator = torch.Generator().manual_seed(seed)
    return TrueSimulator(batch, robots, TRUE_PLANNER, generator, noise=0.2)


def acting(
    found: Checkpoint, config: OnlineConfig, wander: bool = False, rest: float = 0.0
) -> Acting:
    """A trained learner of motion as who acts: it runs along x, or wanders.

    With `rest`, that share of the motors is not used for a while, now and then.
    """
    learner = learners.make_motion(found.learner, found.config)

    def act(batch: Any, robots: int, seed: int) -> Actor:
        generator = torch.Generator().manual_seed(seed)
        known = replace(config, lag=batch.lag)
        agent = OnlineAgent(learner, found.params, known, robots, generator)
        actor: Actor = Wanderer(agent, streams(seed, "wander", 1)[0]) if wander else agent
        return Resting(actor, rest, streams(seed, "rest", 1)[0]) if rest else actor

    return act


@dataclass(frozen=True, kw_only=True)
class RoamConfig:
    """How much motion is collected before any learner acts."""

    gaits: int = 64
    """Episodes of noisy gaits."""
    true: int = 64
    """Episodes of the planner on the true physics."""
    together: int = 32
    """Robots run together."""
    seed: int = 0
    split: str = "train"
    """Whose faults; `test` is for the oracle alone."""
    branches: BranchConfig | None = None
    """Other futures that are tried on the true physics."""


def collect(world: World, config: RoamConfig, path: Path) -> Iterator[tuple[int, int]]:
    """Collect the shared set of a world into `path`, yielding (episodes, of so many).

    A robot that strides holds random strides in all of them, and what a mirror shows of its motion
    counts too.
    """
    total = config.gaits + config.true
    kinds: Sequence[tuple[int, Acting]] = ((config.gaits, gaits), (config.true, true_simulator))
    if world.strides:
        kinds = ((total, holds),)
    done: MotionSet | None = None
    episode = 0
    yield 0, total
    for number, (count, act) in enumerate(kinds):
        for first in range(0, count, config.together):
            robots = min(config.together, count - first)
            seed = 1000 * config.seed + 100 * number + first // config.together
            motion = moved(world, config.split, act, robots, seed, config.branches)
            if world.strides:
                motion += MotionSet(*world.make().mirrored(motion.states, motion.actions))
            done = motion if done is None else done + motion
            episode += robots
            yield episode, total
    if done is None:
        raise ConfigError("collect: no episodes were asked for")
    done.save(path)
