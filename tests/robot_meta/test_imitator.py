"""How what an imitator sees becomes what it acts on."""

import numpy as np
import torch

from robot_meta.imitator import Imitator, ImitatorConfig
from robot_meta.nets import vision
from tests import linear
from tests.robot_meta.learners.test_daml import NET


def test_a_sharper_look_goes_to_the_likelier_of_two_places(rng):
    soft = Imitator(ImitatorConfig(net=NET))
    params = soft.init(0)
    params["query.weight"] = 10.0 * params["query.weight"]
    frame = linear.frame(rng, size=16)
    seen = soft.look(params, frame)
    likeliest = seen.place[0, seen.attention[0].argmax(0)]
    apart = []
    for power in (0.0, 2.0, 8.0, 64.0):
        sharp = Imitator(ImitatorConfig(net=NET, act_sharpness=power))
        apart.append((sharp.look(params, frame).where[0] - likeliest).norm(dim=-1).max().item())
    assert apart[0] == apart[1], "0 is the power of training, which is 2"
    assert apart[1] > apart[2] > apart[3]
    assert apart[3] < 1e-3


def test_training_looks_as_before(rng):
    made = [Imitator(ImitatorConfig(net=NET, act_sharpness=power)) for power in (0.0, 8.0)]
    params = made[0].init(0)
    features = made[0].see(params, rng.integers(0, 256, (3, 16, 16, 3), np.uint8))
    robot = [torch.rand(3, 4), torch.rand(3, 4), torch.ones(3), *torch.rand(2, 3, 2, 2)]
    one, other = (torch.stack(m.outer_terms(params, features, *robot)) for m in made)
    assert torch.equal(one, other)


def test_the_grid_is_square_unless_its_places_are_given():
    cells = Imitator(ImitatorConfig(net=NET)).init(0)["place.cells"]
    assert cells.shape == (16, 2)
    given = tuple((0.01 * i, 0.0) for i in range(16))
    placed = Imitator(ImitatorConfig(net=NET, cells=given)).init(0)["place.cells"]
    assert torch.equal(placed, torch.tensor(given))


def test_being_told_is_as_seeing_with_certainty(rng):
    made = Imitator(ImitatorConfig(net=NET))
    params = made.init(0)
    params["place.approach1"] = torch.rand(32, 2)
    seen = made.look(params, linear.frame(rng, size=16))
    told = vision.told(params, seen.place[:, [3, 7]])
    assert torch.equal(told.where[0], seen.place[0, [3, 7]])
    # Had the map been sure of those two cells, it would have said the same.
    expected = vision.approaches(params, seen.place, seen.place[:, 7:8])[:, 3]
    assert torch.allclose(told.start, expected)
    assert not torch.allclose(told.start, told.where[:, 0])
