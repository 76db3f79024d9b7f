"""What every segmenter owes, and what tells them apart."""

import numpy as np
import pytest
import torch

from robot_meta.errors import ConfigError
from robot_meta.segmentation import table, training
from robot_meta.segmentation.episodes import Clicking, Shown, draw
from robot_meta.segmentation.losses import overlap
from tests.robot_meta.segmentation.tables import tables

NET = {"net": {"widths": [8, 8, 8], "features": 8}}
SMALL = {"guided": {**NET, "hidden": 8}, "oslsm": NET, "foreground": NET, "colour": {}}


def made(name, **over):
    learner = table.make(name, {**SMALL[name], **over})
    return learner, learner.init(0)


def episode(shots=1, positive=5, negative=2):
    how = Clicking(shots=shots, positive=positive, negative=negative)
    return draw(tables(), np.arange(3), how, np.random.default_rng(0))


@pytest.mark.parametrize("name", table.MAKERS)
def test_things_in_another_order_have_their_scores_in_that_order(name):
    learner, params = made(name)
    task = episode(shots=2)
    scores = learner.scores(params, task.shown, task.rgb)
    assert scores.shape == task.mask.shape
    turned = Shown(task.shown.rgb, *(each.roll(1, 1) for each in task.shown[1:]))
    torch.testing.assert_close(
        learner.scores(params, turned, task.rgb), scores.roll(1, 1), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("name", table.MAKERS)
def test_a_scene_is_judged_alone(name):
    learner, params = made(name)
    task = episode()
    whole = learner.scores(params, task.shown, task.rgb)
    alone = learner.scores(params, Shown(*(each[1:2] for each in task.shown)), task.rgb[1:2])
    torch.testing.assert_close(alone, whole[1:2], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", table.MAKERS)
def test_the_order_of_pictures_that_are_shown_is_no_matter(name):
    learner, params = made(name)
    task = episode(shots=2)
    back = Shown(task.shown.rgb.flip(1), *(each.flip(2) for each in task.shown[1:]))
    torch.testing.assert_close(
        learner.scores(params, back, task.rgb),
        learner.scores(params, task.shown, task.rgb),
        rtol=1e-4,
        atol=1e-4,
    )


def test_the_rule_of_colours_is_right_where_colours_tell_all():
    learner, params = made("colour")
    task = episode()
    found = (learner.scores(params, task.shown, task.rgb) > 0).float()
    assert (overlap(found, task.mask) == 1).all()


def test_without_steps_the_foreground_is_the_same_for_every_click():
    learner, params = made("foreground", steps=0)
    scores = learner.scores(params, (task := episode()).shown, task.rgb)
    torch.testing.assert_close(scores[:, :1].expand_as(scores), scores)


def test_fine_tuning_lowers_what_it_lowers():
    task = episode(positive=20, negative=20)
    losses = []
    for steps in (0, 30):
        learner, params = made("foreground", alpha=0.3, steps=steps)
        w, b = learner.tuned(params, task.shown)
        scores = learner.scores(params, task.shown, task.shown.rgb[:, 0])
        assert w.shape[:2] == b.shape[:2] == (3, 3)
        right = (scores > 0).float() == task.shown.positive[:, :, 0]
        losses.append(float(right[task.shown.positive[:, :, 0] > 0].float().mean()))
    assert losses[1] > losses[0]


@pytest.mark.parametrize("name", ["guided"])
def test_training_brings_masks_to_the_things_that_are_clicked(name):
    learner, fresh = made(name)
    data, new = tables(24, seed=1), tables(12, seed=2)
    params = training.train(learner, data, 250, None)
    how = Clicking(positive=5)

    def mean(p):
        return np.concatenate(list(training.overlaps(learner, p, new, how, 0))).mean()

    assert mean(params) > mean(fresh) + 0.25


def test_unknown_names_and_settings_are_refused():
    with pytest.raises(ConfigError, match="known are colour"):
        table.make("magic", {})
    with pytest.raises(ConfigError, match="tolerance"):
        table.make("colour", {"tolerance": 0.0})
    with pytest.raises(ConfigError, match="multiples"):
        table.make("guided", {"net": {"features": 9}})
