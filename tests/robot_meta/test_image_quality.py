import pytest
import torch

from robot_meta.errors import DataError
from robot_meta.image_quality import C1, ssim


def drawn(seed, n=3):
    return torch.rand(n, 16, 16, generator=torch.Generator().manual_seed(seed)).double()


def test_a_picture_is_like_itself_and_likeness_is_mutual():
    a, b = drawn(0), drawn(1)
    assert torch.allclose(ssim(a, a), torch.ones(3).double())
    assert torch.allclose(ssim(a, b), ssim(b, a))
    assert (ssim(a, b) < 0.5).all()


def test_two_flat_pictures_differ_by_their_light_alone():
    a, b = torch.full((1, 12, 12), 0.2).double(), torch.full((1, 12, 12), 0.6).double()
    wanted = (2 * 0.2 * 0.6 + C1) / (0.2**2 + 0.6**2 + C1)
    assert ssim(a, b).item() == pytest.approx(wanted, rel=1e-6)


def test_a_negative_is_unlike():
    a = drawn(2)
    assert (ssim(a, 1 - a) < 0).all()


@pytest.mark.parametrize("shape", [(3, 8, 16), (3, 16, 17), (16, 16)])
def test_other_sizes_are_refused(shape):
    with pytest.raises(DataError, match="11 at least"):
        ssim(drawn(0), torch.zeros(shape))
