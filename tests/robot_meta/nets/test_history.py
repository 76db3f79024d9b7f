import torch

from robot_meta.nets import history


def test_cells_are_torchs():
    g = torch.Generator().manual_seed(0)
    x, h, c = (torch.randn((5, n), generator=g) for n in (3, 4, 4))
    for kind, cell in (("gru", torch.nn.GRUCell(3, 4)), ("lstm", torch.nn.LSTMCell(3, 4))):
        params = history.init_cell(kind, 3, 4, g)
        with torch.no_grad():
            for ours, theirs in (("wi", "weight_ih"), ("wh", "weight_hh")):
                getattr(cell, theirs).copy_(params[f"cell.{ours}"])
            cell.bias_ih.copy_(params["cell.bi"])
            cell.bias_hh.copy_(params["cell.bh"])
            if kind == "gru":
                assert torch.allclose(history.gru(params, x, h), cell(x, h), atol=1e-6)
            else:
                for ours, theirs in zip(
                    history.lstm(params, x, h, c), cell(x, (h, c)), strict=True
                ):
                    assert torch.allclose(ours, theirs, atol=1e-6)
