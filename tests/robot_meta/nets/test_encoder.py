import pytest
import torch

from robot_meta.errors import ConfigError
from robot_meta.nets import encoder
from robot_meta.nets.encoder import EncoderConfig

CONV = EncoderConfig(inputs=(3, 28, 20), widths=(4, 5, 6))
MLP = EncoderConfig(kind="mlp", inputs=(7,), widths=(9, 4))


@pytest.mark.parametrize("config", [CONV, MLP])
def test_features_have_the_size_that_is_told(config):
    encode = encoder.make(config)
    params = encode.init(torch.Generator().manual_seed(0))
    x = torch.rand(5, *config.inputs)
    assert encode(params, x).shape == (5, encode.size)
    assert all(name.startswith("encoder.") for name in params)


def test_pictures_are_normalised_together():
    """By batch statistics of the set that comes in: the scale of a convolution is no matter."""
    encode = encoder.make(CONV)
    params = encode.init(torch.Generator().manual_seed(0))
    x = torch.rand(5, 3, 28, 20)
    inside = encode(params, x)
    params["encoder.w0"] = 3 * params["encoder.w0"]
    assert torch.allclose(encode(params, x), inside, atol=1e-3)
    assert not torch.allclose(encode(params, x[:2]), inside[:2], atol=1e-2)


@pytest.mark.parametrize(
    "wrong", [{"inputs": (28, 28)}, {"kind": "mlp"}, {"widths": (0,)}, {"kind": "vit"}]
)
def test_shapes_that_do_not_fit_are_refused(wrong):
    with pytest.raises(ConfigError, match="encoder"):
        EncoderConfig(**wrong)
