import torch

from robot_meta.nets import pixels


def test_cells_spread_row_by_row_and_pool_to_their_mean():
    cells = torch.arange(4.0).view(4, 1, 1).expand(4, 2, 3)
    spread = pixels.spread(cells)
    assert spread.shape == (4, 6)
    assert spread[:2, :2].tolist() == [[0.0, 1.0], [2.0, 3.0]]
    assert (pixels.pool(spread) == 1.5).all()


def test_features_are_those_of_one_picture_and_normalised():
    config = pixels.PixelConfig(widths=(8, 8, 8), features=8)
    params = pixels.init(config, torch.Generator().manual_seed(0))
    rgb = torch.rand(3, 3, 16, 24, generator=torch.Generator().manual_seed(1))
    found = pixels.features(params, rgb, config)
    assert found.shape == (3, 8, 8, 12)
    alone = pixels.features(params, rgb[1:2], config)
    torch.testing.assert_close(alone, found[1:2], atol=1e-4, rtol=1e-3)  # other sums, by batch
    torch.testing.assert_close(found.mean(1), torch.zeros(3, 8, 12), atol=1e-5, rtol=0)
