"""What a few labels and an embedding reach without meta-learning (Hsu et al. 2019, section 4.1).

A baseline takes the support set's codes z (n, D) and classes y (n,), and the queries' codes (m, D),
and gives the queries' classes (m,). Its settings are chosen on validation tasks, by `tuned`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy, dropout, relu

from robot_meta.scikit import scikit

Codes = NDArray[np.float32]
Classes = NDArray[np.int64]
Baseline = Callable[..., Classes]
MLP_STEPS, MLP_RATE = 50, 1e-2


@dataclass(frozen=True)
class Coded:
    """One task in codes."""

    z: Codes
    y: Classes
    query: Codes
    answers: Classes


def knn(
    z: Codes, y: Classes, query: Codes, *, neighbours: int = 1, cosine: bool = False
) -> Classes:
    """The class of most of the nearest `neighbours`, the nearest of them where two are even."""
    a, b = (_unit(z), _unit(query)) if cosine else (z, query)
    order = distances(b, a).argsort(1, kind="stable")[:, :neighbours]
    votes = y[order][..., None] == np.arange(y.max() + 1)  # (m, k, N)
    count = votes.sum(1)
    # Less than one vote: what the nearest neighbour says decides between even ones.
    return np.asarray((count + 0.5 * votes[:, 0]).argmax(1), np.int64)


def logistic(z: Codes, y: Classes, query: Codes, *, c: float = 1.0) -> Classes:
    """Logistic regression, by scikit-learn; `c` is the inverse of its penalty."""
    model = scikit("linear_model").LogisticRegression(C=c, max_iter=1_000)
    return np.asarray(model.fit(z, y).predict(query), np.int64)


def mlp(
    z: Codes, y: Classes, query: Codes, *, units: int = 128, drop: float = 0.5, seed: int = 0
) -> Classes:
    """One hidden layer with dropout before the head, trained by Adam for `MLP_STEPS` steps."""
    x, wanted = torch.from_numpy(z), torch.from_numpy(y)
    ways = int(y.max()) + 1
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        body = torch.nn.Linear(x.shape[1], units)
        head = torch.nn.Linear(units, ways)
        weights = [*body.parameters(), *head.parameters()]
        adam = torch.optim.Adam(weights, MLP_RATE, fused=True)
        with torch.enable_grad():
            for _ in range(MLP_STEPS):
                adam.zero_grad()
                loss = cross_entropy(head(dropout(relu(body(x)), drop)), wanted)
                loss.backward()  # type: ignore[no-untyped-call]
                adam.step()
    with torch.no_grad():
        return np.asarray(head(relu(body(torch.from_numpy(query)))).argmax(1).numpy(), np.int64)


def matching(z: Codes, y: Classes, query: Codes, *, centres: Codes) -> Classes:
    """A cluster has the class of most of its support, a query that of the nearest such cluster.

    Clusters without support are passed over; the smaller number wins where two classes are even.
    """
    where = distances(z, centres).argmin(1)
    used = np.unique(where)
    ways = int(y.max()) + 1
    votes = np.array([np.bincount(y[where == c], minlength=ways) for c in used])
    nearest = distances(query, centres[used]).argmin(1)
    return np.asarray(votes.argmax(1)[nearest], np.int64)


def distances(a: Codes, b: Codes) -> Codes:
    """Squared Euclidean distances (n, m)."""
    return np.asarray((a**2).sum(1)[:, None] - 2 * a @ b.T + (b**2).sum(1), np.float32)


def _unit(z: Codes) -> Codes:
    return np.asarray(z / (np.linalg.norm(z, axis=1, keepdims=True) + 1e-12), np.float32)


GRIDS: Mapping[str, tuple[Baseline, Mapping[str, Sequence[Any]]]] = {
    "knn": (knn, {"neighbours": (1, 3, 5), "cosine": (False, True)}),
    "logistic": (logistic, {"c": (0.01, 0.1, 1.0, 10.0)}),
    "mlp": (mlp, {"units": (32, 128), "drop": (0.2, 0.5)}),
}
"""What is chosen from; cluster matching's choice is of partitions, and given to `tuned`."""


def accuracy(baseline: Baseline, tasks: Iterable[Coded], settings: Mapping[str, Any]) -> Codes:
    """(B,) share of each task's queries that is right."""
    found = [(baseline(t.z, t.y, t.query, **settings) == t.answers).mean() for t in tasks]
    return np.asarray(found, np.float32)


def tuned(
    baseline: Baseline, grid: Mapping[str, Sequence[Any]], tasks: Sequence[Coded]
) -> dict[str, Any]:
    """The settings of the grid that are best on validation tasks, the first of even ones."""
    choices = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    return max(choices, key=lambda chosen: float(accuracy(baseline, tasks, chosen).mean()))
