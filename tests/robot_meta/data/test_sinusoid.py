import numpy as np
import pytest
import torch

from robot_meta.data.sinusoid import Sinusoid
from robot_meta.errors import ConfigError


def test_all_points_of_a_task_lie_on_one_sinusoid():
    support, query = Sinusoid(shot=5, query=7, told=True).draw(np.random.default_rng(0), 6)
    assert support.x.shape == (6, 5, 3)
    assert query.y.shape == (6, 7, 1)
    for part in (support, query):
        x, a, phase = part.x.unbind(-1)
        assert torch.allclose(part.y[..., 0], a * torch.sin(x - phase), atol=1e-5)
    assert (support.x[:, 0, 1:] == query.x[:, 0, 1:]).all()


def test_learners_see_x_alone_unless_told():
    plain = Sinusoid(shot=5, query=7).draw(np.random.default_rng(0), 6)
    told = Sinusoid(shot=5, query=7, told=True).draw(np.random.default_rng(0), 6)
    assert (plain.support.x == told.support.x[..., :1]).all()
    assert (plain.query.y == told.query.y).all()


def test_the_ranges_are_the_papers():
    x, a, phase = Sinusoid(told=True).draw(np.random.default_rng(0), 2000).query.x.unbind(-1)
    for values, low, high in ((x, -5, 5), (a, 0.1, 5), (phase, 0, np.pi)):
        assert low <= values.min() < low + 0.02 * (high - low)
        assert high - 0.02 * (high - low) < values.max() <= high


def test_no_points_are_refused():
    with pytest.raises(ConfigError, match=">= 1"):
        Sinusoid(shot=0)
