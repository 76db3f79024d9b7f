"""Two ROS contexts in one process that send an image: does ROS work here, how fast."""

from __future__ import annotations

import array
import time

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import Image

from ros_nodes.qos import SENSOR_PUB

COUNT = 5


def delivery_ms(height: int, width: int, *, limit_s: float = 10.0) -> float:
    """Milliseconds from publishing an rgb8 image to its callback in another context, at best.

    Raises:
        TimeoutError: nothing came within `limit_s`.
    """
    contexts = (Context(), Context())
    for context in contexts:
        rclpy.init(context=context)
    sender, receiver = (
        rclpy.create_node(name, context=context)
        for name, context in zip(("doctor_a", "doctor_b"), contexts, strict=True)
    )
    executor = SingleThreadedExecutor(context=contexts[1])
    executor.add_node(receiver)
    arrived: list[float] = []
    receiver.create_subscription(
        Image, "~/image", lambda _: arrived.append(time.perf_counter()), SENSOR_PUB(2)
    )
    topic = f"/{receiver.get_name()}/image"
    publisher = sender.create_publisher(Image, topic, SENSOR_PUB(2))
    message = Image(height=height, width=width, step=3 * width, encoding="rgb8")
    message.data = array.array("B", bytes(3 * height * width))
    try:
        end = time.monotonic() + limit_s
        while not publisher.get_subscription_count():
            executor.spin_once(timeout_sec=0.02)
            if time.monotonic() > end:
                raise TimeoutError(f"two ROS nodes did not find each other within {limit_s:.0f} s")
        sent: list[float] = []
        for _ in range(COUNT):
            sent.append(time.perf_counter())
            publisher.publish(message)
            while len(arrived) < len(sent):
                executor.spin_once(timeout_sec=0.1)
                if time.monotonic() > end:
                    raise TimeoutError(f"an image did not arrive within {limit_s:.0f} s")
        return 1e3 * min(b - a for a, b in zip(sent, arrived, strict=True))
    finally:
        executor.shutdown()
        for node, context in zip((sender, receiver), contexts, strict=True):
            node.destroy_node()
            rclpy.shutdown(context=context)
