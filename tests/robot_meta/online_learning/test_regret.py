"""Theorem 1 and corollary 1 of Finn et al. 2019, and what the numbers are made of."""

import math

import pytest
import torch
from torch.func import grad, jacrev

from robot_meta.errors import ConfigError, SessionError
from robot_meta.online_learning import regret, theorem

MU = 0.1


@pytest.fixture(scope="module")
def given():
    return regret.tasks(12, 20, 3, torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def found(given):
    return regret.constants(given, MU, 4.0)


@pytest.fixture(scope="module")
def points():
    rng = torch.Generator().manual_seed(1)
    w = torch.randn(30, 3, generator=rng, dtype=torch.float64)
    return (
        4.0
        * w
        / w.norm(dim=1, keepdim=True)
        * torch.rand(30, 1, generator=rng, dtype=torch.float64)
    )


def test_the_constants_hold_at_every_point(given, found, points):
    for x, y in zip(*given, strict=True):
        hessians = torch.stack([jacrev(grad(regret.loss))(w, x, y, MU) for w in points])
        slopes = torch.stack([grad(regret.loss)(w, x, y, MU) for w in points])
        assert slopes.norm(dim=1).max() <= found.lipschitz
        assert torch.linalg.eigvalsh(hessians).max() <= found.smooth
        assert torch.linalg.eigvalsh(hessians).min() >= found.convex - 1e-12
        apart = torch.linalg.matrix_norm(hessians[1:] - hessians[:-1], ord=2)
        bound = found.hessian_lipschitz * (points[1:] - points[:-1]).norm(dim=1)
        assert (apart <= bound + 1e-12).all()


def test_the_step_and_the_factor_are_those_of_the_paper():
    c = regret.Constants(lipschitz=2.0, smooth=0.5, hessian_lipschitz=0.1, convex=0.1)
    assert c.alpha == pytest.approx(0.1 / 1.6)
    assert c.factor == pytest.approx(32 * 4 / 0.1)
    flat = regret.Constants(lipschitz=2.0, smooth=0.5, hessian_lipschitz=1e-6, convex=0.1)
    assert flat.alpha == pytest.approx(1.0)


def test_within_the_step_bound_the_adapted_loss_is_convex_and_smooth(given, found, points):
    values = regret.eigenvalues(points, given, MU, found.alpha)
    assert values.min() >= MU / 8
    assert values.max() <= 9 * found.smooth / 8


def test_beyond_it_an_eigenvalue_is_negative(given, found, points):
    assert regret.eigenvalues(points, given, MU, theorem.BEYOND * found.alpha).min() < 0


def test_the_leader_is_the_minimum(given, found):
    w = regret.leader(torch.zeros(3, dtype=torch.float64), given, MU, found.alpha)

    def total(v):
        return sum(
            regret.adapted_loss(v, x, y, MU, found.alpha) for x, y in zip(*given, strict=True)
        )

    rng = torch.Generator().manual_seed(2)
    for scale in (1e-3, 1e-1, 1.0):
        other = w + scale * torch.randn(3, generator=rng, dtype=torch.float64)
        assert total(other) > total(w)


def test_regret_is_below_the_theorems_bound_at_every_round(given, found):
    told = regret.follow(given, MU, found.alpha)
    assert told.radius <= 4.0
    assert (told.regret >= -1e-12).all()
    for t in range(2, len(told.regret) + 1):
        assert told.regret[t - 1] <= found.factor * math.log(t)


def test_one_task_again_and_again_is_regretted_only_once(given, found):
    same = regret.Logistic(given.x[:1].expand(6, -1, -1), given.y[:1].expand(6, -1))
    told = regret.follow(same, MU, found.alpha).regret
    assert told[0] > 0
    assert told[1:].tolist() == pytest.approx([told[0].item()] * 5)


def test_the_check_tells_all_of_it():
    told = theorem.check(8, 0)
    assert 0 < told.over_bound < 1
    assert told.least >= 1
    assert told.most <= 1
    assert told.beyond < 0


def test_leaving_the_ball_of_the_constants_is_an_error(monkeypatch):
    monkeypatch.setattr(theorem, "RADIUS", 0.1)
    with pytest.raises(SessionError, match=r"the constants hold to 0\.1"):
        theorem.check(4, 0)


def test_nonsense_is_refused():
    with pytest.raises(ConfigError, match="count, examples, size"):
        regret.tasks(0, 1, 1, torch.Generator())
