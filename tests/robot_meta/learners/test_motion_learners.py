"""What holds for every learner of motion."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.func import vmap

from robot_meta import checkpoint, learners, loops
from robot_meta.config import as_dict
from robot_meta.errors import ConfigError
from robot_meta.learners.rls import RLS, ridge_step
from robot_meta.loops import TrainConfig
from robot_meta.motion import Steps, future_error, step_loss
from tests.robot_meta.bodies import BODY, chunk, motion

SETTINGS = {
    "grbal": {"net": {"hidden": [24, 24]}},
    "history": {"net": {"hidden": [24, 24], "context": 4}, "units": 16},
    "mb": {"net": {"hidden": [24, 24]}},
    "rebal": {"net": {"hidden": [24], "context": 24}},
    "rls": {"net": {"hidden": [24, 24]}},
}


def made(name, **more):
    settings = {"body": as_dict(BODY), "past": 6, "future": 5, **SETTINGS[name], **more}
    return learners.make_motion(name, settings)


def one(steps, i=0):
    return Steps(*(x[i] for x in steps))


ENSEMBLE = "an ensemble of grbal"


@pytest.fixture(params=[*sorted(SETTINGS), ENSEMBLE])
def learner(request):
    return made("grbal", members=2) if request.param == ENSEMBLE else made(request.param)


def test_names_every_learner():
    assert set(learners.motion_names()) == set(SETTINGS)
    with pytest.raises(ConfigError, match="grbal, history, mb, rebal, rls"):
        learners.make_motion("crystal_ball", {})


def test_where_in_the_world_a_robot_is_changes_nothing(learner):
    theta = learner.init(0)
    steps = one(motion(1, 6))
    moved = torch.zeros(4)
    moved[0] = 100.0
    far = Steps(steps.state + moved, steps.action, steps.after + moved)
    here = learner.predict(learner.adapt(theta, steps), steps.state, steps.action)
    there = learner.predict(learner.adapt(theta, far), far.state, far.action)
    assert torch.allclose(here, there, atol=1e-4)


def test_half_of_the_precision_predicts_nearly_the_same(learner):
    """Where a processor has bfloat16, plans are imagined with adapted parameters in it."""
    steps = one(motion(1, 6))
    phi = learner.adapt(learner.init(0), steps)
    half = {n: p.to(torch.bfloat16) for n, p in phi.items()}
    found, whole = (learner.predict(p, steps.state, steps.action) for p in (half, phi))
    assert torch.allclose(found, whole, atol=0.05)


def test_adaptation_leaves_theta_as_it_is(learner):
    theta = learner.init(0)
    before = {n: p.clone() for n, p in theta.items()}
    learner.adapt(theta, one(motion(1, 6)))
    assert all(torch.equal(theta[n], before[n]) for n in before)


def test_robots_batched_are_the_robots_alone(learner):
    theta = learner.init(0)
    task = chunk(3)
    batched = future_error(learner, theta, task)
    for i in range(3):
        phi = learner.adapt(theta, one(task.past, i))
        future = one(task.future, i)
        delta = learner.predict(phi, future.state, future.action)
        alone = (delta - (future.after - future.state)).square().mean(-1)
        assert torch.allclose(batched[i], alone, atol=1e-5)


def test_gradient_of_the_loss_is_that_of_finite_differences(learner):
    theta = {n: p.double() for n, p in learner.init(0).items()}
    for name in ("delta_mean", "delta_std", "input_mean", "input_std"):
        setattr(learner.net, name, getattr(learner.net, name).double())
    task = chunk(2)
    task = type(task)(*(Steps(*(x.double() for x in s)) for s in task))
    leaves = {n: p.requires_grad_() for n, p in theta.items()}
    loss, _ = learner.task_loss(leaves, task, 0)
    grads = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    rng = torch.Generator().manual_seed(1)
    for (name, p), grad in zip(leaves.items(), grads, strict=True):
        if grad is None:
            continue
        way = torch.randn(p.shape, generator=rng, dtype=p.dtype)
        h = 1e-5
        with torch.no_grad():
            up, _ = learner.task_loss({**leaves, name: p + h * way}, task, 0)
            down, _ = learner.task_loss({**leaves, name: p - h * way}, task, 0)
        numeric = ((up - down) / (2 * h)).item()
        assert (grad * way).sum().item() == pytest.approx(numeric, rel=1e-3, abs=1e-7), name


def test_survives_a_checkpoint(learner, tmp_path):
    theta = learner.init(3)
    checkpoint.save(tmp_path / "a.safetensors", theta, learner.config, learner.name)
    found = checkpoint.load(tmp_path / "a.safetensors")
    again = learners.make_motion(found.learner, found.config)
    steps = one(motion(1, 6))
    assert torch.equal(
        again.predict(again.adapt(found.params, steps), steps.state, steps.action),
        learner.predict(learner.adapt(theta, steps), steps.state, steps.action),
    )


@pytest.mark.parametrize("name", ["grbal", "rls", "history", "rebal"])
def test_what_was_meta_trained_predicts_an_unseen_robot_better_than_without_its_past(name):
    learner = made(name)

    def sample(rng):
        return chunk(32, seed=int(rng.integers(2**31)))

    steps = loops.meta_train(
        learner, learner.init(0), sample, TrainConfig(steps=400, tasks=1, rate=5e-3, warmup=10)
    )
    *_, last = steps
    held = chunk(64, seed=10**9)
    mixed = held._replace(past=Steps(*(x.roll(1, 0) for x in held.past)))
    with torch.no_grad():
        own = future_error(learner, last.averaged, held).mean()
        others = future_error(learner, last.averaged, mixed).mean()
    assert own < 0.8 * others


def test_zero_steps_are_the_identity():
    grbal = made("grbal", steps=0)
    theta = grbal.init(0)
    assert grbal.adapt(theta, one(motion(1, 6))) is theta
    mb = made("mb")
    assert mb.adapt(theta, one(motion(1, 6))) is theta


def test_dynamic_evaluation_descends_on_the_past():
    learner = made("mb", steps=3, rate=0.05)
    theta, past = learner.init(0), one(motion(1, 6))
    phi = learner.adapt(theta, past)
    assert step_loss(learner.net, phi, past) < step_loss(learner.net, theta, past)


def test_the_order_of_the_past_changes_no_gradient_step():
    learner, past = made("grbal"), one(motion(1, 6))
    theta = learner.init(0)
    mixed = Steps(*(x.flip(0) for x in past))
    a, b = learner.adapt(theta, past), learner.adapt(theta, mixed)
    assert all(torch.allclose(a[n], b[n], atol=1e-6) for n in a)


def test_the_closed_form_is_what_recursive_least_squares_comes_to():
    g = torch.Generator().manual_seed(0)
    features = torch.randn((6, 4), generator=g, dtype=torch.float64)
    residual = torch.randn((6, 3), generator=g, dtype=torch.float64)
    ridge = torch.tensor(0.7, dtype=torch.float64)
    weight = torch.zeros((4, 3), dtype=torch.float64)
    covariance = torch.eye(4, dtype=torch.float64) / ridge
    for x, y in zip(features, residual, strict=True):  # the recursion, a step at a time
        gain = covariance @ x / (1.0 + x @ covariance @ x)
        weight = weight + torch.outer(gain, y - weight.T @ x)
        covariance = covariance - torch.outer(gain, x @ covariance)
    dw, db = ridge_step(features, residual, ridge)
    assert torch.allclose(torch.cat([dw, db[:, None]], 1), weight.T)


def test_rls_with_an_endless_ridge_is_the_prior():
    learner = made("rls", ridge=1e12)
    assert isinstance(learner, RLS)
    theta, past = learner.init(0), one(motion(1, 6))
    phi = learner.adapt(theta, past)
    assert all(torch.allclose(phi[n], theta[n], atol=1e-6) for n in theta)


def test_settings_that_cannot_be_are_refused():
    for name, wrong in (
        ("grbal", {"alpha": -1.0}),
        ("mb", {"rate": float("nan")}),
        ("rls", {"ridge": 0.0}),
        ("history", {"net": {"context": 0}}),
        ("rebal", {"net": {"context": 0}}),
        ("mb", {"past": 0}),
        ("mb", {"net": {"hidden": []}}),
        ("mb", {"normal": {"input_mean": [0.0]}}),
    ):
        with pytest.raises(ConfigError):
            made(name, **wrong)
    with pytest.raises(ConfigError, match="entries"):
        replace(BODY, forward=9)


def test_batches_by_vmap_need_no_loop():
    learner = made("grbal")
    theta = learner.init(0)
    phi = vmap(lambda p: learner.adapt(theta, p))(motion(5, 6))
    assert phi["w0"].shape == (5, *theta["w0"].shape)
    assert np.isfinite(phi["w0"].numpy()).all()


@pytest.mark.parametrize("adapts", ["motors", "biases", "all"])
def test_steps_of_fixed_size_are_those_of_mb_online(adapts):
    """GrBAL differs from MB+DE in what its parameters were trained for, and in learned sizes."""
    fixed = made("grbal", adapts=adapts, steps=2, learned=False, alpha=0.3, alpha_gain=0.3)
    plain = made("mb", adapts=adapts, steps=2, rate=0.3)
    theta, steps = fixed.init(0), one(motion(1, 6))
    assert set(theta) == set(plain.init(0)) < set(made("grbal", adapts=adapts).init(0))
    for name, p in fixed.adapt(theta, steps).items():
        assert torch.allclose(p, plain.adapt(theta, steps)[name], atol=1e-6), name
