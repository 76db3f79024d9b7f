"""The one inner loop that every learner calls: phi = theta - alpha * grad L(theta, support)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor
from torch.func import grad_and_value

from robot_meta.types import Params

ALPHA = "alpha."
"""Prefix of the learned step sizes (kept as logarithms) among the parameters."""
UNIT_EPS = 1e-12
Loss = Callable[[Params], Tensor]
"""The support loss as a function of the parameters."""


def step(
    phi: Params,
    loss: Loss,
    alpha: Mapping[str, Tensor | float],
    *,
    clip: float | None = None,
    unit: bool = False,
    second_order: bool = True,
) -> tuple[Tensor, Params]:
    r"""L(phi) and phi - alpha * grad L(phi), Finn et al. 2017, eq. 1.

    Only the names in `alpha` move (a step size for each, as in Meta-SGD); the others stay as they
    are, and `phi` is not changed. Differentiable in `phi` and `alpha`, with second derivatives
    unless `second_order` is False. Works under `torch.func.vmap`.

    Args:
        phi: parameters.
        loss: of the support set.
        alpha: step size by name; a tensor broadcasts over the parameter.
        clip: bound on each element of the gradient.
        unit: scale the gradient of each parameter to length 1: for a loss whose own scale means
            nothing, such as a learned one.
        second_order: whether later derivatives go through the gradient.
    """
    rest = {name: p for name, p in phi.items() if name not in alpha}
    fast = {name: phi[name] for name in alpha}
    gradient, value = grad_and_value(lambda f: loss({**rest, **f}))(fast)
    if not second_order:
        gradient = {name: g.detach() for name, g in gradient.items()}
    if unit:
        gradient = {name: g / torch.sqrt((g**2).sum() + UNIT_EPS) for name, g in gradient.items()}
    if clip is not None:
        gradient = {name: g.clamp(-clip, clip) for name, g in gradient.items()}
    return value, {**rest, **{name: p - alpha[name] * gradient[name] for name, p in fast.items()}}


def adapt(
    theta: Params,
    loss: Loss,
    alpha: Mapping[str, Tensor | float],
    steps: int,
    *,
    clip: float | None = None,
    second_order: bool = True,
) -> Params:
    """Phi after `steps` steps of `step`."""
    phi = theta
    for _ in range(steps):
        _, phi = step(phi, loss, alpha, clip=clip, second_order=second_order)
    return phi


def initial_sizes(sizes: Mapping[str, float], steps: int) -> Params:
    """Parameters for step sizes that are learned, one for each name and step (Meta-SGD)."""
    return {ALPHA + name: torch.full((steps,), math.log(size)) for name, size in sizes.items()}


def step_sizes(phi: Params, k: int) -> Params:
    """The learned step size of each adapted parameter at inner step `k`."""
    sizes = {n[len(ALPHA) :]: p for n, p in phi.items() if n.startswith(ALPHA)}
    return {n: torch.exp(s[min(k, len(s) - 1)]) for n, s in sizes.items()}


def descend(
    theta: Params,
    loss: Loss,
    step: Callable[[Params, int], tuple[Tensor, Params]],
    count: int,
) -> Iterator[tuple[int, float, Params]]:
    """Yield (k, loss of phi_k, phi_k) for k = 0 .. count; phi_0 is theta, no phi has a graph."""
    phi = theta
    for k in range(count):
        value, after = step(phi, k)
        yield k, float(value), phi
        phi = {n: p.detach() for n, p in after.items()}
    with torch.no_grad():
        yield count, float(loss(phi)), phi
