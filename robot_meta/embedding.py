"""Learning codes of pictures without labels, and the codes of many pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from robot_meta import checkpoint
from robot_meta.data.classes import pixels
from robot_meta.errors import CheckpointError, DataError
from robot_meta.nets import acai
from robot_meta.nets.acai import Acai, Pictures
from robot_meta.training import Run
from robot_meta.types import Params

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


class Embedding:
    """A trained encoder."""

    def __init__(self, net: Acai, params: Params, sha256: str = "") -> None:
        self._net, self._params, self.sha256 = net, params, sha256
        self.size = net.size

    @classmethod
    def load(cls, path: Path) -> Embedding:
        """From a checkpoint.

        Raises:
            CheckpointError: no good checkpoint, or not one of an embedding.
        """
        found = checkpoint.load(path)
        if found.learner != Acai.name:
            raise CheckpointError(
                f"{path}: a checkpoint of {found.learner!r}, expected one of {Acai.name!r}; "
                "make one with `robot-meta train acai omniglot`"
            )
        net = acai.make(found.config)
        shapes = {name: tuple(p.shape) for name, p in net.init(0).items()}
        checkpoint.check_shapes(path, found.params, shapes)
        return cls(net, found.params, found.sha256)

    def __call__(self, x: torch.Tensor) -> NDArray[np.float32]:
        """Codes (n, D) of pictures (n, C, H, W) in [0, 1]."""
        with torch.no_grad():
            parts = [self._net.encode(self._params, part) for part in torch.split(x, TOGETHER)]
        return torch.cat(parts).numpy()

    def of(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Codes (M, D) of pictures (M, H, W[, 3])."""
        starts = range(0, len(images), TOGETHER)
        return np.concatenate([self(pixels(images[at : at + TOGETHER])) for at in starts])
