import dataclasses

import pytest
import torch

from robot_meta.body import Body
from robot_meta.errors import ConfigError
from tests.robot_meta.bodies import BODY


def test_reward_is_progress_less_effort():
    delta, action = torch.tensor([0.1, 5.0, 5.0, 5.0]), torch.tensor([1.0, -0.5])
    assert BODY.reward(delta, delta, action).item() == pytest.approx(0.1 / 0.05 - 0.1 * 1.25)
    slow = dataclasses.replace(BODY, top_mps=1.5)
    assert slow.reward(delta, delta, action).item() == pytest.approx(1.5 - 0.1 * 1.25)


def test_sees_all_but_where_it_is():
    assert BODY.seen == [1, 2, 3]
    assert dataclasses.replace(BODY, turning=(2,)).seen == [1, 3]


def test_a_trunk_on_its_side_costs_and_on_its_back_twice_as_much():
    whole = {"state": 9, "action": 1, "hidden": (0, 1), "forward": 0, "dt_s": 0.05}
    rest = {"plane": (0, 1), "velocity": (7, 8), "trunk": (2, 3, 4, 5), "tip_cost": 3.0}
    body = Body(**whole, action_cost=0.0, **rest)
    delta, still = torch.zeros(3, 9), torch.zeros(3, 1)
    after = torch.zeros(3, 9)
    half = 0.5**0.5
    after[:, 2:6] = torch.tensor([[half, 0, 0, half], [half, half, 0, 0], [0, 0, 1, 0]])
    assert torch.allclose(body.reward(after, delta, still), torch.tensor([0.0, -3.0, -6.0]))


def test_a_lean_at_the_end_of_a_plan_counts_for_longer_and_no_other_does():
    whole = {"state": 9, "action": 1, "hidden": (0, 1), "forward": 0, "dt_s": 0.05}
    rest = {"plane": (0, 1), "velocity": (7, 8), "trunk": (2, 3, 4, 5), "tip_cost": 3.0}
    body = Body(**whole, action_cost=0.0, **rest)
    half = 0.5**0.5
    side, up = torch.tensor([half, half, 0, 0]), torch.tensor([1.0, 0, 0, 0])
    after = torch.zeros(2, 3, 9)
    after[0, :, 2:6] = torch.stack([side, side, up])
    after[1, :, 2:6] = torch.stack([up, up, side])
    asked = after, torch.zeros(2, 3, 9), torch.zeros(2, 3, 1)
    found = body.ending(body.reward, 5.0)(*asked)
    assert torch.allclose(found, torch.tensor([[-3.0, -3.0, 0.0], [0.0, 0.0, -18.0]]))
    assert torch.equal(body.ending(body.reward, 0.0)(*asked), body.reward(*asked))


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": 0},
        {"dt_s": float("nan")},
        {"hidden": (4,)},
        {"turning": (-1,)},
        {"forward": -1},
        {"trunk": (0, 1, 2)},
    ],
)
def test_bodies_that_cannot_be_are_refused(wrong):
    whole = {"state": 4, "action": 2, "hidden": (0,), "forward": 0, "dt_s": 0.05}
    with pytest.raises(ConfigError):
        Body(**{**whole, "action_cost": 0.1, **wrong})


def test_going_where_one_is_told_is_worth_most():
    body = dataclasses.replace(BODY, plane=(0, 1))
    goal = torch.tensor([[2.0, 0.0], [0.0, -1.0]])
    reward = body.towards(goal)
    delta = torch.tensor([[0.1, 0.0, 9.0, 9.0], [0.1, 0.0, 9.0, 9.0]])[:, None]
    action = torch.zeros(2, 1, 2)
    assert torch.allclose(reward(delta, delta, action)[:, 0], torch.tensor([0.0, -(5.0**0.5)]))
    costly = reward(delta, delta, action + 1.0)
    assert torch.allclose(costly, reward(delta, delta, action) - 2.0 * body.action_cost)
    with pytest.raises(ConfigError, match="along a line"):
        BODY.towards(goal)
