"""One action goal from a command: wait for the server, show feedback, cancel on Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from robot_meta.errors import SessionError
from ros_nodes import dds, process

SERVER_S = 10.0  # a node is found within 0.3 s once it is up; it takes seconds to start
CANCEL_S = 10.0


def perform(kind: Any, name: str, goal: Any, feedback: Callable[[Any], None], *, hint: str) -> Any:
    """Send a goal and return its result. Ctrl-C or SIGTERM cancels it and still waits for that.

    Args:
        kind: the action type.
        name: the action's name.
        goal: what is asked.
        feedback: called with each feedback message.
        hint: what to do when there is no such action.

    Raises:
        SessionError: no server, the goal was rejected, or a cancelled goal does not end.
    """
    stop = process.install_stop_handlers()
    dds.ensure_profile()
    import rclpy
    from rclpy.action import ActionClient
    from rclpy.context import Context
    from rclpy.executors import SingleThreadedExecutor

    context = Context()
    rclpy.init(context=context, args=[])
    node = rclpy.create_node("robot_meta_command", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    client = ActionClient(node, kind, name)

    def spin(condition: Callable[[], Any], limit_s: float | None, what: str) -> None:
        end = None if limit_s is None else time.monotonic() + limit_s
        while not condition():
            if end is not None and time.monotonic() > end:
                raise SessionError(what)
            executor.spin_once(timeout_sec=0.05)

    try:
        missing = f"no action {name} within {SERVER_S:.0f} s; {hint}"
        spin(lambda: stop.is_set() or client.server_is_ready(), SERVER_S, missing)
        if stop.is_set():
            raise SessionError("stopped before the goal was sent")
        sent = client.send_goal_async(goal, feedback_callback=lambda msg: feedback(msg.feedback))
        spin(sent.done, SERVER_S, f"{name} did not answer the goal; is its node alive?")
        handle = sent.result()
        if not handle.accepted:
            raise SessionError(f"{name} rejected the goal; is its node active?")
        result = handle.get_result_async()
        spin(lambda: stop.is_set() or result.done(), None, "")
        if not result.done():
            handle.cancel_goal_async()
            spin(result.done, CANCEL_S, f"{name} did not end after a cancel; is its node alive?")
        return result.result().result
    finally:
        client.destroy()
        executor.shutdown()
        node.destroy_node()
        rclpy.shutdown(context=context)


def topic(namespace: str, name: str) -> str:
    """An absolute name under a namespace that may be empty."""
    return "/".join(["", *[part for part in namespace.split("/") if part], name])
