"""The QoS profiles of the interface, by what a topic is for.

Publishers offer the stronger, subscribers ask the weaker: sensors are published reliable and read
best effort, so that neither a recorder nor a viewer is refused. Nothing here asks for a deadline or
a lease from others' topics, which would silence them.
"""

from __future__ import annotations

from rclpy.duration import Duration
from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy


def _profile(depth: int, *, reliable: bool = True, latched: bool = False) -> QoSProfile:
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )


def SENSOR_PUB(depth: int) -> QoSProfile:
    """Sensor publisher: reliable, keep the last `depth` (10 for joint states, 2 for images)."""
    return _profile(depth)


CLOCK = _profile(1)
"""`/clock` publisher."""
SENSOR_SUB = _profile(5, reliable=False)
"""Sensor subscriber: best effort, depth 5."""
JOINTS_SUB = _profile(50, reliable=False)
"""Joint states where each one counts, as for frames: half a second of them."""
COMMAND = _profile(1)
"""Commands, both ends: the latest wins."""
LATCHED = _profile(1, latched=True)
"""estop, mode, robot_description, contract: a late reader gets the last value."""
STATUS = _profile(10)
"""Status and feedback."""
DIAGNOSTICS = _profile(1)
"""`/diagnostics`."""
LEASE = Duration(seconds=2)
"""Time after which a dead peer is forgotten (set in the Fast DDS profile)."""

_POLICY_NAMES = {
    2: "durability",
    4: "deadline",
    8: "liveliness",
    16: "reliability",
    32: "history",
    64: "lifespan",
}


def watch_subscription(node: object, topic: str) -> SubscriptionEventCallbacks:
    """Event callbacks that turn a QoS mismatch on `topic` into a diagnostics ERROR.

    Pass as `event_callbacks=` of `create_subscription`. `node` is a `RobotNode`.
    """
    return SubscriptionEventCallbacks(
        incompatible_qos=lambda info: _report(node, topic, "publisher offers too weak", info),
        use_default_callbacks=False,
    )


def watch_publisher(node: object, topic: str) -> PublisherEventCallbacks:
    """The same for a publisher: pass as `event_callbacks=` of `create_publisher`."""
    return PublisherEventCallbacks(
        incompatible_qos=lambda info: _report(node, topic, "subscriber asks too strong", info),
        use_default_callbacks=False,
    )


def _report(node: object, topic: str, which: str, info: object) -> None:
    kind = getattr(info, "last_policy_kind", 0)
    policy = _POLICY_NAMES.get(int(kind), str(kind))
    count = int(getattr(info, "total_count", 0))
    message = f"{topic}: a {which} a {policy} policy, so no message passes between them"
    node.diagnose(f"qos {topic}", 2, message, policy=policy, count=count)  # type: ignore[attr-defined]
    node.get_logger().error(message)  # type: ignore[attr-defined]
