r"""The regret theorem of Finn et al. 2019, section 4, checked by numbers in float64.

Tasks are regularised logistic regressions, f(w) = mean_i log(1 + exp(-y_i x_i.w)) + mu/2 |w|^2, and
U(w) = w - alpha * grad f(w). Follow the meta-leader is solved exactly, by Newton's method.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.func import grad, jacrev, vmap
from torch.nn.functional import softplus

from robot_meta.errors import ConfigError, SessionError

NEWTON_STEPS, GRADIENT_EPS = 100, 1e-11
HALVINGS = 40


class Logistic(NamedTuple):
    """T tasks of n examples of size d."""

    x: Tensor
    """(T, n, d)."""
    y: Tensor
    """(T, n), -1 or 1."""


@dataclass(frozen=True)
class Constants:
    """Of assumptions 1 and 2, for every task and all w with |w| <= radius."""

    lipschitz: float
    """G: |grad f| <= G."""
    smooth: float
    """beta: the Hessian's eigenvalues are <= beta."""
    hessian_lipschitz: float
    """rho: |H(v) - H(w)| <= rho |v - w|."""
    convex: float
    """mu: they are >= mu."""

    @property
    def alpha(self) -> float:
        """The largest step that theorem 1 allows: min{1 / (2 beta), mu / (8 rho G)}."""
        return min(
            1 / (2 * self.smooth), self.convex / (8 * self.hessian_lipschitz * self.lipschitz)
        )

    @property
    def factor(self) -> float:
        """C = 32 G^2 / mu of corollary 1."""
        return 32 * self.lipschitz**2 / self.convex


def tasks(
    count: int, examples: int, size: int, rng: torch.Generator, spread: float = 1.0
) -> Logistic:
    """Tasks whose true weights lie around one mean; all |x| <= 1, labels are noisy.

    Raises:
        ConfigError: nothing to draw.
    """
    if min(count, examples, size) < 1:
        raise ConfigError(f"need count, examples, size >= 1, got {count}, {examples} and {size}")

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=rng, dtype=torch.float64)

    x = normal(count, examples, size)
    x = x / x.norm(dim=-1, keepdim=True).clamp_min(1)
    true = 4 * (normal(1, size) + spread * normal(count, size))
    odds = torch.einsum("tnd,td->tn", x, true)
    uniform = torch.rand(count, examples, generator=rng, dtype=torch.float64)
    return Logistic(x, 2 * (uniform < torch.sigmoid(odds)).double() - 1)


def constants(given: Logistic, mu: float, radius: float) -> Constants:
    """Bounds that hold by |sigma'| <= 1/4 and |sigma''| <= 1 / (6 sqrt 3), from the data."""
    norm = given.x.norm(dim=-1)
    second = (given.x.transpose(1, 2) @ given.x) / given.x.shape[1]
    return Constants(
        lipschitz=float(norm.mean(1).max()) + mu * radius,
        smooth=float(torch.linalg.eigvalsh(second).max()) / 4 + mu,
        hessian_lipschitz=float(norm.pow(3).mean(1).max()) / (6 * math.sqrt(3)),
        convex=mu,
    )


def loss(w: Tensor, x: Tensor, y: Tensor, mu: float) -> Tensor:
    """f(w) of one task: x (n, d), y (n,)."""
    return softplus(-y * (x @ w)).mean() + mu / 2 * w @ w


def adapted_loss(w: Tensor, x: Tensor, y: Tensor, mu: float, alpha: float) -> Tensor:
    """f(U(w)), U(w) = w - alpha * grad f(w)."""
    return loss(w - alpha * grad(loss)(w, x, y, mu), x, y, mu)


def eigenvalues(points: Tensor, given: Logistic, mu: float, alpha: float) -> Tensor:
    """(P, T, d), ascending: of the Hessian of f(U(w)) of every task at each of P points (P, d)."""

    def at(w: Tensor) -> Tensor:
        each: Tensor = vmap(lambda x, y: jacrev(grad(adapted_loss))(w, x, y, mu, alpha))(*given)
        return each

    found: Tensor = torch.linalg.eigvalsh(vmap(at)(points))
    return found


@dataclass(frozen=True)
class Regret:
    """Of following the meta-leader, after T = 1, 2, ... tasks."""

    regret: Tensor
    """(T,) sum_t f_t(U_t(w_t)) - min_w sum_t f_t(U_t(w))."""
    radius: float
    """Largest |w| or |U_t(w)| that was met: where the assumptions must hold."""


def follow(given: Logistic, mu: float, alpha: float) -> Regret:
    """Eq. 4 solved after every task; w_1 = 0."""
    size = given.x.shape[-1]
    w = torch.zeros(size, dtype=torch.float64)
    paid, found, radius = 0.0, [], 0.0
    for t in range(1, len(given.x) + 1):
        seen = Logistic(given.x[:t], given.y[:t])
        paid += float(adapted_loss(w, given.x[t - 1], given.y[t - 1], mu, alpha))
        radius = max(radius, _reach(w, seen, mu, alpha))
        w = leader(w, seen, mu, alpha)
        radius = max(radius, _reach(w, seen, mu, alpha))
        found.append(paid - float(_sum(w, seen, mu, alpha)))
    return Regret(torch.tensor(found, dtype=torch.float64), radius)


def leader(start: Tensor, seen: Logistic, mu: float, alpha: float) -> Tensor:
    """Eq. 4: argmin_w sum_{k<=t} f_k(U_k(w)), by Newton's method with halved steps.

    Raises:
        SessionError: the sum is not convex on the way, or the method does not end.
    """
    w = start
    for _ in range(NEWTON_STEPS):
        gradient = grad(_sum)(w, seen, mu, alpha)
        if float(gradient.norm()) < GRADIENT_EPS * len(seen.x):
            return w
        curvature, failed = torch.linalg.cholesky_ex(jacrev(grad(_sum))(w, seen, mu, alpha))
        if int(failed):
            raise SessionError(f"leader: the sum of f(U(w)) is not convex at alpha {alpha:g}")
        step = torch.cholesky_solve(gradient[:, None], curvature)[:, 0]
        w = w - _size(w, step, seen, mu, alpha) * step
    raise SessionError(f"leader: no minimum after {NEWTON_STEPS} Newton steps")


def _size(w: Tensor, step: Tensor, seen: Logistic, mu: float, alpha: float) -> float:
    """The largest of 1, 1/2, 1/4, ... that does not go up, but for rounding."""
    now = float(_sum(w, seen, mu, alpha))
    for k in range(HALVINGS):
        if float(_sum(w - 0.5**k * step, seen, mu, alpha)) <= now + 1e-12 * abs(now):
            return float(0.5**k)
    return 0.0


def _sum(w: Tensor, seen: Logistic, mu: float, alpha: float) -> Tensor:
    each: Tensor = vmap(lambda x, y: adapted_loss(w, x, y, mu, alpha))(*seen)
    return each.sum()


def _reach(w: Tensor, seen: Logistic, mu: float, alpha: float) -> float:
    moved = vmap(lambda x, y: w - alpha * grad(loss)(w, x, y, mu))(*seen)
    return max(float(w.norm()), float(moved.norm(dim=1).max()))
