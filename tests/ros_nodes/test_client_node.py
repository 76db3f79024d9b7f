"""What a script does where the graph's answers get lost."""

from contextlib import suppress

import pytest

from robot_meta.errors import SessionError

rclpy = pytest.importorskip("rclpy")

from rcl_interfaces.srv import GetParameters  # noqa: E402
from rclpy.context import Context  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402

from ros_nodes.client_node import RobotClient  # noqa: E402

pytestmark = pytest.mark.ros


class LostError(Exception):
    """An answer that is not sent."""


class Forgetful:
    """A node that leaves the first questions without an answer. It spins when it is `turned`."""

    def __init__(self, loses: int) -> None:
        self.asked, self._loses = 0, loses
        self._context = Context()
        rclpy.init(args=[], context=self._context)
        node = rclpy.create_node("policy", context=self._context, start_parameter_services=False)
        node.create_service(GetParameters, "policy/get_parameters", self._answer)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(node)

    def turned(self) -> None:
        with suppress(LostError):
            self._executor.spin_once(timeout_sec=0.01)

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown()
        rclpy.shutdown(context=self._context)

    def _answer(self, _request, response):
        self.asked += 1
        if self.asked <= self._loses:
            raise LostError
        return response


def test_who_does_not_answer_is_asked_again(ros_domain):
    with Forgetful(loses=2) as node, RobotClient(check=node.turned) as client:
        client.meet("policy", limit_s=60.0)
        assert node.asked == 3


def test_who_never_answers_is_told(ros_domain):
    with (
        Forgetful(loses=1_000) as node,
        RobotClient(check=node.turned) as client,
        pytest.raises(SessionError, match="node /policy did not answer within 2 s"),
    ):
        client.meet("policy", limit_s=2.0)
