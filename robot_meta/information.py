"""What a bottleneck lets through, in nats."""

from __future__ import annotations

from torch import Tensor


def nats(mu: Tensor, s: Tensor) -> Tensor:
    r"""KL(N(mu, exp(s)^2) || N(0, 1)) = 1/2 \sum (mu^2 + e^{2s} - 2s - 1), summed over all.

    What a sample can tell at most to somebody who expects N(0, 1).
    """
    return 0.5 * (mu.square() + (2 * s).exp() - 2 * s - 1).sum()
