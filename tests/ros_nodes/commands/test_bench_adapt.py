"""The plain adaptation of the bench is the same step: in double precision to the last digits."""

import numpy as np
import pytest
import torch

from robot_meta.data.demo_set import spread
from robot_meta.learners.daml import Daml, DamlConfig
from robot_meta.learners.mil import Mil, MilConfig
from robot_meta.nets.temporal import TemporalConfig
from ros_nodes.commands import plain_adapt
from tests import blobs


@pytest.fixture(scope="module")
def demo():
    return blobs.demo(blobs.demo_set(0, tasks=1), 0)


def shared():
    base = blobs.config()
    return {"net": base.net, "cells": base.cells, "sigma_m": base.sigma_m, "alpha": 0.3}


def daml():
    learned = TemporalConfig(form="pose", channels=(8, 8, 8), kernels=(3, 3, 1))
    return Daml(DamlConfig(**shared(), learned=learned, video_frames=6))


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
        (Mil(MilConfig(**shared(), support_frames=(3, 2))), plain_adapt.PlainMil),
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
    with pytest.raises(ValueError, match="form pose, not 'linear'"):
        plain_adapt.PlainDaml(learner)
