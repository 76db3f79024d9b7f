"""Learning codes of pictures without labels, and the codes of many pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from robot_meta import checkpoint
from robot_meta.data.classes import pixels
from robot_meta.data.warps import WarpConfig, warp
from robot_meta.errors import CheckpointError, DataError
from robot_meta.nets import acai, deep_cluster
from robot_meta.nets.acai import Acai, Pictures
from robot_meta.nets.deep_cluster import Assigned, DeepCluster
from robot_meta.partitions import cluster
from robot_meta.training import Run
from robot_meta.types import Params

NETS: Mapping[str, Callable[[Mapping[str, Any]], Acai | DeepCluster]] = {
    Acai.name: acai.make,
    DeepCluster.name: deep_cluster.make,
}
TOGETHER = 500
"""Pictures at a time."""
VALIDATED = 256
MOST = 0.5
"""Of alpha: the larger part of a mixture is the first picture."""


def prepare(
    images: NDArray[np.uint8],
    held: NDArray[np.uint8],
    settings: Mapping[str, Any],
    batch: int,
    seed: int = 0,
) -> Run:
    """A run of ACAI on pictures.

    Args:
        images: (M, H, W[, 3]) to learn from.
        held: others, whose reconstruction is logged.
        settings: of `AcaiConfig`, JSON values.
        batch: pictures a step.
        seed: of fresh parameters.

    Raises:
        DataError: fewer pictures than a batch.
        ConfigError: a setting that is unknown or refused.
    """
    if len(images) < batch:
        raise DataError(f"acai: {len(images)} pictures are fewer than a batch of {batch}")
    net = acai.make({"inputs": list(pixels(images[:1]).shape[1:]), **settings})
    some = pixels(held[np.linspace(0, len(held) - 1, VALIDATED).astype(int)])

    def sample(rng: np.random.Generator) -> Pictures:
        x = pixels(images[rng.integers(len(images), size=batch)])
        return Pictures(x, torch.from_numpy(rng.uniform(0, MOST, batch)).float())

    def validate(params: Params) -> dict[str, float]:
        with torch.no_grad():
            again = net.decode(params, net.encode(params, some))
        return {"reconstruction": float((again - some).square().mean())}

    return Run(
        learner=net,  # type: ignore[arg-type]
        trainable=net,
        sample=sample,
        validate=validate,
        start=net.init(seed),
    )


def prepare_round(
    images: NDArray[np.uint8],
    path: Path,
    clusters: int,
    batch: int,
    *,
    rotate: bool = False,
    seed: int = 0,
) -> Run:
    """A round of DeepCluster on pictures.

    Args:
        images: (M, H, W[, 3]) to learn from.
        path: checkpoint of the embedding whose codes are clustered and whose encoder learns on.
        clusters: k.
        batch: pictures a step, as many of each cluster in the mean.
        rotate: turn each picture by a multiple of 90 degrees first, one for all.
        seed: of turns, clusters and the fresh head.

    Raises:
        CheckpointError: no embedding there.
        ConfigError: fewer pictures than clusters.
    """
    embedding = Embedding.load(path)
    rng = np.random.default_rng([seed, 1])
    if rotate:
        turns = rng.integers(4, size=len(images))
        images = np.stack([np.rot90(x, k) for x, k in zip(images, turns, strict=True)])
    labels = cluster(whitened(embedding.of(images)), clusters, seed).labels
    members = [np.flatnonzero(labels == c) for c in range(clusters)]
    warps = WarpConfig()
    shape = embedding.net.config
    told = {"inputs": shape.inputs, "widths": shape.widths, "latent": shape.latent}
    net = deep_cluster.make({**told, "clusters": clusters})

    def sample(rng: np.random.Generator) -> Assigned:
        y = rng.integers(clusters, size=batch)
        chosen = [images[rng.choice(members[c])] for c in y]
        x = np.stack([warp(picture, warps, rng) for picture in chosen])
        return Assigned(pixels(x), torch.from_numpy(y))

    encoder = {n: p for n, p in embedding.params.items() if n.startswith("f")}
    return Run(
        learner=net,  # type: ignore[arg-type]
        trainable=net,
        sample=sample,
        start={**net.init(seed), **encoder},
    )


def whitened(codes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Codes (M, D) without correlations and of length 1, as the paper clusters them."""
    centred = codes - codes.mean(0)
    variances, axes = np.linalg.eigh(np.cov(centred, rowvar=False))
    white = centred @ (axes / np.sqrt(variances.clip(min=1e-4 * variances.max())))
    return np.asarray(white / np.linalg.norm(white, axis=1, keepdims=True), np.float32)


class Embedding:
    """A trained encoder."""

    def __init__(self, net: Acai | DeepCluster, params: Params, sha256: str = "") -> None:
        self.net, self.params, self.sha256 = net, params, sha256
        self.size = net.size

    @classmethod
    def load(cls, path: Path) -> Embedding:
        """From a checkpoint.

        Raises:
            CheckpointError: no good checkpoint, or not one of an embedding.
        """
        found = checkpoint.load(path)
        if found.learner not in NETS:
            raise CheckpointError(
                f"{path}: a checkpoint of {found.learner!r}, expected one of {', '.join(NETS)}; "
                "make one with `robot-meta train acai omniglot`"
            )
        net = NETS[found.learner](found.config)
        shapes = {name: tuple(p.shape) for name, p in net.init(0).items()}
        checkpoint.check_shapes(path, found.params, shapes)
        return cls(net, found.params, found.sha256)

    def __call__(self, x: torch.Tensor) -> NDArray[np.float32]:
        """Codes (n, D) of pictures (n, C, H, W) in [0, 1]."""
        with torch.no_grad():
            parts = [self.net.encode(self.params, part) for part in torch.split(x, TOGETHER)]
        return torch.cat(parts).numpy()

    def of(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Codes (M, D) of pictures (M, H, W[, 3])."""
        starts = range(0, len(images), TOGETHER)
        return np.concatenate([self(pixels(images[at : at + TOGETHER])) for at in starts])
