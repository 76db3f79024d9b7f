"""A camera node that plays a video file, as a command sees it: begin it, and know its end."""

from __future__ import annotations

from typing import Any

from ros_nodes.commands.action import topic

DUTY = "camera: source"
"""End of the name of the diagnostic that tells how the camera is doing."""


class ShowingFilm:
    """Watches one camera node.

    Args:
        node: of rclpy, spun by the caller.
        namespace: of the camera.
    """

    def __init__(self, node: Any, namespace: str) -> None:
        from diagnostic_msgs.msg import DiagnosticArray
        from std_srvs.srv import Trigger

        from ros_nodes.qos import DIAGNOSTICS

        self.begin = node.create_client(Trigger, topic(namespace, "camera/restart"))
        """Service: the file from its beginning."""
        self._name = f"{topic(namespace, DUTY)}"
        self._heard: list[str] = []
        node.create_subscription(DiagnosticArray, "/diagnostics", self._hear, DIAGNOSTICS)

    def begun(self) -> None:
        """The file has just begun: what was told before does not count."""
        self._heard.clear()

    @property
    def ended(self) -> bool:
        """Whether the file has been played to its end; known within two seconds."""
        # The first report may have been on its way when the file began.
        return "ended" in self._heard[1:]

    def _hear(self, array: Any) -> None:
        for status in array.status:
            if status.name.endswith(self._name):
                self._heard += [pair.value for pair in status.values if pair.key == "state"]
