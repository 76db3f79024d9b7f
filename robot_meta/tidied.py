"""A traced graph without what makes no difference: views as they are, sums done twice.

Tracing writes down all that autograd does, of which a third is housekeeping. For small tensors each
operation costs the same, whatever it does.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.fx import GraphModule, Node

aten: Any = torch.ops.aten
VIEWS = {
    each.default for each in (aten.view, aten._unsafe_view, aten.expand, aten.detach, aten.alias)
}
"""They change nothing where the layout stays the same."""
PRODUCTS = {aten.mul.Scalar, aten.mul.Tensor}
"""They change nothing where the factor is 1."""
TWICE = {aten.t.default, aten.transpose.int}
"""They are undone by themselves."""


def tidied(graph: GraphModule) -> GraphModule:
    """The same function in fewer operations; a graph that writes into tensors stays as it is."""
    nodes = [node for node in graph.graph.nodes if node.op == "call_function"]
    if any(_writes(node) for node in nodes):
        return graph
    known: dict[tuple[Any, str, str], Node] = {}
    for node in nodes:
        same = _unchanged(node)
        if same is None:
            same = known.setdefault((node.target, repr(node.args), repr(node.kwargs)), node)
        if same is not node:
            node.replace_all_uses_with(same)
            graph.graph.erase_node(node)
    graph.graph.eliminate_dead_code()
    graph.recompile()
    return graph


def _writes(node: Node) -> bool:
    schema = getattr(node.target, "_schema", None)  # Python's own, such as getitem, have none
    return schema is not None and bool(schema.is_mutable)


def _unchanged(node: Node) -> Node | None:
    """The node whose value this one has too, if any."""
    before: Any = node.args[0] if node.args else None
    if not isinstance(before, Node):
        return None
    idle = node.target in VIEWS or (node.target in PRODUCTS and node.args[1] == 1)
    if idle and _layout(node) == _layout(before):
        return before
    if node.target in TWICE and before.target is node.target and before.args[1:] == node.args[1:]:
        first = before.args[0]
        return first if isinstance(first, Node) else None
    return None


def _layout(node: Node) -> Any:
    value = node.meta["val"]
    return value.shape, value.stride(), value.dtype
