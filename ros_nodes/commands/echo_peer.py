"""The far end of the latency bench's echo: sends each image back as it came."""

from __future__ import annotations

from collections.abc import Sequence

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image

from ros_nodes import process, qos


def main(argv: Sequence[str] | None = None) -> int:
    """Echo `echo/ping` to `echo/pong` until SIGINT or SIGTERM."""
    stop = process.install_stop_handlers()
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node("echo_peer")
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    back = node.create_publisher(Image, "echo/pong", qos.SENSOR_PUB(2))
    node.create_subscription(Image, "echo/ping", back.publish, qos.SENSOR_SUB)
    while not stop.is_set():
        executor.spin_once(timeout_sec=0.1)
    executor.shutdown()
    node.destroy_node()
    rclpy.try_shutdown()
    return 0
