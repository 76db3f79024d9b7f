from functools import partial

import pytest
import torch
from torch.func import vmap

from robot_meta import learners
from robot_meta.body import Body
from robot_meta.config import as_dict
from robot_meta.frame import turned
from robot_meta.imagination import WORST, Folding, imagine, within_reason
from robot_meta.nets.dynamics import Normal
from robot_meta.online import OnlineAgent, OnlineConfig
from tests.robot_meta.bodies import BODY, motion

NORMAL = Normal(
    input_mean=(0.1, -0.2, 0.3, 0.0, 0.1, -0.1),
    input_std=(1.0, 2.0, 0.5, 1.5, 0.7, 0.9),
    delta_mean=(0.01, 0.02, -0.03, 0.0),
    delta_std=(0.1, 0.2, 0.3, 0.4),
)


def learner(name, turning=(2,)):
    config = {
        "body": {**as_dict(BODY), "turning": turning},
        "normal": as_dict(NORMAL),
        "past": 3,
        "future": 3,
    }
    return learners.make_motion(name, config)


def judged(robots=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    start = torch.randn((robots, 4), generator=generator)
    return start, 2.0 * torch.rand((robots, 7, 5, 2), generator=generator) - 1.0


def adapted(one, robots):
    theta = one.init(0)
    with torch.no_grad():
        return vmap(lambda past: one.adapt(theta, past))(motion(robots, 3))


@pytest.mark.parametrize("robots", [1, 3])
@pytest.mark.parametrize("name", ["grbal", "mb", "rls", "history"])
def test_a_folded_network_imagines_what_the_learner_predicts(name, robots):
    one = learner(name)
    phi, asked = adapted(one, robots), judged(robots)
    with torch.no_grad():
        slow = imagine(BODY.reward, partial(vmap(one.predict), phi), *asked)
        fast = Folding(one.net)(vmap(one.plain)(phi))(*asked)
    assert torch.allclose(fast, slow, atol=1e-4)


def test_a_robot_with_a_trunk_is_imagined_from_where_it_faces():
    """The folded network turns states and changes as the agent's own prediction does."""
    body = Body(
        **{"state": 9, "action": 2, "hidden": (0, 1), "forward": 0, "dt_s": 0.05},
        **{"plane": (0, 1), "velocity": (7, 8), "trunk": (2, 3, 4, 5)},
        **{"action_cost": 0.1, "top_mps": 0.5, "tip_cost": 1.0},
    )
    generator = torch.Generator().manual_seed(0)
    std = (0.5 + torch.rand(9, generator=generator)).tolist()
    normal = {"input_mean": [0.1] * 11, "input_std": [*std, 1.0, 1.0], "delta_mean": [0.02] * 9}
    normal["delta_std"] = [0.05 * each for each in std]
    one = learners.make_motion("mb", {"body": as_dict(body), "normal": normal})
    theta = one.init(0)
    start = torch.randn((2, 9), generator=generator)
    start[:, 2:6] /= start[:, 2:6].norm(dim=-1, keepdim=True)
    asked = start, 2.0 * torch.rand((2, 7, 5, 2), generator=generator) - 1.0
    agent = OnlineAgent(one, theta, OnlineConfig(online="off"), 2, generator)
    with torch.no_grad():
        slow = imagine(body.reward, partial(agent._predict, agent.phi), *asked)
        fast = Folding(one.net)(vmap(one.plain)(agent.phi))(*asked)
        turn = torch.tensor([0.6, 0.8])
        away = Folding(one.net)(vmap(one.plain)(agent.phi), body.towards(turn.new_zeros(2, 2)))
        there = away(turned(body, start, turn.expand(2, 2)), asked[1])
        here = away(*asked)
    assert torch.allclose(fast, slow, atol=1e-4)
    assert torch.allclose(there, here, atol=1e-4)  # standing still is the same whichever way


def test_half_precision_is_near():
    one = learner("grbal")
    phi, asked = adapted(one, 1), judged(1)
    with torch.no_grad():
        full = Folding(one.net)(vmap(one.plain)(phi))(*asked)
        half = Folding(one.net, torch.bfloat16)(vmap(one.plain)(phi))(*asked)
    spread = full.sum(-1).std()
    assert not torch.equal(full, half)
    assert ((full - half).sum(-1).abs() < 0.1 * spread).all()


def test_robots_are_imagined_by_their_own_models():
    one = learner("grbal")
    phi, (start, candidates) = adapted(one, 2), judged(2)
    layers = vmap(one.plain)(phi)
    with torch.no_grad():
        both = Folding(one.net)(layers)(start, candidates)
        second = Folding(one.net)({n: p[1:] for n, p in layers.items()})(start[1:], candidates[1:])
        wrong = Folding(one.net)({n: p[:1] for n, p in layers.items()})(start[1:], candidates[1:])
    assert torch.allclose(both[1:], second, atol=1e-5)
    assert not torch.allclose(both[1:], wrong, atol=1e-4)


def test_what_no_model_sees_changes_nothing():
    one = learner("grbal")
    phi, (start, candidates) = adapted(one, 1), judged(1)
    far = start + torch.tensor([100.0, 0.0, 0.0, 0.0])
    with torch.no_grad():
        folded = Folding(one.net)(vmap(one.plain)(phi))
        assert torch.allclose(folded(start, candidates), folded(far, candidates), atol=1e-3)


def test_rewards_are_numbers():
    odd = torch.tensor([float("nan"), float("inf"), -float("inf"), 1.0])
    assert within_reason(odd).tolist() == [WORST, -WORST, WORST, 1.0]
