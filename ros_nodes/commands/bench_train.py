"""`robot-meta bench train`: meta-steps a second of one process, and of two that share the work."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from robot_meta.errors import SessionError
from robot_meta.results import Metric, write_result

PROTOCOL = (
    "`robot-meta train daml place` of the shipped size on random pictures, the same global batch "
    "of {batch} tasks a meta-step, drawn in two equal shares: both by one process of one thread, "
    "and one each by two under torchrun (gloo), which take the same steps. "
    "Rounds of {steps} steps, one after the other, {rounds} times; the time is that between the "
    "first and the last logged step of a round, so that starting does not count. The median of "
    "the rounds is told. Needs two idle cores."
)
LOGGED = 10
"""Steps between two logged ones."""


def train(steps: int = 60, rounds: int = 3, batch: int = 8, json: Path | None = None) -> int:
    """Measure meta-training in one process and in two.

    Args:
        steps: Meta-steps of each round; at least 20.
        rounds: How often each is measured.
        batch: Tasks a meta-step.
        json: Write the result to this file.
    """
    from robot_meta import report
    from robot_meta.errors import ConfigError

    if steps < 2 * LOGGED or rounds < 1:
        raise ConfigError(f"--steps {steps} --rounds {rounds}: need at least {2 * LOGGED} and 1")
    began = time.monotonic()
    rates: dict[int, list[float]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory(prefix="robot-meta-bench-") as folder:
        _collected(Path(folder))
        for k in range(rounds):
            for workers, found in rates.items():
                found.append(_rate(Path(folder), workers, steps, batch, k))
    medians = {workers: float(np.median(found)) for workers, found in rates.items()}
    metrics = {
        f"steps_per_s_{workers}": Metric(value=median, unit="steps/s", n=rounds)
        for workers, median in medians.items()
    }
    metrics["speedup"] = Metric(value=medians[2] / medians[1], unit="ratio", n=rounds)
    report.show(metrics)
    if json is not None:
        write_result(
            json,
            "bench-train",
            PROTOCOL.format(batch=batch, steps=steps, rounds=rounds),
            metrics,
            config={"steps": steps, "rounds": rounds, "batch": batch},
            wall_s=time.monotonic() - began,
        )
    return 0


def _collected(folder: Path) -> None:
    """Random demonstrations and films in the shapes of collected ones."""
    from robot_meta.data.demo_set import DemoSet
    from robot_meta.data.video_set import VideoSet

    rng = np.random.default_rng(0)
    n = (16, 3, 14)
    rgb = rng.integers(0, 256, (*n, 80, 80, 3), np.uint8)
    marker = rng.uniform(0.4, 0.7, (*n, 2, 2)).astype(np.float32)
    state = rng.uniform(0.0, 0.5, (*n, 4)).astype(np.float32)
    action = rng.uniform(-0.1, 0.1, (*n, 4)).astype(np.float32)
    for name in ("robots", "films"):
        (folder / name).mkdir()
    DemoSet(
        rgb=rgb,
        state=state,
        action=action,
        before=rng.random(n) < 0.6,
        keypose=rng.uniform(0.3, 0.6, (*n[:2], 2, 3)).astype(np.float32),
        marker=marker,
    ).save(folder / "robots" / "shard-000000.npz")
    VideoSet(rgb, marker).save(folder / "films" / "shard-000000.npz")


def _rate(folder: Path, workers: int, steps: int, batch: int, number: int) -> float:
    """Steps a second of one run."""
    from tensorboard.backend.event_processing import event_accumulator as events_of

    out = folder / f"run-{workers}-{number}"
    options = {
        "steps": steps,
        "batch": batch,
        "shares": 2,
        "data": folder / "robots",
        "videos": folder / "films",
        # Not what may have been collected here.
        "validation": folder / "robots",
        "validate-every": 10 * steps,
        "out": out,
    }
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={workers}"]
    line = ["-m", "robot_meta.commands", "train", "daml", "place", *words]
    line += ["--settings", "learned.form=pose"]
    done = subprocess.run(
        [sys.executable, *(launcher if workers > 1 else []), *line],
        env={**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SessionError(f"bench train: a run with {workers} processes failed:\n{done.stderr}")
    board: Any = events_of.EventAccumulator(str(out / "tensorboard"))
    board.Reload()
    events = board.Scalars("train/loss")
    return (events[-1].step - events[0].step) / (events[-1].wall_time - events[0].wall_time)
