"""DAML: a learned loss of pictures alone adapts, and is trained through the step it takes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from robot_meta.data.batches import sample_filmed
from robot_meta.data.demo_set import DemoSet
from robot_meta.data.video_set import VideoSet
from robot_meta.learners import daml, make
from robot_meta.nets.temporal import PSI, TemporalConfig
from robot_meta.nets.vision import VisionConfig
from robot_meta.types import Demo
from tests import linear

NET = VisionConfig(
    image=(16, 16),
    skip_rows=0,
    channels=(4, 8),
    kernels=(3, 3),
    strides=(2, 2),
    groups=2,
    embed=8,
    hidden=8,
)
FORMS = ("temporal", "linear", "pose")


def learner(form="temporal", **settings):
    learned = TemporalConfig(form=form, channels=(8, 8, 4), kernels=(3, 3, 1))
    return daml.Daml(
        daml.DamlConfig(net=NET, learned=learned, video_frames=4, query_frames=3, **settings)
    )


def sets(rng, tasks=3):
    n = (tasks, 2, 6)
    rgb = rng.integers(0, 256, (*n, 16, 16, 3), np.uint8)
    marker = rng.normal(0.5, 0.1, (*n, 2, 2)).astype(np.float32)
    state = rng.normal(0.3, 0.1, (*n, 4)).astype(np.float32)
    robots = DemoSet(
        rgb=rgb,
        state=state,
        action=0.05 * rng.random((*n, 4), np.float32),
        before=rng.random(n) < 0.5,
        keypose=rng.normal(0.4, 0.1, (tasks, 2, 2, 3)).astype(np.float32),
        marker=marker,
    )
    return VideoSet(rng.integers(0, 256, (*n, 16, 16, 3), np.uint8), marker), robots


def human(rng, frames=9):
    seen = linear.demo(int(rng.integers(1000)), frames, size=16)
    return Demo(frames=seen.frames, actions=None, kind="human")


@pytest.mark.parametrize("form", FORMS)
def test_the_gradient_reaches_the_learned_loss_through_the_inner_step(form, rng):
    made = learner(form)
    params = {n: p.double().requires_grad_() for n, p in made.init(0).items()}
    batch = sample_filmed(*sets(rng), made.settings, 2, rng)
    batch = batch._replace(**{k: getattr(batch, k).astype(float) for k in batch._fields[1:6]})
    loss, told = made.task_loss(params, batch, 10)
    names = [n for n in params if n.startswith(PSI)]
    gradients = torch.autograd.grad(loss, [params[n] for n in names])
    assert max(g.abs().max().item() for g in gradients) > 0
    name, gradient = max(zip(names, gradients, strict=True), key=lambda x: x[1].abs().max().item())
    at = int(gradient.abs().argmax())

    def shifted(by):
        moved = params[name].detach().clone()
        moved.reshape(-1)[at] += by
        return made.task_loss({**params, name: moved}, batch, 10)[0].item()

    numeric = (shifted(1e-5) - shifted(-1e-5)) / 2e-5
    assert gradient.reshape(-1)[at].item() == pytest.approx(numeric, rel=1e-3, abs=1e-7)
    assert set(told) == {"action", "approach", "thing", "destination", "hit", "misread"}


@pytest.mark.parametrize("form", ["temporal", "linear"])
def test_first_order_leaves_the_learned_loss_without_a_gradient(form, rng):
    made = learner(form, first_order_until=5)
    params = {n: p.requires_grad_() for n, p in made.init(0).items()}
    loss, _ = made.task_loss(params, sample_filmed(*sets(rng), made.settings, 2, rng), 0)
    names = [n for n in params if n.startswith(PSI)]
    found = torch.autograd.grad(loss, [params[n] for n in names], allow_unused=True)
    assert all(g is None or not g.abs().max() for g in found)


def test_only_pictures_in_their_order_matter(rng):
    made = learner()
    theta = made.init(0)
    demo = human(rng)
    phi = list(made.adapt(theta, [demo]))[-1][2]
    moved = Demo(
        frames=tuple(replace(f, ee_pos_m=f.ee_pos_m + 0.1, gripper_m=0.01) for f in demo.frames),
        actions=None,
        kind="human",
    )
    same = list(made.adapt(theta, [moved]))[-1][2]
    assert all(torch.equal(phi[n], same[n]) for n in phi)
    backward = Demo(frames=demo.frames[::-1], actions=None, kind="human")
    other = list(made.adapt(theta, [backward]))[-1][2]
    assert any(not torch.equal(phi[n], other[n]) for n in phi)


def test_the_linear_loss_does_not_know_the_order(rng):
    made = learner("linear")
    theta, demo = made.init(0), human(rng, frames=4)
    backward = Demo(frames=demo.frames[::-1], actions=None, kind="human")
    one, other = (next(iter(made.adapt(theta, [d])))[1] for d in (demo, backward))
    assert one == pytest.approx(other, rel=1e-5)


@pytest.mark.parametrize("form", FORMS)
def test_adapting_moves_what_is_fast_and_nothing_else(form, rng):
    made = learner(form)
    theta = made.init(0)
    steps = list(made.adapt(theta, [human(rng)], steps=2))
    assert [k for k, _, _ in steps] == [0, 1, 2]
    phi = steps[-1][2]
    moved = {n for n in theta if not torch.equal(theta[n], phi[n])}
    assert "query.weight" in moved
    assert not any(n.startswith(("conv", "norm", "place", "watch", PSI, "alpha.")) for n in moved)


def test_the_pose_loss_falls(rng):
    made = learner("pose")
    losses = [value for _, value, _ in made.adapt(made.init(0), [human(rng)])]
    assert losses[-1] < losses[0]


def test_a_checkpoints_config_makes_the_same_learner():
    made = learner("linear")
    again = make("daml", made.config)
    assert again.settings == made.settings
    assert {n: p.shape for n, p in again.init(0).items()} == {
        n: p.shape for n, p in made.init(0).items()
    }
