import numpy as np
import torch

from robot_meta import learners
from robot_meta.course import straight
from robot_meta.following import Follower, Pace, Wanderer, followed, seconds
from robot_meta.online import OnlineAgent, OnlineConfig
from robot_meta.planning import PlanConfig

BODY = {"state": 4, "action": 2, "hidden": [0, 1], "forward": 0, "dt_s": 0.05, "action_cost": 0.0}
PLANNER = PlanConfig(horizon=3, candidates=64, rounds=3, elites=6, beta=0.0)


def point(robots):
    """A robot that is a point: a motor moves it 0.1 m a step along an axis; theta knows."""
    normal = {"input_std": [1.0] * 6, "delta_std": [0.1, 0.1, 1.0, 1.0]}
    config = {
        "body": {**BODY, "plane": [0, 1]},
        "normal": {**normal, "input_mean": [0.0] * 6, "delta_mean": [0.0] * 4},
        "net": {"hidden": [4]},
        "past": 3,
    }
    learner = learners.make_motion("mb", config)
    theta = {n: torch.zeros_like(p) for n, p in learner.init(0).items()}
    theta["gain"] += 1.0
    # silu(u) - silu(-u) = u: the layers together are the identity of both actions.
    theta["w0"][:, 2:] = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    theta["w1"][0, :2] = torch.tensor([1.0, -1.0])
    theta["w1"][1, 2:] = torch.tensor([1.0, -1.0])
    config = OnlineConfig(planner=PLANNER, online="off")
    return OnlineAgent(learner, theta, config, robots, torch.Generator().manual_seed(0))


def driven(actor, states, steps):
    """Positions (B, T + 1, 2)."""
    pending, out = np.zeros((len(states), 2)), [states[:, :2].copy()]
    for _ in range(steps):
        chosen = actor.act(states, pending)
        states = states + np.concatenate([0.1 * pending, np.zeros_like(pending)], -1)
        out.append(states[:, :2].copy())
        pending = chosen
    return np.stack(out, 1)


def test_a_robot_comes_back_to_the_course_and_stops_at_its_end():
    states = np.zeros((2, 4))
    states[1, 1] = 0.7
    course, pace = straight(2.0), Pace(speed_mps=1.0, look_m=0.3)
    positions = driven(Follower(point(2), course, pace), states, 90)
    assert np.abs(positions[:, 30:, 1]).max() < 0.15
    assert np.allclose(positions[:, -1], course.points[-1], atol=0.2)
    speed = np.diff(positions[0, 5:30, 0]) / 0.05
    assert abs(speed.mean() - 1.0) < 0.2
    assert seconds(course, pace) == 1.5 * 2.0


def test_what_was_followed_is_told_in_metres_and_shares():
    course = straight(2.0)
    x = np.linspace(0.0, 1.0, 41)
    beside = np.stack([x, np.full_like(x, 0.3)], -1)
    found = followed(course, np.stack([beside, np.zeros_like(beside)]))
    assert np.allclose(found.off_m, [0.3, 0.0], atol=0.03)
    assert np.allclose(found.done, [20 / 39, 0.0])


def test_wandering_goes_all_ways():
    actor = Wanderer(point(8), np.random.default_rng(0), every=10, most_mps=2.0)
    positions = driven(actor, np.zeros((8, 4)), 60)
    steps = np.diff(positions, axis=1).reshape(-1, 2)
    assert (steps.max(0) > 0.02).all()
    assert (steps.min(0) < -0.02).all()
