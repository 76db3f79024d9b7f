"""Making sure that a node knows of this one before it is asked for anything.

A service is ready when this node knows of it, but its answers are dropped as long as it does not
know of this node. It learns of a node's readers in the order in which they were made: once an
answer to a client that was made last has come, no later one to any of them is lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from rcl_interfaces.srv import GetParameters

WALKING = ("sim", "command_gate", "policy")
TEACHING = ("teleop", "recorder")
"""Nodes of a graph that only runs a policy, and those that are there besides to teach it."""
AGAIN_S = 0.5
"""How long a node that may not know of this one yet has to answer."""


class Greetings:
    """Asks nodes something harmless. Make it after all other clients.

    Args:
        node: who asks.
        names: absolute names of nodes.
    """

    def __init__(self, node: Any, names: Iterable[str]) -> None:
        self._clients = {n: node.create_client(GetParameters, f"{n}/get_parameters") for n in names}

    def answered(self, name: str) -> Callable[[], bool]:
        """Whether a node has answered by now, to be asked again and again while this one spins."""
        client, asked_s, answer = self._clients[name], 0.0, None

        def condition() -> bool:
            nonlocal asked_s, answer
            if answer is not None and answer.done():
                return True
            if client.service_is_ready() and time.monotonic() > asked_s + AGAIN_S:
                if answer is not None:
                    client.remove_pending_request(answer)
                answer, asked_s = client.call_async(GetParameters.Request()), time.monotonic()
            return False

        return condition
