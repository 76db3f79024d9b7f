"""Meta-training by `torchrun`: two processes take the very steps that one takes."""

import json

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from robot_meta import checkpoint
from robot_meta.data.demo_set import DemoSet
from robot_meta.data.video_set import VideoSet
from robot_meta.parallel import run_workers

NET = {
    "image": [16, 16],
    "skip_rows": 0,
    "channels": [4, 8],
    "kernels": [3, 3],
    "strides": [2, 2],
    "groups": 2,
    "embed": 8,
    "hidden": 8,
}
STEPS = 30


@pytest.fixture
def collected(tmp_path):
    rng = np.random.default_rng(0)
    n = (6, 2, 6)
    marker = rng.normal(0.5, 0.1, (*n, 2, 2)).astype(np.float32)
    DemoSet(
        rgb=rng.integers(0, 256, (*n, 16, 16, 3), np.uint8),
        state=rng.normal(0.3, 0.1, (*n, 4)).astype(np.float32),
        action=0.05 * rng.random((*n, 4), np.float32),
        before=rng.random(n) < 0.5,
        keypose=rng.normal(0.4, 0.1, (6, 2, 2, 3)).astype(np.float32),
        marker=marker,
    ).save(made(tmp_path / "robots") / "shard-000000.npz")
    VideoSet(rng.integers(0, 256, (*n, 16, 16, 3), np.uint8), marker).save(
        made(tmp_path / "films") / "shard-000000.npz"
    )
    return tmp_path


def made(folder):
    folder.mkdir()
    return folder


def trained(folder, workers):
    """Loss curve and parameters of a run of the command itself."""
    out = folder / f"run-{workers}"
    settings = {"net": NET, "cells": [[0.4 + 0.01 * i, 0.0] for i in range(16)]}
    words = [f"{name}={json.dumps(value)}" for name, value in settings.items()]
    words += ["learned.form=pose", "video_frames=4", "query_frames=3"]
    robots = folder / "robots"
    files = {"data": robots, "validation": robots, "videos": folder / "films", "out": out}
    options = {"steps": STEPS, "batch": 4, **files}
    line = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    task = ["train", "daml", "place", *line, "--settings", *words]
    code = run_workers(workers, "robot_meta.commands", task)
    assert code == 0
    board = EventAccumulator(str(out / "tensorboard"))
    board.Reload()
    curve = [event.value for event in board.Scalars("train/loss")]
    return curve, checkpoint.load(out / "theta.safetensors").params


def test_two_processes_have_the_loss_curve_of_one(collected):
    (one, theta), (two, other) = (trained(collected, workers) for workers in (1, 2))
    assert len(one) == STEPS // 10
    assert two == pytest.approx(one, abs=1e-4)
    assert all(torch.allclose(theta[n], other[n], atol=1e-4) for n in theta)
