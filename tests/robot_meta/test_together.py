"""Families trained together: one pair of eyes, hands of their own."""

import numpy as np
import pytest
import torch

from robot_meta.data.batches import sample_filmed
from robot_meta.data.video_set import VideoSet
from robot_meta.learners import daml
from robot_meta.loops import TrainConfig
from robot_meta.nets import vision
from robot_meta.nets.temporal import TemporalConfig
from robot_meta.session import Session
from robot_meta.together import Together
from robot_meta.training import Run, Saving, together, train
from tests import blobs


def learner():
    base = blobs.config()
    learned = TemporalConfig(form="pose", channels=(8, 8, 8), kernels=(3, 3, 1))
    return daml.Daml(
        daml.DamlConfig(
            net=base.net,
            cells=base.cells,
            sigma_m=base.sigma_m,
            learned=learned,
            video_frames=4,
            query_frames=3,
        )
    )


@pytest.fixture(scope="module")
def data():
    return blobs.demo_set(0, tasks=4)


def sampler(data, made):
    films = VideoSet(data.rgb, data.marker)
    return lambda rng: sample_filmed(films, data, made.settings, 2, rng)


def test_every_family_gets_the_first_ones_eyes_and_its_own_hands():
    made = learner()
    parts = {"place": made.init(0), "push": made.init(1)}
    joint = Together(dict.fromkeys(parts, made))
    joined = joint.join(parts)
    for family, params in parts.items():
        own = joint.of(family, joined)
        assert set(own) == set(params)
        for name, value in own.items():
            expected = params if name.startswith(vision.HANDS) else parts["place"]
            assert torch.equal(value, expected[name]), name


def test_a_batch_teaches_the_eyes_and_the_hands_of_its_family(data, rng):
    made = learner()
    joint = Together({"place": made, "push": made})
    params = joint.join({"place": made.init(0), "push": made.init(1)})
    leaves = {n: p.requires_grad_() for n, p in params.items()}
    batch = sampler(data, made)(rng)
    loss, _ = joint.task_loss(leaves, ("push", batch), 0)
    alone, _ = made.task_loss(joint.of("push", leaves), batch, 0)
    assert loss.item() == alone.item()
    found = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    taught = {n for n, g in zip(leaves, found, strict=True) if g is not None and g.abs().max() > 0}
    assert {"conv0.weight", "query.weight", "push/fc0.weight"} <= taught
    assert not any(n.startswith("place/") for n in taught)


def test_a_run_leaves_a_checkpoint_of_each_family(data, tmp_path):
    made = learner()
    runs = {
        family: Run(made, made, sampler(data, made), validate=lambda _: {"hit": 0.5})
        for family in ("place", "push")
    }
    steps = list(train(together(runs), TrainConfig(steps=6, tasks=2), Saving(out=tmp_path)))
    assert len(steps) == 6
    sessions = [Session.load(tmp_path / f"theta-{family}.safetensors") for family in runs]
    one, other = (session.theta for session in sessions)
    assert all(torch.equal(one[n], other[n]) for n in one if not n.startswith(vision.HANDS))
    assert not np.array_equal(one["head.weight"], other["head.weight"])
