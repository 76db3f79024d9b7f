"""Who publishes what: the gate stands aside where there are two publishers. No ROS here.

A process that was killed counts for up to its lease (2 s); whoever starts it again waits as long.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ros_nodes.gate import Gate


class Crowd:
    """Blocks what has too many publishers, and lets it be again when there is one.

    Args:
        gate: what is blocked.
        inputs: topic -> source or `JOINTS`; at most one publisher each.
        outputs: topics of the gate itself; no publisher beside it.
        count: number of publishers of a topic.
        names: the nodes that publish it; asked only when there are too many.
    """

    def __init__(
        self,
        gate: Gate,
        inputs: Mapping[str, str],
        outputs: Mapping[str, str],
        count: Callable[[str], int],
        names: Callable[[str], list[str]],
    ) -> None:
        self._gate = gate
        self._topics = {**inputs, **outputs}
        self._count = count
        self._names = names

    def look(self) -> str:
        """Look at all topics; what is wrong, "" if nothing."""
        crowded: dict[str, str] = {}
        for topic, what in self._topics.items():
            if self._count(topic) > 1 and what not in crowded:
                who = ", ".join(self._names(topic)) or "unknown"
                crowded[what] = f"more than one publisher of {topic} ({who}); stop one of them"
        for what in set(self._topics.values()):
            if what in crowded:
                self._gate.block(what, crowded[what])
            else:
                self._gate.unblock(what)
        return "; ".join(crowded.values())
