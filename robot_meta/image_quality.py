"""How alike two pictures are."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from robot_meta.errors import DataError

WINDOW, SIGMA = 11, 1.5
C1, C2 = 0.01**2, 0.03**2
"""Constants for pictures in [0, 1]."""


def ssim(a: Tensor, b: Tensor) -> Tensor:
    r"""Structural similarity (n,) of pictures (n, H, W) in [0, 1]: Wang et al. 2004, eq. 13.

    The mean over windows of
    (2 mu_a mu_b + C1)(2 s_ab + C2) / ((mu_a^2 + mu_b^2 + C1)(s_a^2 + s_b^2 + C2)),
    with Gaussian windows of 11 x 11 that lie wholly inside.

    Raises:
        DataError: pictures of different or too small sizes.
    """
    if a.shape != b.shape or a.ndim != 3 or min(a.shape[1:]) < WINDOW:
        raise DataError(
            f"ssim: pictures {tuple(a.shape)} and {tuple(b.shape)}; need two of (n, H, W) with "
            f"H and W of {WINDOW} at least"
        )
    at = torch.arange(WINDOW, dtype=a.dtype) - WINDOW // 2
    line = torch.exp(-(at**2) / (2 * SIGMA**2))
    line = line / line.sum()
    window = (line[:, None] * line)[None, None]

    def mean(x: Tensor) -> Tensor:
        return conv2d(x[:, None], window)

    mu_a, mu_b = mean(a), mean(b)
    s_a, s_b = mean(a * a) - mu_a**2, mean(b * b) - mu_b**2
    s_ab = mean(a * b) - mu_a * mu_b
    each = (2 * mu_a * mu_b + C1) * (2 * s_ab + C2)
    each = each / ((mu_a**2 + mu_b**2 + C1) * (s_a + s_b + C2))
    return each.mean((1, 2, 3))
