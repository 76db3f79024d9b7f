"""The policy node in a process that knows the tests' linear learner."""

from __future__ import annotations

from ros_nodes import policy_node
from tests import linear


def main(argv: list[str] | None = None) -> int:
    linear.register()
    return policy_node.main(argv)
