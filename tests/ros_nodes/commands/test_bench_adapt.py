"""The plain adaptation of the bench is the same step: in double precision to the last digits."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from robot_meta import report, rollout
from robot_meta.data.demo_set import spread
from robot_meta.errors import CheckpointError, ConfigError, SessionError
from robot_meta.learners.daml import Daml, DamlConfig
from robot_meta.learners.mil import Mil, MilConfig
from robot_meta.nets.temporal import TemporalConfig
from robot_meta.results import read_result
from robot_meta.session import Session
from ros_nodes.commands import bench_adapt, plain_adapt
from tests import blobs


@pytest.fixture(scope="module")
def demo():
    """Pictures that move, so that the order of frames matters."""
    still = blobs.demo(blobs.demo_set(0, tasks=1), 0)
    frames = [replace(f, rgb=np.roll(f.rgb, 2 * t, 1)) for t, f in enumerate(still.frames)]
    return replace(still, frames=tuple(frames))


def shared():
    base = blobs.config()
    return {"net": base.net, "cells": base.cells, "sigma_m": base.sigma_m, "alpha": 0.3}


def daml(residual=(), **more):
    learned = TemporalConfig(form="pose", channels=(8, 8, 8), kernels=(3, 3, 1))
    given = shared() | {"net": replace(blobs.NET, residual=residual)}
    return Daml(DamlConfig(**given, learned=learned, video_frames=6, **more))


def mil(**more):
    return Mil(MilConfig(**shared(), support_frames=(3, 2), **more))


def doubled(learner):
    rng = torch.Generator().manual_seed(0)
    return {
        n: (
            p + (0.0 if n.startswith("alpha") else 0.1) * torch.randn(p.shape, generator=rng)
        ).double()
        for n, p in learner.init(0).items()
    }


@pytest.mark.parametrize(
    ("learner", "plain"),
    [
        (daml(), plain_adapt.PlainDaml),
        (daml(clip=1e-3), plain_adapt.PlainDaml),
        (daml(residual=(1, *[0] * (len(blobs.NET.channels) - 2), 2)), plain_adapt.PlainDaml),
        (mil(), plain_adapt.PlainMil),
        (mil(clip=1e-3), plain_adapt.PlainMil),
    ],
)
def test_it_ends_at_the_same_parameters(learner, plain, demo, monkeypatch):
    theta = doubled(learner)
    module = plain(learner).double()
    plain_adapt.load(module, theta)
    kept = plain_adapt.adapted(module, theta)
    assert all(torch.equal(kept[n], theta[n]) for n in theta), "what goes in comes out"
    single, double = torch.float32, torch.float64
    monkeypatch.setattr(torch, "from_numpy", lambda a: _doubled(torch.tensor(a), single, double))
    *_, (_, _, phi) = learner.adapt(theta, [demo])
    plain_adapt.adapt(module, learner, theta, [demo])
    other = plain_adapt.adapted(module, theta)
    moved = [n for n in theta if not torch.equal(phi[n], theta[n])]
    assert "query.weight" in moved
    for name in theta:
        assert torch.allclose(phi[name], other[name], rtol=1e-9, atol=1e-9), name


def _doubled(tensor, single, double):
    return tensor.to(double) if tensor.dtype == single else tensor


def test_the_peer_reads_the_frames_that_the_learner_reads(demo):
    frames = plain_adapt.temporal_frames(daml(), demo)
    assert np.array_equal(frames, demo.rgb[spread(len(demo), 6)])


def test_another_form_is_refused():
    learner = Daml(DamlConfig(**shared(), learned=TemporalConfig(form="linear")))
    with pytest.raises(ConfigError, match="form pose, not 'linear'"):
        plain_adapt.PlainDaml(learner)


def test_the_bench_writes_every_figure(tmp_path, monkeypatch):
    """Without a shipped DAML, too."""
    shipped = report.shipped
    monkeypatch.setattr(
        report, "shipped", lambda name, task: shipped("none" if name == "daml" else name, task)
    )
    path = tmp_path / "bench-adapt.json"
    assert bench_adapt.adapt(repeats=2, json=path) == 0
    result = read_result(path)
    assert result["name"] == "bench-adapt"
    expected = set()
    for name in ("adapt_human_video", "adapt_robot_demo"):
        times = {f"{name}_{q}" for q in ("ms_p50", "ms_p99", "plain_ms_p50", "plain_ms_p99")}
        expected |= times | {f"{name}_over_plain"}
        ours, plain = (
            result["metrics"][f"{name}_{q}"]["value"] for q in ("ms_p50", "plain_ms_p50")
        )
        assert ours > 0
        assert result["metrics"][f"{name}_over_plain"]["value"] == pytest.approx(ours / plain)
    assert set(result["metrics"]) == expected
    for words in ("film of 100 frames", "one thread", "half_speed", "daml is untrained"):
        assert words in result["protocol"]


def test_a_peer_that_ends_elsewhere_is_an_error(demo, monkeypatch):
    learner = daml()
    session = Session(learner, {n: p.float() for n, p in doubled(learner).items()})
    _, _, apart = bench_adapt._race(session, plain_adapt.PlainDaml, demo, 1)
    assert apart <= bench_adapt.AGREE
    video = rollout.video(demo.rgb[::-1])
    adapt = plain_adapt.adapt
    monkeypatch.setattr(plain_adapt, "adapt", lambda *given: adapt(*given[:3], [video]))
    with pytest.raises(SessionError, match=r"the plain daml ends .* away from ours"):
        bench_adapt._race(session, plain_adapt.PlainDaml, demo, 1)


def test_a_checkpoint_that_is_given_must_be_there(tmp_path):
    with pytest.raises(CheckpointError, match="no such file"):
        bench_adapt.adapt(daml=tmp_path / "none.safetensors")
    with pytest.raises(ConfigError, match="--repeats 0"):
        bench_adapt.adapt(repeats=0)
