from functools import partial

import numpy as np
import pytest
import torch
from torch.func import vmap

from robot_meta import learners
from robot_meta.checkpoint import Checkpoint
from robot_meta.config import as_dict
from robot_meta.ensemble import Ensemble, stacked, unstacked
from robot_meta.errors import ConfigError
from robot_meta.imagination import Folding, imagine
from robot_meta.motion import Steps
from robot_meta.motion_training import Start
from robot_meta.nets.dynamics import Normal
from robot_meta.online import OnlineAgent, OnlineConfig
from robot_meta.planning import PlanConfig
from tests.robot_meta.bodies import BODY, chunk, motion

NORMAL = Normal(
    input_mean=(0.1, -0.2, 0.3, 0.0, 0.1, -0.1),
    input_std=(1.0, 2.0, 0.5, 1.5, 0.7, 0.9),
    delta_mean=(0.01, 0.02, -0.03, 0.0),
    delta_std=(0.1, 0.2, 0.3, 0.4),
)


def made(members=3, name="grbal", **more):
    config = {"body": as_dict(BODY), "past": 4, "future": 3, "net": {"hidden": [12, 12]}, **more}
    return learners.make_motion(name, {**config, "members": members})


def one(steps):
    return Steps(*(x[0] for x in steps))


def test_members_begin_unlike_and_more_than_one_are_an_ensemble():
    ensemble = made()
    theta = ensemble.init(0)
    assert isinstance(ensemble, Ensemble)
    assert not isinstance(made(1), Ensemble)
    assert theta["w0"].shape[0] == 3
    assert not torch.equal(theta["w0"][0], theta["w0"][1])
    with pytest.raises(ConfigError, match="members"):
        made(0)


def test_each_adapts_without_the_others_and_their_mean_is_what_is_predicted():
    ensemble, alone, past = made(), made(1), one(motion(1, 4))
    theta = ensemble.init(0)
    phi = ensemble.adapt(theta, past)
    own = [alone.adapt(each, past) for each in unstacked(theta)]
    assert all(torch.allclose(phi[n], p, atol=1e-6) for n, p in stacked(own).items())
    each = torch.stack([alone.predict(p, past.state, past.action) for p in own])
    assert torch.allclose(ensemble.predict(phi, past.state, past.action), each.mean(0), atol=1e-6)


def test_what_one_learns_is_nothing_to_the_others():
    ensemble, alone, task = made(), made(1), chunk(2, past=4, future=3)
    theta = {n: p.requires_grad_() for n, p in ensemble.init(0).items()}
    loss, _ = ensemble.task_loss(theta, task, 0)
    gradient = torch.autograd.grad(loss, theta["w1"])[0]
    single = {n: p[1].detach().requires_grad_() for n, p in theta.items()}
    own = torch.autograd.grad(alone.task_loss(single, task, 0)[0], single["w1"])[0]
    assert torch.allclose(3.0 * gradient[1], own, atol=1e-6)


@pytest.mark.parametrize("robots", [1, 2])
def test_a_candidate_earns_the_mean_of_what_each_member_imagines(robots):
    ensemble, alone = made(normal=as_dict(NORMAL)), made(1, normal=as_dict(NORMAL))
    generator = torch.Generator().manual_seed(0)
    start = torch.randn((robots, 4), generator=generator)
    candidates = 2.0 * torch.rand((robots, 5, 6, 2), generator=generator) - 1.0
    theta, past = ensemble.init(0), motion(robots, 4)
    with torch.no_grad():
        phi = vmap(lambda p: ensemble.adapt(theta, p))(past)
        fast = Folding(ensemble.net)(vmap(ensemble.plain)(phi))(start, candidates)
        each = []
        for i in range(3):
            member = {n: p[:, i] for n, p in phi.items()}
            predict = partial(vmap(alone.predict), member)
            each.append(imagine(BODY.reward, predict, start, candidates))
    assert torch.allclose(fast, torch.stack(each).mean(0), atol=1e-4)


def saved(learner, params):
    config = as_dict(learner.config)
    return Checkpoint(
        params=params, config=config, learner=learner.name, kind="theta", format=1, sha256=""
    )


def test_single_models_of_other_figures_become_members_that_say_the_same():
    other = Normal(input_mean=(0.3,) * 6, input_std=(1.5,) * 6, delta_std=(0.3,) * 4)
    pair = [made(1, normal=as_dict(normal)) for normal in (NORMAL, other)]
    generator = torch.Generator().manual_seed(0)
    thetas = [each.init(i) for i, each in enumerate(pair)]
    for theta in thetas:
        theta["offset"] = 0.1 * torch.randn(3, generator=generator)
        theta["gain"] = torch.rand(2, generator=generator)
    start = Start.ensemble([saved(*both) for both in zip(pair, thetas, strict=True)])
    ensemble, steps = made(2, normal=start.normal), one(motion(1, 4))
    asked = steps.state, steps.action
    mean = torch.stack([a.predict(t, *asked) for a, t in zip(pair, thetas, strict=True)]).mean(0)
    assert torch.allclose(ensemble.predict(start.params, *asked), mean, atol=1e-5)


def test_what_cannot_be_members_is_refused():
    good = saved(made(1), made(1).init(0))
    wide = made(1, net={"hidden": [13, 12]})
    with pytest.raises(ConfigError, match="one size"):
        Start.ensemble([good, saved(wide, wide.init(0))])
    both = made(2)
    with pytest.raises(ConfigError, match="single models"):
        Start.ensemble([saved(both, both.init(0)), good])


@pytest.mark.parametrize("name", ["grbal", "history"])
def test_members_that_are_alike_decide_as_one_alone(name):
    """Over a few steps, adapting: with a plain network and with one that reads a context."""
    net = {"hidden": [12, 12], "context": 4 if name == "history" else 0}
    alone, twice = made(1, name, net=net), made(2, name, net=net)
    theta = alone.init(0)
    planner = PlanConfig(horizon=4, candidates=8, rounds=2, elites=3)
    config = OnlineConfig(planner=planner, guarded=False)
    agents = [
        OnlineAgent(learner, params, config, 2, torch.Generator().manual_seed(0))
        for learner, params in ((alone, theta), (twice, stacked([theta, theta])))
    ]
    rng = np.random.default_rng(0)
    for _ in range(7):
        states, pending = rng.standard_normal((2, 4)), rng.uniform(-1, 1, (2, 2))
        first, second = (agent.act(states, pending) for agent in agents)
        assert np.allclose(first, second, atol=1e-5)
