"""A finer stem begins as the coarse one: exactly, wherever a picture has no detail."""

import pytest
import torch

from robot_meta.nets import finer, vision

SIZES = vision.VisionConfig(
    image=(16, 16),
    skip_rows=4,
    channels=(4, 8, 8),
    kernels=(5, 3, 3),
    strides=(2, 2, 1),
    groups=2,
    embed=4,
    hidden=8,
)


@pytest.fixture
def coarse() -> dict[str, torch.Tensor]:
    cells = torch.zeros(SIZES.grid[0] * SIZES.grid[1], 2)
    params = vision.init(SIZES, cells, seed=3)
    rng = torch.Generator().manual_seed(4)
    for name in ("norm0.weight", "norm0.bias"):
        params[name] = params[name] + 0.3 * torch.randn(params[name].shape, generator=rng)
    return {name: p.double() for name, p in params.items()}


def pictures(seed: int) -> torch.Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (2, *SIZES.image, 3), generator=rng, dtype=torch.uint8)


def twice(rgb: torch.Tensor) -> torch.Tensor:
    return rgb.repeat_interleave(2, 1).repeat_interleave(2, 2)


def test_a_picture_without_detail_gives_the_same_features(coarse):
    fine = finer.params(coarse, SIZES, seed=0)
    rgb = pictures(0)
    before = vision.stem(coarse, rgb, SIZES)
    after = vision.stem(fine, twice(rgb), finer.config(SIZES))
    assert after.shape == before.shape
    torch.testing.assert_close(after, before, rtol=1e-6, atol=1e-6)


def test_detail_reaches_the_new_filters_alone(coarse):
    fine = finer.params(coarse, SIZES, seed=0)
    rng = torch.Generator().manual_seed(1)
    detail = torch.randn(1, 3, 32, 32, generator=rng, dtype=torch.float64)
    detail -= finer.spread_blocks(finer.mean_of_blocks(detail))
    seen = torch.nn.functional.conv2d(detail, fine["conv0.weight"], stride=4, padding=5)
    old, new = seen.reshape(1, SIZES.groups, 2, -1, *seen.shape[-2:]).unbind(2)
    assert old.abs().max() < 1e-9
    assert new.abs().mean() > 0.01


def test_nobody_listens_to_the_new_filters_yet_and_learning_begins(coarse):
    fine = {n: p.requires_grad_() for n, p in finer.params(coarse, SIZES, seed=0).items()}
    assert fine["conv1.weight"].count_nonzero() == coarse["conv1.weight"].count_nonzero()
    vision.stem(fine, twice(pictures(2)), finer.config(SIZES)).square().sum().backward()
    silent = fine["conv1.weight"] == 0
    assert fine["conv1.weight"].grad[silent].abs().min() > 0


def test_shapes_are_those_of_the_finer_sizes(coarse):
    fine = finer.params(coarse, SIZES, seed=0)
    cells = torch.zeros(SIZES.grid[0] * SIZES.grid[1], 2)
    fresh = vision.init(finer.config(SIZES), cells, seed=0)
    assert {n: p.shape for n, p in fine.items()} == {n: p.shape for n, p in fresh.items()}
    assert finer.shape(coarse) == fresh["conv0.weight"].shape
    assert finer.config(SIZES).grid == SIZES.grid


def test_blocks_and_their_means_are_inverse():
    x = torch.arange(12.0).reshape(1, 3, 4)
    assert torch.equal(finer.mean_of_blocks(finer.spread_blocks(x)), x)
