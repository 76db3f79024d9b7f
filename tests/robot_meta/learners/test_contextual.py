"""Conditioned imitators: what of a demonstration reaches the policy, and by which parameters."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from robot_meta.data.batches import sample_filmed
from robot_meta.data.video_set import VideoSet
from robot_meta.learners import contextual, make, waypoints
from robot_meta.nets.context import PREFIX, ContextConfig
from robot_meta.types import Demo
from tests import blobs

FORMS = ["contextual", "lstm"]


def learner(form="contextual", kind=contextual.Contextual, config=contextual.ContextualConfig):
    base = blobs.config()
    return kind(
        config(
            net=base.net,
            cells=base.cells,
            sigma_m=base.sigma_m,
            query_frames=3,
            video_frames=4,
            context=ContextConfig(form=form, size=12, kernel=3),
        )
    )


def driving():
    return learner("contextual", waypoints.Waypoints, waypoints.WaypointsConfig)


@pytest.fixture(scope="module")
def data():
    return blobs.demo_set(0, tasks=6)


def awake(made, seed=0):
    """Parameters of which what was shown moves a lot."""
    theta = made.init(seed)
    return {n: p * 20 if n == PREFIX + "deltas1.weight" else p for n, p in theta.items()}


@pytest.mark.parametrize("form", FORMS)
def test_the_gradient_of_the_outer_loss_is_right(form, data, rng):
    made = learner(form)
    params = {n: p.double().requires_grad_() for n, p in awake(made).items()}
    batch = sample_filmed(VideoSet(data.rgb, data.marker), data, made.settings, 2, rng)
    arrays = [n for n in batch._fields if n not in ("rgb", "support")]
    batch = batch._replace(**{n: getattr(batch, n).astype(float) for n in arrays})
    loss, told = made.task_loss(params, batch, 0)
    names = [n for n in params if n.startswith(PREFIX)]
    found = torch.autograd.grad(loss, [params[n] for n in names])
    assert set(told) == {"action", "approach", "thing", "destination", "hit", "misread"}
    for name, gradient in zip(names, found, strict=True):
        at = int(gradient.abs().argmax())

        def shifted(by, name=name, at=at):
            moved = params[name].detach().clone()
            moved.reshape(-1)[at] += by
            return made.task_loss({**params, name: moved}, batch, 0)[0].item()

        numeric = (shifted(1e-6) - shifted(-1e-6)) / 2e-6
        assert gradient.reshape(-1)[at].item() == pytest.approx(numeric, rel=2e-3, abs=1e-6), name


@pytest.mark.parametrize("form", FORMS)
def test_what_was_shown_moves_where_the_policy_looks_and_nothing_else(form, data):
    made = learner(form)
    theta = awake(made)
    (_, _, same), (_, _, phi) = made.adapt(theta, [blobs.demo(data, 0)])
    assert all(torch.equal(same[n], theta[n]) for n in theta)
    moved = {n for n in theta if not torch.equal(theta[n], phi[n])}
    assert moved == {"film.gain", "film.bias", "query.weight", "bias_transform"}
    other = list(made.adapt(theta, [blobs.demo(data, 1)]))[-1][2]
    assert not torch.allclose(phi["query.weight"], other["query.weight"])


@pytest.mark.parametrize("form", FORMS)
def test_the_order_of_the_frames_matters(form, data):
    made, shown = learner(form), blobs.demo(data, 0)
    theta = awake(made)
    backward = Demo(frames=shown.frames[::-1], actions=shown.actions[::-1], kind="robot")
    one, other = (list(made.adapt(theta, [d]))[-1][2]["query.weight"] for d in (shown, backward))
    assert not torch.allclose(one, other)


@pytest.mark.parametrize("form", FORMS)
def test_states_and_actions_count_where_they_came_and_are_not_missed_where_they_did_not(form, data):
    made, shown = learner(form), blobs.demo(data, 0)
    theta = awake(made)
    still = replace(shown, actions=None, kind="human")
    blind = replace(
        still,
        frames=tuple(
            replace(f, ee_pos_m=np.full(3, np.nan), gripper_m=np.nan) for f in shown.frames
        ),
    )
    found = [list(made.adapt(theta, [d]))[-1][2]["query.weight"] for d in (shown, still, blind)]
    assert all(torch.isfinite(f).all() for f in found)
    assert not torch.allclose(found[0], found[1])
    assert not torch.allclose(found[1], found[2])


def test_several_demonstrations_are_averaged(data):
    made, shown = learner(), blobs.demo(data, 0)
    theta = awake(made)
    one, two = (list(made.adapt(theta, [shown] * k))[-1][2] for k in (1, 2))
    assert all(torch.allclose(one[n], two[n], atol=1e-6) for n in one)


def test_a_checkpoints_config_makes_the_same_learner():
    for made in (learner("lstm"), driving()):
        again = make(made.name, made.config)
        assert again.settings == made.settings
        shapes = ({n: p.shape for n, p in each.init(0).items()} for each in (again, made))
        assert next(shapes) == next(shapes)


# --- waypoints ----------------------------------------------------------------------------------


def fixed_plan(made, ahead):
    """Parameters whose waypoints lie `ahead` (AHEAD, 3) m from the tip, whatever is seen."""
    theta = made.init(0)
    out = theta["way.bias"].reshape(len(ahead), -1).clone()
    out[:, :3] = torch.tensor(ahead) / waypoints.AWAY_M
    out[:, 3 + 8] = 50.0  # the ninth of 17 openings: 4 cm
    return {
        **theta,
        "way.weight": torch.zeros_like(theta["way.weight"]),
        "way.bias": out.reshape(-1),
    }


def test_the_next_waypoint_is_reached_in_its_time(data):
    made = driving()
    phi = fixed_plan(made, [[0.04, 0.0, -0.02], [0.08, 0.0, -0.02], [0.08, 0.0, -0.02]])
    frame, memory = blobs.demo(data, 0).frames[0], None
    start, plans = frame.ee_pos_m, set()
    for _ in range(made.settings.replan):
        action, memory = made.act(phi, frame, memory)
        plans.add(memory.waypoints.tobytes())
        frame = replace(frame, ee_pos_m=frame.ee_pos_m + 0.1 * action[:3])
    moved = (frame.ee_pos_m - start) / (0.1 * made.settings.replan)
    assert moved == pytest.approx(np.array([0.04, 0.0, -0.02]) / made.settings.stretch_s, abs=1e-5)
    assert action[3] == pytest.approx(0.04)
    assert len(plans) == 1
    _, memory = made.act(phi, frame, memory)
    assert memory.waypoints.tobytes() not in plans, "planned anew"


def test_waypoints_are_learned_from_the_frames_that_follow(data, rng):
    made = driving()
    batch = sample_filmed(VideoSet(data.rgb, data.marker), data, made.settings, 2, rng)
    theta = made.init(0)
    loss = made.task_loss(theta, batch, 0)[0].item()
    moved = made.task_loss(theta, batch._replace(ahead=batch.ahead + 0.1), 0)[0].item()
    assert moved != pytest.approx(loss, rel=1e-3)
    other = made.task_loss(theta, batch._replace(action=batch.action + 0.1), 0)[1]
    assert other["action"] == pytest.approx(made.task_loss(theta, batch, 0)[1]["action"], rel=0.1)
