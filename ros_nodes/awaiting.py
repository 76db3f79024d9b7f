"""Waiting inside an `async` callback without blocking the executor that runs it. No ROS here.

rclpy resumes a suspended callback at each turn of its executor, so a wait is a loop of turns.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any


class Turn:
    """`await Turn()` gives the executor one turn."""

    def __await__(self) -> Generator[None, None, None]:
        yield


async def until(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Wait for a condition, at most `timeout_s` of the steady clock; whether it came true."""
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            return False
        await Turn()
    return True


async def call(client: Any, request: Any, timeout_s: float) -> tuple[Any, str]:
    """Call a service through an rclpy client from an `async` callback.

    Returns:
        The response and "", or None and why there is none.
    """
    name = client.srv_name
    if not await until(client.service_is_ready, timeout_s):
        return None, f"{name} is not there after {timeout_s} s; is its node running?"
    reply = client.call_async(request)
    if not await until(reply.done, timeout_s):
        client.remove_pending_request(reply)
        return None, f"{name} did not answer within {timeout_s} s"
    return reply.result(), ""
