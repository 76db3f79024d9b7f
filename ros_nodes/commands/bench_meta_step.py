"""`robot-meta bench meta-step`: second-order MAML steps a second, beside other libraries."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

PROTOCOL = (
    "Meta-gradients of second-order MAML with one inner step, one thread, float32. `sinusoid`: 25 "
    "tasks of 10 + 10 points, 1-40-40-1. `omniglot`: 16 tasks, 5 classes with one shot and one "
    "query, 4 convolutions of 64 with batch norm. `mil`: 4 tasks of MIL's policy, 64 x 64 "
    "pictures, 6 frames to adapt on and 8 to be judged by; all but the convolutions adapts. "
    "`fomaml`, `anil` and `protonet` are other methods on the same tasks. "
    "Every path in turn within one process, {rounds} "
    "rounds after 2 to warm up; a path's speed is one over the lower quartile of its processor "
    "time. `max_grad_diff`: the largest difference of any path's float64 gradient from that of a "
    "plain loop over tasks, relative to its largest element. `peak_mb`: resident memory of a "
    "process of its own above what it had before its first step. `two_processes_over_one`: whole "
    "meta-steps (gradient, mean over processes by gloo, Adam) of the same tasks by two processes "
    "and by one, {steps} steps each, {turns} times in turn, the ratio of the medians of the time "
    "on the clock; it needs two idle cores. Paths that do not run: {missing}."
)
NETS = ("sinusoid", "omniglot", "mil")
TURNS, WARM = 3, 2
"""Measurements of the two processes, and steps of each that do not count."""


def meta_step(rounds: int = 15, nets: tuple[str, ...] = NETS, json: Path | None = None) -> int:
    """Measure meta-gradients by this project, a plain loop, and the libraries that are installed.

    Args:
        rounds: How often each path is run.
        nets: Which problems.
        json: Write the result to this file.
    """
    from robot_meta import report
    from robot_meta.errors import ConfigError
    from robot_meta.meta_peers import TORCH_PEERS
    from robot_meta.meta_step import PROBLEMS
    from robot_meta.results import Metric, write_result

    if rounds < 4 or not set(nets) <= set(NETS):
        raise ConfigError(f"--rounds {rounds} --nets {nets}: need at least 4, and of {NETS}")
    _one_thread()
    began = time.monotonic()
    metrics: dict[str, Metric] = {}
    missing: dict[str, str] = {}
    for net in nets:
        paths, why = _paths(net)
        missing |= why
        rates = _rates(paths, rounds)
        for name, rate in rates.items():
            metrics[f"{net}_{name}_steps_per_s"] = Metric(value=rate, unit="steps/s", n=rounds)
        found = {"max_grad_diff": (_difference(PROBLEMS[net]().double()), "ratio", 1)}
        if peers := [rates[name] for name in TORCH_PEERS if name in rates]:
            found["ours_over_best_torch_peer"] = (rates["ours"] / max(peers), "ratio", rounds)
        found["two_processes_over_one"] = (_two_over_one(net, rounds), "ratio", TURNS)
        found["peak_mb"] = (_peak_mb(net, "ours"), "MB", 1)
        for name in (name for name in _peers(net) if name not in why):
            found[f"{name}_peak_mb"] = (_peak_mb(net, name), "MB", 1)
        for key, (value, unit, n) in found.items():
            metrics[f"{net}_{key}"] = Metric(value=value, unit=unit, n=n)
    report.show(metrics)
    for name, reason in missing.items():
        print(f"{name}: {reason}")
    if json is not None:
        told = "; ".join(f"{name} ({reason})" for name, reason in missing.items()) or "none"
        write_result(
            json,
            "bench-meta-step",
            PROTOCOL.format(rounds=rounds, steps=rounds, turns=TURNS, missing=told),
            metrics,
            config={"rounds": rounds, "nets": nets, "missing": missing},
            wall_s=time.monotonic() - began,
        )
    return 0


def _one_thread() -> None:
    """For torch and, before it is imported, for XLA."""
    import torch

    os.environ.setdefault(
        "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    )
    torch.set_num_threads(1)


def _peers(net: str) -> dict[str, Any]:
    from robot_meta.meta_peers import peers
    from robot_meta.meta_step import PROBLEMS

    return peers(PROBLEMS[net]())


def _paths(net: str) -> tuple[dict[str, Callable[[], Any]], dict[str, str]]:
    """What can be run on a problem, warmed up; and why the others cannot."""
    from robot_meta import meta_step as problems

    made = problems.PROBLEMS[net]
    paths = {"ours": problems.ours(made()), "loop": problems.loop(made())}
    paths |= {name: problems.ours(made(name)) for name in problems.OTHERS[net]}
    missing = {}
    for name, peer in _peers(net).items():
        try:
            paths[name] = peer(made())
        except ImportError as error:
            missing[name] = str(error)
    for path in paths.values():
        path(), path()
    return paths, missing


def _rates(paths: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Steps per second of processor time, all paths in turn."""
    taken: dict[str, list[float]] = {name: [] for name in paths}
    for _ in range(rounds):
        for name, path in paths.items():
            began = time.process_time()
            path()
            taken[name].append(time.process_time() - began)
    return {name: 1 / float(np.quantile(times, 0.25)) for name, times in taken.items()}


def _difference(problem: Any) -> float:
    """The worst relative difference of any second-order path from the loop, in float64."""
    from robot_meta import meta_step as problems
    from robot_meta.meta_peers import peers

    reference = problems.loop(problem)()
    largest = max(float(g.abs().max()) for g in reference)
    worst = 0.0
    for path in (problems.ours, *peers(problem).values()):
        try:
            found = path(problem)()
        except ImportError:
            continue
        for one, other in zip(found, reference, strict=True):
            worst = max(worst, float((one - other).abs().max()) / largest)
    return worst


def _two_over_one(net: str, steps: int) -> float:
    """How many times as many steps a second two processes take as one."""
    taken: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(TURNS):
        for size, found in taken.items():
            found.append(_clocked(net, steps, size))
    return float(np.median(taken[1]) / np.median(taken[2]))


def _clocked(net: str, steps: int, size: int) -> float:
    """Seconds of `steps` meta-steps by `size` processes."""
    import multiprocessing
    import socket
    from concurrent.futures import ProcessPoolExecutor

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with ProcessPoolExecutor(size, mp_context=multiprocessing.get_context("spawn")) as pool:
        shares = [pool.submit(_share, net, steps, rank, size, port) for rank in range(size)]
        return max(share.result() for share in shares)


def _share(net: str, steps: int, rank: int, size: int, port: int) -> float:
    """Train in one of the processes: each step draws two halves of the tasks, in one or in two."""
    from robot_meta import meta_step as problems
    from robot_meta.loops import TrainConfig, meta_train
    from robot_meta.parallel import join_world

    place = {"RANK": rank, "WORLD_SIZE": size, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ |= {name: str(value) for name, value in place.items()}
    _one_thread()
    made = problems.PROBLEMS[net]
    problem = made(tasks=_count(made()) // 2)
    batch = problem.batch(problem.tasks)
    theta = {**problem.theta, **problem.fixed}
    config = TrainConfig(steps=WARM + steps, tasks=2)
    clock = []
    with join_world() as world:
        for _ in meta_train(problems.trainable(problem), theta, lambda _: batch, config, world):
            clock.append(time.perf_counter())
    return clock[-1] - clock[WARM - 1]


def _count(problem: Any) -> int:
    """Tasks of a problem."""
    return len(problem.tasks[0][0])


def _peak_mb(net: str, path: str) -> float:
    """Peak resident memory of three steps, in a process of its own."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_grown_mb, net, path).result()


def _grown_mb(net: str, path: str) -> float:
    from robot_meta import meta_step as problems

    _one_thread()
    step = {"ours": problems.ours, **_peers(net)}[path](problems.PROBLEMS[net]())
    before = _resident_mb("VmRSS")
    for _ in range(3):
        step()
    return _resident_mb("VmHWM") - before


def _resident_mb(field: str) -> float:
    """A field of Linux's /proc/self/status."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))
