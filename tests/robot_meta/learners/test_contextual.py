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


def test_a_plan_stands_until_it_is_made_anew_and_is_driven_to(data):
    made = driving()
    theta = made.init(0)
    frame, memory = blobs.demo(data, 0).frames[0], None
    plans = []
    for _ in range(made.settings.replan + 1):
        action, memory = made.act(theta, frame, memory)
        plans.append(memory.legs.tobytes())
        way = memory.legs[0, :2] - frame.ee_pos_m[:2]
        assert action[:2] @ way > 0.0
        assert action[3] == memory.legs[0, 4]
        frame = replace(frame, ee_pos_m=frame.ee_pos_m + 0.1 * action[:3])
    assert len(set(plans[:-1])) == 1
    assert plans[-1] != plans[0], "planned anew"


def test_waypoints_lie_where_the_policy_looks(data):
    made = driving()
    theta = {n: torch.zeros_like(p) if "way." in n else p for n, p in made.init(0).items()}
    frame = blobs.demo(data, 0).frames[0]
    seen = made.look(theta, frame)
    _, memory = made.act(theta, frame, None)
    assert np.allclose(memory.legs[0, :2], seen.start[0], atol=1e-6)
    assert np.allclose(memory.legs[1:, :2], seen.where[0, 1], atol=1e-6)


def test_waypoints_are_learned_from_the_legs_of_the_demonstration(data, rng):
    made = driving()
    batch = sample_filmed(VideoSet(data.rgb, data.marker), data, made.settings, 2, rng)
    theta = made.init(0)
    _, told = made.task_loss(theta, batch, 0)
    for at, by in ((np.s_[..., :4], 0.1), (np.s_[..., 4], -0.02)):
        moved = batch.legs.copy()
        moved[at] += by
        other = made.task_loss(theta, batch._replace(legs=moved), 0)[1]
        assert other["action"] != pytest.approx(told["action"], rel=1e-3)
    # What the robot did in the frames to be judged by is not asked for.
    judged = batch.action.copy()
    judged[:, batch.support :] = 0.0
    other = made.task_loss(theta, batch._replace(action=judged), 0)[1]
    assert other["action"] == pytest.approx(told["action"])
