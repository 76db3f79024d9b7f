"""How far a mask is off, and how good it is."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from robot_meta.segmentation.episodes import Episodes


def mask_loss(scores: Tensor, task: Episodes) -> Tensor:
    """Cross entropy of pixels plus the Dice loss of masks, the mean over what is asked for.

    A thing is a hundredth of the picture: cross entropy alone is content with an empty mask, which
    the Dice loss (Milletari et al. 2016), 1 - 2 |A B| / (|A| + |B|), is not.
    """
    pixels = binary_cross_entropy_with_logits(scores, task.mask, reduction="none").mean((-2, -1))
    p = scores.sigmoid()
    both = (p * task.mask).sum((-2, -1))
    dice = 1 - (2 * both + 1) / (p.sum((-2, -1)) + task.mask.sum((-2, -1)) + 1)
    loss: Tensor = ((10 * pixels + dice) * task.asked).sum() / task.asked.sum().clamp(min=1)
    return loss


def overlap(found: Tensor, mask: Tensor) -> Tensor:
    """Intersection over union (...) of masks (..., H, W) of 0 and 1; 1 where both are empty."""
    both = (found * mask).sum((-2, -1))
    either = (found + mask - found * mask).sum((-2, -1))
    return (both + (either == 0)) / either.clamp(min=1)
