"""Raw subscriptions to whatever publishes a contract's topics, following what is offered."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks, UnsupportedEventTypeError
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription

from robot_meta.errors import EpisodeError
from ros_nodes.contract import Contract, Qos, Topic
from ros_nodes.intake import asked_qos
from ros_nodes.recording import Arrival
from ros_nodes.schemas import definition


class Taps:
    """One raw subscription for each topic of the contract that has publishers.

    Args:
        node: makes the subscriptions.
        contract: its recorded topics are subscribed to.
        on_arrival: called with each message.
    """

    def __init__(
        self, node: Node, contract: Contract, on_arrival: Callable[[Arrival], None]
    ) -> None:
        self.lost = 0
        """Messages that the middleware lost between a publisher and this node."""
        self._node = node
        self._contract = contract
        self._on_arrival = on_arrival
        self._open: dict[str, tuple[Qos, tuple[Qos, ...], Subscription]] = {}
        self._types: dict[str, Any] = {}

    def resolve(self, name: str) -> str:
        """The absolute name of a contract's topic, after namespace and remapping."""
        return str(self._node.resolve_topic_name(name))

    def scan(self) -> dict[str, str]:
        """Subscribe to what is new, and anew where publishers changed.

        Returns:
            What is wrong, by topic: those that have publishers and cannot be recorded.
        """
        problems = {}
        for topic in self._contract.recorded:
            problem = self._scan_one(topic)
            if problem:
                problems[self.resolve(topic.name)] = problem
        return problems

    def close(self) -> None:
        """End all subscriptions."""
        for _, _, subscription in self._open.values():
            self._node.destroy_subscription(subscription)
        self._open.clear()

    def _scan_one(self, topic: Topic) -> str:
        publishers = self._node.get_publishers_info_by_topic(topic.name)
        if not publishers:
            return ""  # those that went may come back: their subscription stays
        types = {p.topic_type for p in publishers} - {topic.type}
        if types:
            return f"published as {', '.join(sorted(types))}, the contract says {topic.type}"
        offers = tuple(sorted({_offer(p.qos_profile) for p in publishers}, key=str))
        asked = asked_qos(topic, offers)
        if topic.name in self._open:
            before, _, subscription = self._open[topic.name]
            if before == asked:
                return ""
            self._node.destroy_subscription(subscription)
        try:
            subscription = self._subscribe(topic, offers, asked)
        except (ImportError, AttributeError, EpisodeError) as error:
            return f"{topic.type} is not installed, so it is not recorded: {error}"
        self._open[topic.name] = (asked, offers, subscription)
        return ""

    def _subscribe(self, topic: Topic, offers: tuple[Qos, ...], asked: Qos) -> Subscription:
        definition(topic.type)  # a type without one could not be written
        name, type_name, on_arrival = self.resolve(topic.name), topic.type, self._on_arrival
        clock = self._node.get_clock()

        def take(data: bytes, info: dict[str, Any]) -> None:
            now_ns, sent_ns = clock.now().nanoseconds, info["source_timestamp"]
            on_arrival(Arrival(name, type_name, offers, data, now_ns, sent_ns))

        def subscribe(events: SubscriptionEventCallbacks | None) -> Subscription:
            return self._node.create_subscription(
                self._message_class(type_name),
                topic.name,
                take,
                _profile(asked),
                raw=True,
                event_callbacks=events,
            )

        try:
            return subscribe(SubscriptionEventCallbacks(message_lost=self._on_lost))
        except UnsupportedEventTypeError:
            return subscribe(None)

    def _on_lost(self, event: Any) -> None:
        self.lost += int(event.total_count_change)

    def _message_class(self, name: str) -> Any:
        if name not in self._types:
            package, _, base = name.partition("/msg/")
            self._types[name] = getattr(importlib.import_module(f"{package}.msg"), base)
        return self._types[name]


def _offer(profile: QoSProfile) -> Qos:
    reliable = profile.reliability == ReliabilityPolicy.RELIABLE
    latched = profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
    return Qos(
        "reliable" if reliable else "best_effort",
        "transient_local" if latched else "volatile",
        max(1, int(profile.depth)),  # depth is not announced everywhere: 0 there
    )


def _profile(qos: Qos) -> QoSProfile:
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=qos.depth,
        reliability=(
            ReliabilityPolicy.RELIABLE
            if qos.reliability == "reliable"
            else ReliabilityPolicy.BEST_EFFORT
        ),
        durability=(
            DurabilityPolicy.TRANSIENT_LOCAL
            if qos.durability == "transient_local"
            else DurabilityPolicy.VOLATILE
        ),
    )
