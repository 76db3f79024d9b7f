"""`robot-meta bench sim --world half_cheetah`: batched stepping beside its peers."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from robot_meta import report
from robot_meta.cpu import configure_cpu
from robot_meta.locomotion import World
from robot_meta.results import Metric, write_result
from sim.leg_batch import LeggedBatch
from sim.legged import LeggedWorld, robot_named

PEERS = {"half_cheetah": "HalfCheetah", "ant": "Ant"}
STEPS = 50
PROTOCOL = (
    "{count} {world} environments, {threads} threads, {steps} control steps of {skip} physics "
    "steps with a new random action each, observation and reward computed; each variant runs once "
    "in each of {rounds} rounds, the figure is the best round. Figures are physics steps a second "
    "over all environments. rollout: LeggedBatch.step. bare: mj_step alone on one model with the "
    "same controls, in one thread, times the number of threads. gymnasium: SyncVectorEnv of "
    "Gymnasium's environment. envpool: EnvPool's Gymnasium environment of the same name, on the "
    "MuJoCo that it brings (config.envpool)."
)


def bench(world: str, rounds: int, count: int, threads: int, json: Path | None) -> int:
    """Measure and tell.

    Args:
        world: a legged robot.
        rounds: repetitions.
        count: environments.
        threads: of rollout and EnvPool.
        json: results file.
    """
    began = time.monotonic()
    configure_cpu()
    robot = robot_named(World(robot=world, fault="none").robot)
    batch = LeggedBatch(robot, count, threads=threads)
    variants: dict[str, Callable[[], float]] = {
        "rollout_steps_per_s": lambda: rollout_rate(batch, count),
        "bare_mj_step_per_s": lambda: threads * bare_rate(LeggedWorld(robot)),
    }
    vector = gymnasium.vector.SyncVectorEnv([_peer(world)] * count)
    variants["gymnasium_steps_per_s"] = lambda: vector_rate(vector, count, robot.frame_skip)
    pool = _envpool(world, count, threads)
    if pool is not None:
        variants["envpool_steps_per_s"] = lambda: vector_rate(pool, count, robot.frame_skip)
    figures: dict[str, list[float]] = {}
    for _ in range(rounds):
        for key, measure in variants.items():
            figures.setdefault(key, []).append(measure())
    batch.close()
    vector.close()
    metrics = {
        key: Metric(value=max(values), unit="steps/s", n=rounds) for key, values in figures.items()
    }
    ours = metrics["rollout_steps_per_s"].value
    for key in list(metrics)[1:]:
        name = f"rollout_over_{key.split('_')[0]}_ratio"
        metrics[name] = Metric(value=ours / metrics[key].value, unit="ratio", n=rounds)
    report.show(metrics)
    if pool is None:
        print("EnvPool is not installed (pip install envpool==1.2.5); its rows are left out")
    if json is not None:
        write_result(
            json,
            f"bench-sim-{world.replace('_', '-')}",
            PROTOCOL.format(
                count=count,
                world=world,
                threads=threads,
                steps=STEPS,
                skip=robot.frame_skip,
                rounds=rounds,
            ),
            metrics,
            config={"all": figures, "envpool": _envpool_version()},
            wall_s=time.monotonic() - began,
        )
    return 0


def rollout_rate(batch: LeggedBatch, count: int) -> float:
    """Physics steps a second through `LeggedBatch.step`."""
    rng = np.random.default_rng(0)
    batch.reset([np.random.default_rng(i) for i in range(count)])
    began = time.perf_counter()
    for _ in range(STEPS):
        batch.step(rng.uniform(-1.0, 1.0, (count, batch.motors)))
    return _physics(count, batch.robot.frame_skip, began)


def bare_rate(world: LeggedWorld) -> float:
    """Physics steps a second of `mj_step` in one thread, as often as a batch steps one world."""
    import mujoco

    rng = np.random.default_rng(0)
    world.reset(rng)
    model, data, skip = world.model, world.data, world.robot.frame_skip
    actions = rng.uniform(-1.0, 1.0, (20 * STEPS, model.nu))
    began = time.perf_counter()
    for action in actions:
        data.ctrl[:] = action
        mujoco.mj_step(model, data, skip)
    return 20 * STEPS * skip / (time.perf_counter() - began)


def vector_rate(envs: Any, count: int, skip: int) -> float:
    """Physics steps a second through a vector environment."""
    rng = np.random.default_rng(0)
    envs.reset()
    shape = (count, *envs.action_space.shape[-1:])
    began = time.perf_counter()
    for _ in range(STEPS):
        envs.step(rng.uniform(-1.0, 1.0, shape))
    return _physics(count, skip, began)


def _physics(count: int, skip: int, began: float) -> float:
    return count * STEPS * skip / (time.perf_counter() - began)


def _peer(world: str) -> Callable[[], Any]:
    return lambda: gymnasium.make(f"{PEERS[world]}-v5")


def _envpool_version() -> str:
    try:
        return metadata.version("envpool")
    except metadata.PackageNotFoundError:
        return "not installed"


def _envpool(world: str, count: int, threads: int) -> Any:
    if _envpool_version() == "not installed":
        return None
    import envpool  # type: ignore[import-not-found]

    return envpool.make_gymnasium(f"{PEERS[world]}-v4", num_envs=count, num_threads=threads)
