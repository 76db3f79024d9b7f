"""A camera node that plays a video file into a recorder, as a command sees it.

The file is begun by the camera's lifecycle: once it is inactive nothing of an earlier showing can
come any more, while the recorder stays connected to its publishers.
"""

from __future__ import annotations

from typing import Any

from ros_nodes.commands.action import topic

DUTY = "camera: source"
"""End of the name of the diagnostic that tells how the camera is doing."""
PICTURES = "front/image_raw"


class ShowingFilm:
    """Watches one camera node and the recorder beside it.

    Args:
        node: of rclpy, spun by the caller.
        namespace: of both.
    """

    def __init__(self, node: Any, namespace: str) -> None:
        from diagnostic_msgs.msg import DiagnosticArray
        from lifecycle_msgs.msg import Transition
        from lifecycle_msgs.srv import ChangeState
        from robot_meta_msgs.msg import RecorderStatus
        from std_srvs.srv import Trigger

        from ros_nodes.qos import DIAGNOSTICS, STATUS

        self.change = node.create_client(ChangeState, topic(namespace, "camera/change_state"))
        """Service: stop the camera, or begin."""
        self.stop, self.begin = (
            ChangeState.Request(transition=Transition(id=number))
            for number in (Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_ACTIVATE)
        )
        self.recorder_hears = False
        """Whether a picture has ever reached the recorder: from then on none is missed."""
        self._restart = node.create_client(Trigger, topic(namespace, "camera/restart"))
        self._again = Trigger.Request()
        self._name = topic(namespace, DUTY)
        self._pictures = topic(namespace, PICTURES)
        self._told: list[str] = []
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, DIAGNOSTICS)
        status = topic(namespace, "recorder/status")
        node.create_subscription(RecorderStatus, status, self._on_recorder, STATUS)

    def begun(self) -> None:
        """The file has just begun: what was told before does not count."""
        self._told.clear()

    @property
    def ended(self) -> bool:
        """Whether the file has been played to its end; known within two seconds."""
        # The first report may have been on its way when the file began.
        return "ended" in self._told[1:]

    def show_again(self) -> None:
        """Let a file that has ended begin again, whoever hears it."""
        if self.ended and self._restart.service_is_ready():
            self.begun()
            self._restart.call_async(self._again)

    def _on_diagnostics(self, array: Any) -> None:
        for status in array.status:
            if status.name.endswith(self._name):
                self._told += [pair.value for pair in status.values if pair.key == "state"]

    def _on_recorder(self, status: Any) -> None:
        # While it records, those are silent of which this episode has nothing.
        heard = self._pictures not in status.silent_topics
        self.recorder_hears = self.recorder_hears or heard
