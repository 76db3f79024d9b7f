"""The theorem's figures: regret over its bound, curvature within and beyond the step's."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from robot_meta.errors import SessionError
from robot_meta.online_learning import regret

EXAMPLES, SIZE, MU = 20, 4, 0.1
RADIUS = 5.0
"""The assumptions are taken to hold, and the Hessian is looked at, for |w| up to this."""
POINTS = 200
BEYOND = 100.0
"""Times the largest allowed step."""


@dataclass(frozen=True)
class Check:
    """What was found with one draw of tasks."""

    constants: regret.Constants
    regret: torch.Tensor
    """(T,)."""
    over_bound: float
    """The largest regret / (C log T), T = 2, 3, ..."""
    least: float
    """Smallest eigenvalue of the Hessian of f(U(w)), over its lower bound mu / 8."""
    most: float
    """Largest, over its upper bound 9 beta / 8."""
    beyond: float
    """Smallest eigenvalue with a step `BEYOND` times as long as is allowed."""


def check(count: int, seed: int) -> Check:
    """Follow the meta-leader through `count` logistic tasks.

    Raises:
        SessionError: the iterates left the ball that the constants hold for.
    """
    rng = torch.Generator().manual_seed(seed)
    given = regret.tasks(count, EXAMPLES, SIZE, rng)
    found = regret.constants(given, MU, RADIUS)
    told = regret.follow(given, MU, found.alpha)
    if told.radius > RADIUS:
        raise SessionError(
            f"theorem: |w| reached {told.radius:.2f}, the constants hold to {RADIUS}"
        )
    points = _ball(rng)
    few = regret.Logistic(given.x[:10], given.y[:10])
    within = regret.eigenvalues(points, few, MU, found.alpha)
    beyond = regret.eigenvalues(points, few, MU, BEYOND * found.alpha)
    log_t = torch.arange(2, count + 1, dtype=torch.float64).log()
    return Check(
        constants=found,
        regret=told.regret,
        over_bound=float((told.regret[1:] / (found.factor * log_t)).max()),
        least=float(within.min()) / (MU / 8),
        most=float(within.max()) / (9 * found.smooth / 8),
        beyond=float(beyond.min()),
    )


def _ball(rng: torch.Generator) -> torch.Tensor:
    """(POINTS, SIZE) points in all directions, at distances up to RADIUS."""
    points = torch.randn(POINTS, SIZE, generator=rng, dtype=torch.float64)
    far = RADIUS * torch.rand(POINTS, 1, generator=rng, dtype=torch.float64)
    inside: torch.Tensor = far * points / points.norm(dim=1, keepdim=True)
    return inside
