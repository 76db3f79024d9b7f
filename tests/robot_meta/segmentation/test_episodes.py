import numpy as np
import pytest

from robot_meta.errors import ConfigError
from robot_meta.segmentation.episodes import ALL, Clicking, draw, picked
from tests.robot_meta.segmentation.tables import tables


def test_clicks_are_on_the_thing_and_others_are_not():
    data = tables()
    how = Clicking(shots=2, positive=5, negative=4)
    task = draw(data, np.arange(4), how, np.random.default_rng(1))
    assert task.shown.positive.shape == (4, 3, 2, 32, 32)
    assert (task.shown.positive.sum((-2, -1)) == 5).all()
    assert (task.shown.negative.sum((-2, -1)) == 4).all()
    colour = task.shown.rgb.movedim(2, -1)
    for b, n in np.ndindex(4, 3):
        clicked = colour[b][task.shown.positive[b, n] > 0]
        assert (clicked == clicked[0]).all()
        avoided = colour[b][task.shown.negative[b, n] > 0]
        assert not (avoided == clicked[0]).all(1).any()
        query = task.rgb[b].movedim(0, -1)[task.mask[b, n] > 0]
        assert (query == clicked[0]).all()
        assert len(query) == 64


def test_all_pixels_may_be_labelled():
    task = draw(tables(), np.arange(2), Clicking(positive=ALL), np.random.default_rng(0))
    assert (task.shown.positive.sum((-2, -1)) == 64).all()


def test_what_hardly_shows_is_not_asked_for():
    data = tables(tasks=1)
    data.things[data.things == 2] = 0
    data.things[:, :, 0, :5] = 2
    task = draw(data, np.zeros(1, np.int64), Clicking(), np.random.default_rng(0))
    assert task.asked.tolist() == [[1.0, 0.0, 1.0]]


def test_fewer_pixels_than_clicks_are_all_taken():
    allowed = np.zeros((2, 4, 4), bool)
    allowed[0, 1, :2] = True
    found = picked(allowed, 3, np.random.default_rng(0))
    assert (found == allowed).all()


def test_more_pictures_than_there_are_cannot_be_shown():
    with pytest.raises(ConfigError, match="3 shots and a query: there are 3"):
        draw(tables(), np.arange(1), Clicking(shots=3), np.random.default_rng(0))
