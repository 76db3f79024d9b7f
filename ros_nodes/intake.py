"""What the recorder keeps of the messages that come: the last seconds, and latched topics.

Also which QoS to ask for. Imports no ROS.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable, Sequence

from ros_nodes.contract import Qos, Topic
from ros_nodes.recording import Arrival, Recording

MIN_DEPTH = 10
BUSY_S = 5.0
"""A recorder may be busy for so long, and lose nothing."""
MAX_RING_BYTES = 512 << 20
LATCHED_KEPT = 10


def asked_qos(topic: Topic, offers: Sequence[Qos]) -> Qos:
    """The strongest QoS that every publisher of a topic can give.

    Reliable and transient local only where all offer it, else nothing would come from some; deep
    enough for what comes in `BUSY_S`.
    """
    depth = max([MIN_DEPTH, math.ceil(BUSY_S * topic.rate_hz), *(o.depth for o in offers)])
    reliable = all(o.reliability == "reliable" for o in offers)
    latched = all(o.durability == "transient_local" for o in offers)
    return Qos(
        "reliable" if reliable else "best_effort",
        "transient_local" if latched else "volatile",
        depth,
    )


class Intake:
    """Takes every message; gives it to the recording that runs, and keeps the last seconds.

    Args:
        ring_s: how much is kept for `last`; 0 keeps nothing.
    """

    def __init__(self, ring_s: float = 0.0) -> None:
        self.ring_s = ring_s
        self.recording: Recording | None = None
        self.counts: Counter[str] = Counter()
        """Messages by topic since the start of the node."""
        self._ring: deque[Arrival] = deque()
        self._ring_bytes = 0
        self._latched: dict[str, deque[Arrival]] = {}

    def put(self, arrival: Arrival) -> None:
        """Take one message."""
        self.counts[arrival.topic] += 1
        if any(q.durability == "transient_local" for q in arrival.qos):
            kept = self._latched.setdefault(arrival.topic, deque(maxlen=LATCHED_KEPT))
            kept.append(arrival)
        if self.recording is not None:
            self.recording.put(arrival)
        if self.ring_s > 0:
            self._remember(arrival)

    def begin(self, recording: Recording, now_ns: int) -> None:
        """Give what comes from now on to this recording, and first what was latched before."""
        self._give_latched(recording, now_ns)
        self.recording = recording

    def end(self) -> None:
        """Give nothing more to the recording."""
        self.recording = None

    def last(self) -> tuple[Arrival, ...]:
        """The messages of the last `ring_s` seconds, oldest first."""
        return tuple(self._ring)

    def give_last(self, recording: Recording) -> None:
        """Hand the last seconds over to a recording, and first what was latched before."""
        messages = self.last()
        if messages:
            self._give_latched(recording, messages[0].log_ns - 1)
        for arrival in messages:
            recording.put(arrival)

    def silent(self, topics: Iterable[str], counts: Counter[str] | None = None) -> list[str]:
        """Those of the topics from which nothing came."""
        came = self.counts if counts is None else counts
        return [topic for topic in topics if not came[topic]]

    def _give_latched(self, recording: Recording, now_ns: int) -> None:
        for kept in self._latched.values():
            for arrival in kept:
                if arrival.log_ns <= now_ns:
                    recording.put(arrival._replace(log_ns=now_ns))

    def _remember(self, arrival: Arrival) -> None:
        if self._ring and arrival.log_ns < self._ring[-1].log_ns:
            self._ring.clear()  # the clock ran back: another run
            self._ring_bytes = 0
        self._ring.append(arrival)
        self._ring_bytes += len(arrival.data)
        oldest = arrival.log_ns - round(self.ring_s * 1e9)
        while self._ring[0].log_ns < oldest or self._ring_bytes > MAX_RING_BYTES:
            self._ring_bytes -= len(self._ring.popleft().data)
