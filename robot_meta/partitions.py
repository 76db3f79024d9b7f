"""CACTUs: clusters of codes become the classes of tasks (Hsu, Levine and Finn 2019).

P partitions, each of all pictures into k clusters by k-means; all but the first in a space whose
dimensions are scaled at random, so that they differ. No label is used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from robot_meta.data.classes import ClassSet, FewShot
from robot_meta.data.warps import WarpConfig
from robot_meta.errors import ConfigError
from robot_meta.few_shot import Episodes, Examples
from robot_meta.scikit import scikit

ROUNDS = 15
"""Bound on k-means' iterations: what still moves then is a few pictures between neighbours."""


@dataclass(frozen=True, kw_only=True)
class PartitionsConfig:
    """Settings."""

    clusters: int = 500
    """k."""
    partitions: int = 10
    """P."""
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        if self.clusters < 2 or self.partitions < 1:
            raise ConfigError(
                "partitions: need clusters >= 2 and partitions >= 1, got "
                f"{self.clusters} and {self.partitions}"
            )


@dataclass(frozen=True)
class Clusters:
    """One partition."""

    labels: NDArray[np.int64]
    """(M,) 0 .. k-1."""
    centres: NDArray[np.float32]
    """(k, D)."""


def cluster(codes: NDArray[np.float32], k: int, seed: int) -> Clusters:
    """K-means, by scikit-learn: each code is with its nearest centre, each centre a mean.

    Raises:
        ConfigError: fewer codes than clusters, or scikit-learn is not installed.
    """
    if len(codes) < k:
        raise ConfigError(f"k-means: {len(codes)} codes cannot make {k} clusters")
    found = scikit("cluster").KMeans(k, n_init=1, max_iter=ROUNDS, random_state=seed).fit(codes)
    return Clusters(found.labels_.astype(np.int64), found.cluster_centers_.astype(np.float32))


def scaled(codes: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Section 2.2: A z with A a diagonal of U(0, 1)."""
    return np.asarray(codes * rng.uniform(size=codes.shape[1]), np.float32)


def partitions(codes: NDArray[np.float32], config: PartitionsConfig) -> list[Clusters]:
    """P partitions of codes (M, D): the first of z itself, the others of A z."""
    rng = np.random.default_rng([config.seed, 0])
    spaces = (codes if not i else scaled(codes, rng) for i in range(config.partitions))
    return [cluster(z, config.clusters, config.seed + i) for i, z in enumerate(spaces)]


class ClusterTasks:
    """Draws N-way K-shot tasks: a partition, N of its clusters, and pictures of each.

    Clusters with fewer pictures than a task needs are never drawn. With `warps`, each picture is
    bent a little: what a cluster has in common is then less than how its pictures were drawn.
    """

    def __init__(
        self,
        images: NDArray[np.uint8],
        parts: list[Clusters],
        *,
        way: int,
        shot: int,
        query: int,
        rotate: bool = False,
        warps: WarpConfig | None = None,
    ) -> None:
        self._samplers = []
        for part in parts:
            names = tuple(f"cluster {c}" for c in range(len(part.centres)))
            data = ClassSet(images, part.labels, names)
            sampler = FewShot(
                data,
                way=way,
                shot=shot,
                query=query,
                rotate=rotate,
                skip_small=True,
                warps=warps,
            )
            self._samplers.append(sampler)

    def draw(self, rng: np.random.Generator, tasks: int) -> Episodes:
        """`tasks` tasks, each of a partition drawn for it."""
        chosen = rng.integers(len(self._samplers), size=tasks)
        return together([self._samplers[i].draw(rng, 1) for i in chosen])


def together(parts: list[Episodes]) -> Episodes:
    """Tasks of several draws as one."""
    support, query = (
        Examples(torch.cat([part[i].x for part in parts]), torch.cat([part[i].y for part in parts]))
        for i in (0, 1)
    )
    return Episodes(support, query)
