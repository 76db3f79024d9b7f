import numpy as np
import pytest
import torch

from robot_meta import learners
from robot_meta.config import as_dict
from robot_meta.errors import ConfigError, ObservationError
from robot_meta.lag import lagged
from robot_meta.online import OnlineAgent, OnlineConfig
from robot_meta.planning import PlanConfig
from tests.robot_meta.bodies import BODY

PLANNER = PlanConfig(horizon=4, candidates=32, rounds=2, elites=4)


def agent(name="grbal", robots=2, **more):
    learner = learners.make_motion(
        name, {"body": as_dict(BODY), "past": 3, "future": 3, "net": {"hidden": [16]}}
    )
    config = OnlineConfig(planner=PLANNER, **more)
    return OnlineAgent(learner, learner.init(0), config, robots, torch.Generator().manual_seed(0))


def drive(agent, ticks, robots=2, gain=1.0):
    """A world in which each motor moves the entries of the state by `gain`."""
    state, pending = np.zeros((robots, 4)), np.zeros((robots, 2))
    rng = np.random.default_rng(0)
    for _ in range(ticks):
        chosen = agent.act(state, pending)
        state = state + gain * np.repeat(pending, 2, 1) + 0.01 * rng.standard_normal(state.shape)
        pending = chosen
    return state, pending


def test_adapts_only_once_the_window_is_full_and_always_from_theta():
    a = agent(guarded=False)
    state, pending = np.zeros((2, 4)), np.zeros((2, 2))
    step = np.array([1.0, 0.0, 0.0, 0.0])  # where it is changes, what it sees does not
    for tick in range(6):
        a.act(state + tick * step, pending)
        expected = tick >= 3
        assert a.told.adapted.tolist() == [expected] * 2
    first = {n: p.clone() for n, p in a.phi.items()}
    a.act(state + 6 * step, pending)  # the same three changes again: from theta, the same phi
    assert all(torch.allclose(first[n], a.phi[n], atol=1e-6) for n in first)


def test_who_is_behind_goes_on_with_its_plan_and_forgets_no_step():
    a, b = agent(guarded=False), agent(guarded=False)
    state, pending = drive(a, 5)
    drive(b, 5)
    plan, phi = a.plan.clone(), {n: p.clone() for n, p in a.phi.items()}
    chosen = a.act(state, pending, behind=True)
    assert np.array_equal(chosen, plan[:, 1].double().numpy())
    assert torch.equal(a.plan[:, :-1], plan[:, 1:])
    assert all(torch.equal(phi[n], a.phi[n]) for n in phi)
    b.act(state, pending)
    # Then both adapt to the same three steps.
    for each in (a, b):
        each.act(state + 0.1, pending)
    assert all(torch.allclose(b.phi[n], a.phi[n], atol=1e-6) for n in phi)


def test_off_never_adapts_and_episode_adapts_once():
    off = agent(online="off")
    drive(off, 8)
    assert not off.told.adapted.any()
    once = agent(online="episode", guarded=False)
    drive(once, 4)
    first = {n: p.clone() for n, p in once.phi.items()}
    drive(once, 4)
    assert all(torch.equal(first[n], once.phi[n]) for n in first)


def test_a_model_that_predicts_worse_than_the_prior_is_given_up():
    a = agent()
    a.learner.adapt = lambda theta, past: {**theta, "b1": theta["b1"] + 50.0}  # type: ignore[method-assign]
    drive(a, 10)
    assert (a.told.error > 2 * a.told.prior_error).all()
    assert not a.told.adapted.any()


def test_the_plan_begins_at_the_predicted_next_state():
    """A change of the pending action alone changes what the plan starts from."""
    starts = []

    class Watched(OnlineAgent):
        def _imagine(self, phi, reward):
            judge = super()._imagine(phi, reward)

            def watched(start, candidates):
                starts.append(start.clone())
                return judge(start, candidates)

            return watched

    learner = agent().learner
    theta = learner.init(0)
    for push in (0.0, 1.0):
        one = Watched(
            learner, theta, OnlineConfig(planner=PLANNER), 1, torch.Generator().manual_seed(0)
        )
        one.act(np.zeros((1, 4)), np.full((1, 2), push))
    rounds = PLANNER.rounds
    state, action = torch.zeros(1, 4), torch.full((1, 2), 1.0)
    assert not torch.equal(starts[0], starts[rounds])
    assert torch.allclose(starts[rounds], state + learner.predict(theta, state, action))


def test_robots_do_not_see_each_other():
    together = agent(robots=2, guarded=False)
    states = np.random.default_rng(0).standard_normal((5, 2, 4))
    pending = np.zeros((2, 2))
    for s in states:
        together.act(s, pending)
    apart = agent(robots=1, guarded=False)
    for s in states[:, 1:]:
        apart.act(s, pending[:1])
    assert torch.allclose(together.phi["w0"][1], apart.phi["w0"][0], atol=1e-5)


def test_half_precision_plans_keep_actions_in_range():
    a = agent(half=True)
    _, pending = drive(a, 6)
    assert np.isfinite(pending).all()
    assert np.abs(pending).max() <= 1.0


def test_reset_forgets():
    a = agent(guarded=False)
    drive(a, 6)
    a.reset()
    assert not a.told.adapted.any()
    assert all(torch.equal(a.phi[n][0], p) for n, p in a.theta.items())


@pytest.mark.parametrize(
    ("states", "pending"),
    [
        (np.zeros((2, 3)), np.zeros((2, 2))),
        (np.zeros((1, 4)), np.zeros((2, 2))),
        (np.full((2, 4), np.nan), np.zeros((2, 2))),
        (np.zeros((2, 4)), np.full((2, 2), np.inf)),
    ],
)
def test_bad_observations_are_refused(states, pending):
    with pytest.raises(ObservationError):
        agent().act(states, pending)


def test_unknown_modes_are_refused():
    with pytest.raises(ConfigError, match="'sometimes'"):
        OnlineConfig(online="sometimes")


def test_a_late_action_leaves_the_rest_of_its_step_to_the_one_before():
    actions = torch.tensor([[[1.0], [0.0], [-1.0]]])
    late = lagged(actions, torch.tensor([[0.5]]), 0.25)
    assert torch.allclose(late, torch.tensor([[[0.875], [0.25], [-0.75]]]))
    assert lagged(actions, torch.zeros(1, 1), 0.0) is actions


def test_steps_and_candidates_count_as_what_the_robot_does_with_them():
    """With a lag, a step is learned from as its mean action, and a plan is judged as its own."""
    seen = []

    class Watched(OnlineAgent):
        def _imagine(self, phi, reward):
            def asked(start, candidates):
                seen.append(candidates)
                return candidates.sum(-1)

            return asked

    made = agent(robots=1, lag=0.5)
    a = Watched(made.learner, made.theta, made.config, 1, torch.Generator().manual_seed(0))
    first, second = np.array([[0.4, 0.0]]), np.array([[0.0, 0.8]])
    a.act(np.zeros((1, 4)), first)
    a.act(np.zeros((1, 4)), second)
    assert a._before is not None
    assert torch.allclose(a._before[1], torch.tensor([[0.2, 0.4]]))
    # The first half of the first step is what is being carried out now.
    assert (seen[-1][..., 0, 0] - 0.5 * second[0, 0]).abs().max() <= 0.5
    assert (seen[-1][..., 0, 1] - 0.5 * second[0, 1]).abs().max() <= 0.5
    a.reset()
    a.act(np.zeros((1, 4)), first)
    assert torch.allclose(a._before[1], torch.tensor([[0.2, 0.0]]))


def test_impossible_lags_are_refused():
    with pytest.raises(ConfigError, match=r"lag in \[0, 1\), got 1"):
        OnlineConfig(lag=1.0)
