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
    "query, 4 convolutions of 64 with batch norm. Every path in turn within one process, {rounds} "
    "rounds after 2 to warm up; a path's speed is one over the lower quartile of its processor "
    "time. `max_grad_diff`: the largest difference of any path's float64 gradient from that of a "
    "plain loop over tasks, relative to its largest element. `peak_mb`: resident memory of a "
    "process of its own above what it had before its first step. Paths that do not run: {missing}."
)
NETS = ("sinusoid", "omniglot")


def meta_step(rounds: int = 15, nets: tuple[str, ...] = NETS, json: Path | None = None) -> int:
    """Measure meta-gradients by this project, a plain loop, and the libraries that are installed.

    Args:
        rounds: How often each path is run.
        nets: Which problems.
        json: Write the result to this file.
    """
    from robot_meta import meta_step as problems
    from robot_meta import report
    from robot_meta.errors import ConfigError
    from robot_meta.meta_peers import PEERS, TORCH_PEERS
    from robot_meta.results import Metric, write_result

    if rounds < 4 or not set(nets) <= set(NETS):
        raise ConfigError(f"--rounds {rounds} --nets {nets}: need at least 4, and of {NETS}")
    _one_thread()
    began = time.monotonic()
    metrics: dict[str, Metric] = {}
    missing: dict[str, str] = {}
    for net in nets:
        made = getattr(problems, net)
        paths, why = _paths(made)
        missing |= why
        rates = _rates(paths, rounds)
        for name, rate in rates.items():
            metrics[f"{net}_{name}_steps_per_s"] = Metric(value=rate, unit="steps/s", n=rounds)
        peers = [rates[name] for name in TORCH_PEERS if name in rates]
        if peers:
            ratio = rates["ours"] / max(peers)
            metrics[f"{net}_ours_over_best_torch_peer"] = Metric(
                value=ratio, unit="ratio", n=rounds
            )
        worst = _difference(made().double())
        metrics[f"{net}_max_grad_diff"] = Metric(value=worst, unit="ratio", n=1)
        metrics[f"{net}_peak_mb"] = Metric(value=_peak_mb(net, "ours"), unit="MB", n=1)
        for name in (name for name in PEERS if name not in why):
            metrics[f"{net}_{name}_peak_mb"] = Metric(value=_peak_mb(net, name), unit="MB", n=1)
    report.show(metrics)
    for name, reason in missing.items():
        print(f"{name}: {reason}")
    if json is not None:
        told = "; ".join(f"{name} ({reason})" for name, reason in missing.items()) or "none"
        write_result(
            json,
            "bench-meta-step",
            PROTOCOL.format(rounds=rounds, missing=told),
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


def _paths(made: Callable[..., Any]) -> tuple[dict[str, Callable[[], Any]], dict[str, str]]:
    """What can be run on a problem, warmed up; and why the others cannot."""
    from robot_meta import meta_step as problems
    from robot_meta.meta_peers import PEERS

    paths = {"ours": problems.ours(made()), "loop": problems.loop(made())}
    for name in ("fomaml", "anil", "protonet"):
        if name != "protonet" or made is problems.omniglot:
            paths[name] = problems.ours(made(name))
    missing = {}
    for name, peer in PEERS.items():
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
    from robot_meta.meta_peers import PEERS

    reference = problems.loop(problem)()
    largest = max(float(g.abs().max()) for g in reference)
    worst = 0.0
    for path in (problems.ours, *PEERS.values()):
        try:
            found = path(problem)()
        except ImportError:
            continue
        for one, other in zip(found, reference, strict=True):
            worst = max(worst, float((one - other).abs().max()) / largest)
    return worst


def _peak_mb(net: str, path: str) -> float:
    """Peak resident memory of three steps, in a process of its own."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_grown_mb, net, path).result()


def _grown_mb(net: str, path: str) -> float:
    from robot_meta import meta_step as problems
    from robot_meta.meta_peers import PEERS

    _one_thread()
    step = {"ours": problems.ours, **PEERS}[path](getattr(problems, net)())
    before = _resident_mb("VmRSS")
    for _ in range(3):
        step()
    return _resident_mb("VmHWM") - before


def _resident_mb(field: str) -> float:
    """A field of Linux's /proc/self/status."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))
