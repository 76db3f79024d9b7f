"""A plain rclpy node inside the test process, and waiting for events instead of sleeping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor


class Client:
    """Publishes, subscribes and calls; `until` spins until something is so."""

    def __init__(self, name: str = "test_client") -> None:
        self.context = Context()
        rclpy.init(context=self.context)
        self.node = rclpy.create_node(name, context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)

    def until(self, condition: Callable[[], Any], limit_s: float = 60.0, what: str = "") -> Any:
        """Spin until `condition()` is true and return it; AssertionError after `limit_s`."""
        end = time.monotonic() + limit_s
        while not (result := condition()):
            if time.monotonic() > end:
                raise AssertionError(f"not within {limit_s} s: {what or condition}")
            self.executor.spin_once(timeout_sec=0.05)
        return result

    def spin_for(self, seconds: float) -> None:
        """Spin for a while: only to see that something does not come."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.executor.spin_once(timeout_sec=left)

    def inbox(self, kind: type, topic: str, qos: Any) -> list[Any]:
        """A list that fills with what comes on a topic."""
        messages: list[Any] = []
        self.node.create_subscription(kind, topic, messages.append, qos)
        return messages

    def call(self, kind: type, service: str, request: Any, limit_s: float = 60.0) -> Any:
        """Call a service and return its answer."""
        client = self.node.create_client(kind, service)
        try:
            self.until(client.service_is_ready, limit_s, f"service {service}")
            future = client.call_async(request)
            self.until(future.done, limit_s, f"answer of {service}")
            return future.result()
        finally:
            self.node.destroy_client(client)

    def close(self) -> None:
        """Give everything back."""
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)
