"""Behaviour cloning fine-tuned on a demonstration."""

import numpy as np
import pytest
import torch

from robot_meta.data.batches import sample_shown
from robot_meta.data.demo_set import evidence
from robot_meta.errors import DemoFormatError
from robot_meta.learners import finetune
from robot_meta.nets import vision
from robot_meta.types import Demo
from tests import blobs


def learner(**changes):
    base = blobs.config()
    given = {"net": base.net, "cells": base.cells, "sigma_m": base.sigma_m, "query_frames": 3}
    return finetune.FineTune(finetune.FineTuneConfig(**given, support_frames=(4, 2), **changes))


@pytest.fixture(scope="module")
def data():
    return blobs.demo_set(0, tasks=4)


def test_the_loss_falls_and_the_encoder_stays(data):
    made = learner(steps=32, rate=1e-2)
    theta = made.init(0)
    steps = list(made.adapt(theta, [blobs.demo(data, 0)]))
    assert [k for k, _, _ in steps] == list(range(33))
    assert all(torch.equal(steps[0][2][n], theta[n]) for n in theta), "no step is the identity"
    assert steps[-1][1] < 0.7 * steps[0][1], "both are of the first copy"
    kept = [n for n in theta if torch.equal(theta[n], steps[-1][2][n])]
    assert {n for n in theta if n.startswith(vision.SLOW)} <= set(kept)
    assert {n for n in theta if n.startswith(vision.EYES)}.isdisjoint(kept)
    assert "head.weight" in kept, "how to move a single demonstration does not tell"


def test_what_moves_is_a_setting(data):
    made = learner(steps=2, adapted=("head",))
    theta = made.init(0)
    *_, (_, _, phi) = made.adapt(theta, [blobs.demo(data, 0)])
    moved = {n for n in theta if not torch.equal(theta[n], phi[n])}
    assert moved == {"head.weight", "head.bias"}


def test_copies_are_the_demonstration_itself_or_its_mirror_image(data, rng):
    shown = evidence([blobs.demo(data, 0)] * 12, (4, 2))
    copies = finetune.copied(shown, rng)
    turned = np.isclose(copies.keypose[:, 0, 1], -shown.keypose[0, 0, 1])
    assert 0 < turned.sum() < 12
    for of, way in ((~turned, 1), (turned, -1)):
        for name in ("state", "action", "keypose"):
            own, given = getattr(copies, name)[of], getattr(shown, name)[0]
            assert np.allclose(own[..., 1], way * given[..., 1])
            assert np.allclose(np.delete(own, 1, -1), np.delete(given, 1, -1))
        # Light changes a picture little; a mirror puts bright things elsewhere.
        for picture in copies.rgb[of]:
            seen = np.corrcoef(picture.ravel(), shown.rgb[0][:, :, ::way].ravel())[0, 1]
            other = np.corrcoef(picture.ravel(), shown.rgb[0][:, :, ::-way].ravel())[0, 1]
            assert seen > other
    assert not np.array_equal(copies.rgb[~turned][0], copies.rgb[~turned][1])


def test_a_film_cannot_be_cloned(data):
    made, shown = learner(), blobs.demo(data, 0)
    film = Demo(frames=shown.frames, actions=None, kind="human")
    with pytest.raises(DemoFormatError, match="without actions cannot be cloned"):
        list(made.adapt(made.init(0), [film]))


def test_training_does_not_look_at_what_shows_the_task(data, rng):
    made = learner()
    batch = sample_shown(None, data, (2, 3), {"robot": 1.0}, 2, rng)
    theta = made.init(0)
    loss = made.task_loss(theta, batch, 0)[0].item()
    rgb = batch.rgb.copy()
    rgb[:, : batch.support] = 0
    assert made.task_loss(theta, batch._replace(rgb=rgb), 0)[0].item() == pytest.approx(loss)


def test_told_hands_are_trained_on_where_things_are_and_others_on_what_is_seen(data, rng):
    batch = sample_shown(None, data, (2, 3), {"robot": 1.0}, 2, rng)
    elsewhere = batch._replace(marker=batch.marker + np.float32(0.1))
    for told in (True, False):
        made = learner(told=told)
        theta = made.init(0)
        here, there = (made.task_loss(theta, b, 0)[1]["action"] for b in (batch, elsewhere))
        assert (here != there) == told
        # What the hands get wrong is no matter of the eyes, if they were told.
        theta = {n: p.requires_grad_() for n, p in theta.items()}
        query = {**theta, "query.weight": theta["query.weight"] + 0.5}
        assert (made.task_loss(query, batch, 0)[1]["action"] == here) == told
