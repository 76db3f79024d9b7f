"""Adaptation that is written down, against the learner's own."""

import pytest
import torch
from torch.func import vmap

from robot_meta import learners
from robot_meta.adaptation import Adaptation
from robot_meta.config import as_dict
from robot_meta.motion import Steps
from tests.robot_meta.bodies import BODY, motion


def learner(name, **more):
    config = {"body": as_dict(BODY), "past": 3, "future": 3, "net": {"hidden": [16]}, **more}
    return learners.make_motion(name, config)


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("grbal", {}),
        ("grbal", {"adapts": "all", "steps": 1}),
        ("grbal", {"learned": False}),
        ("mb", {"steps": 3}),
        ("mb", {}),
        ("history", {}),
        ("rls", {}),
    ],
)
def test_it_is_what_the_learner_makes_of_steps_it_was_not_written_down_on(name, more):
    one = learner(name, **more)
    theta = one.init(0)
    adapt = Adaptation(one, theta)
    with torch.no_grad():
        adapt(motion(2, 3))
        for robots in (2, 4):
            past = Steps(*(0.5 * x + 0.1 for x in motion(robots, 3)))
            wanted = vmap(lambda p: one.adapt(theta, p))(past)
            found = adapt(past)
            assert set(found) == set(wanted)
            for key in wanted:
                torch.testing.assert_close(found[key], wanted[key], rtol=1e-6, atol=1e-7)


def test_without_an_error_nothing_adapts_and_with_one_it_does():
    one = learner("grbal")
    adapt = Adaptation(one, one.init(0))
    with torch.no_grad():
        past = motion(1, 3)
        phi = adapt(past)
        still = past.state + one.predict(one.init(0), past.state[0], past.action[0])[None]
        again = adapt(Steps(past.state, past.action, still))
    assert not torch.allclose(phi["gain"], torch.ones_like(phi["gain"]))
    assert torch.allclose(again["gain"], torch.ones_like(again["gain"]), atol=1e-4)
