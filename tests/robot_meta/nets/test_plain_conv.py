import torch

from robot_meta.nets import encoder
from robot_meta.nets.encoder import EncoderConfig
from robot_meta.nets.plain_conv import PlainConv


def made(kind):
    net = encoder.make(EncoderConfig(kind=kind, inputs=(1, 12, 12), widths=(4, 6)))
    return net, net.init(torch.Generator().manual_seed(0))


def test_each_picture_is_encoded_by_itself_and_not_so_with_batch_statistics():
    x = torch.rand(5, 1, 12, 12, generator=torch.Generator().manual_seed(1))
    for kind, alone in (("plain", True), ("conv", False)):
        net, params = made(kind)
        found = net(params, x)
        assert found.shape == (5, net.size)
        assert isinstance(net, PlainConv) == alone
        assert torch.allclose(found[2:3], net(params, x[2:3]), atol=1e-5) == alone


def test_light_is_no_matter():
    net, params = made("plain")
    x = torch.rand(2, 1, 12, 12, generator=torch.Generator().manual_seed(2))
    assert torch.allclose(net(params, x), net(params, 0.5 * x), atol=1e-3)
