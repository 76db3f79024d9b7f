import numpy as np
import pytest
import torch

from robot_meta.data import views
from robot_meta.data.views import ViewSet, ViewTasks
from robot_meta.errors import ConfigError, DataError


def numbered(shapes=4, count=6):
    images = np.arange(shapes * count, dtype=np.uint8).reshape(shapes, count, 1, 1)
    return ViewSet(images, tuple(str(i) for i in range(shapes)))


def test_views_are_rendered_all_around(tmp_path):
    found = views.rendered("val", 2, 4, 16, tmp_path)
    assert found.images.shape == (2, 4, 16, 16)
    assert (found.images[0, 0] != found.images[0, 2]).any()
    assert (found.images[:, :, 0, 0] == 0).all()
    assert found.images.max() > 60


def test_directions_tell_azimuths_apart_and_go_round():
    known = views.directions(36)
    far = torch.cdist(known, known)
    assert far[~torch.eye(36, dtype=torch.bool)].min() > 0.2
    assert torch.allclose(far[0, 1], far[35, 0], atol=1e-5)


def test_pictures_go_with_their_azimuths_and_none_is_in_both_sets():
    drawn = ViewTasks(numbered(), shot=2, query=3).of(np.array([3, 1]), 2, np.random.default_rng(0))
    known = views.directions(6)
    for part in drawn:
        number = (part.y[..., 0] * 255).round().long()
        assert torch.allclose(part.x, known[number % 6])
        assert (number // 6).tolist() == [[3] * number.shape[1], [1] * number.shape[1]]
    both = torch.cat([drawn.support.y, drawn.query.y], 1)[..., 0]
    assert all(len(set(row)) == 5 for row in both.tolist())


def test_as_many_views_are_seen_as_may_be():
    sampler, rng = ViewTasks(numbered(), shot=3, query=2), np.random.default_rng(0)
    assert {sampler.draw(rng, 2).support.x.shape[1] for _ in range(40)} == {1, 2, 3}


def test_what_does_not_fit_is_refused():
    with pytest.raises(ConfigError, match="of 6"):
        ViewTasks(numbered(), shot=4, query=3)
    with pytest.raises(DataError, match="need"):
        ViewSet(numbered().images, ("a",))
