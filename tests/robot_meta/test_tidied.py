"""A tidied graph computes what the graph did."""

import torch
from torch.fx.experimental.proxy_tensor import make_fx

from robot_meta.tidied import tidied


def test_what_makes_no_difference_is_gone_and_the_values_stay():
    def function(x):
        again = x.view(3, 4).t().t().detach().expand(3, 4) * 1
        return (again * again).sum() + (x * x).view(4, 3).sum(), x.view(4, 3)

    x = torch.arange(12.0).view(3, 4)
    graph = make_fx(function)(x)
    before, wanted = len(graph.graph.nodes), function(x)
    after = tidied(graph)
    assert len(after.graph.nodes) <= before - 5
    torch.testing.assert_close(after(x), wanted)
    targets = [str(node.target) for node in after.graph.nodes]
    assert targets.count("aten.mul.Tensor") == 1
    assert "aten.view.default" in targets  # to another shape


def test_a_graph_that_writes_into_tensors_stays_as_it_is():
    def function(x):
        kept = x.clone()
        first = kept.sum()
        kept.add_(1)
        return first, kept.sum()

    x = torch.arange(3.0)
    graph = make_fx(function)(x)
    before = len(graph.graph.nodes)
    assert len(tidied(graph).graph.nodes) == before
    torch.testing.assert_close(tidied(graph)(x), function(x.clone()))
