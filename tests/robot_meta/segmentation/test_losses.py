import numpy as np
import pytest
import torch

from robot_meta.segmentation.episodes import Clicking, draw
from robot_meta.segmentation.losses import mask_loss, overlap
from tests.robot_meta.segmentation.tables import tables


def test_overlap_in_closed_form():
    mask = torch.zeros(3, 4, 4)
    mask[0, :2] = 1
    found = torch.zeros(3, 4, 4)
    found[0, 1:3] = 1
    found[1, 0] = 1
    assert overlap(found, mask).tolist() == pytest.approx([4 / 12, 0.0, 1.0])


def test_the_right_mask_costs_less_than_none_and_than_another_things():
    task = draw(tables(), np.arange(2), Clicking(), np.random.default_rng(0))
    right = mask_loss(20 * task.mask - 10, task)
    empty = mask_loss(torch.full_like(task.mask, -10.0), task)
    other = mask_loss(20 * task.mask.roll(1, 1) - 10, task)
    assert right < 0.01 < empty < other
