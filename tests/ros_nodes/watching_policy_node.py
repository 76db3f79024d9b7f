"""The policy node, writing down each frame that it gets: `stamp digest` lines in $FRAMES_FILE."""

from __future__ import annotations

import os
from typing import Any

from robot_meta.types import Frame
from ros_nodes import policy_node
from ros_nodes.policy_core import PolicyCore
from tests.ros_nodes.recordings import digest


class WatchedCore(PolicyCore):
    """Looks on, changes nothing."""

    def feed(self, topic: str, msg: Any) -> Frame | None:
        frame = super().feed(topic, msg)
        if frame is not None:
            with open(os.environ["FRAMES_FILE"], "a", encoding="utf-8") as file:
                file.write(f"{frame.stamp_ns} {digest(frame)}\n")
        return frame


def main(argv: list[str] | None = None) -> int:
    policy_node.PolicyCore = WatchedCore
    return policy_node.main(argv)
