"""What a policy node meets, played by the test's own ROS client: a robot, a camera and a gate.

The gate here follows every proposal and says so; the real one is tested with the policy elsewhere.
"""

from __future__ import annotations

import numpy as np
from geometry_msgs.msg import TwistStamped
from rclpy.action import ActionClient
from robot_meta_msgs.action import Adapt, RunPolicy
from robot_meta_msgs.msg import GateStatus, Gripper, PolicyStatus
from robot_meta_msgs.srv import SetMode
from sensor_msgs.msg import Image, JointState

from ros_nodes.contract import Contract
from ros_nodes.messages import fill_image, fill_joint_state, stamp_ns
from ros_nodes.qos import COMMAND, SENSOR_PUB, STATUS

CONTRACT = Contract.load("sawyer")
NAMES = [*CONTRACT.arm.joints, *CONTRACT.arm.gripper_joints]
MODES = ["IDLE", "HOLD", "TELEOP", "POLICY", "REPLAY"]


class PolicyWorld:
    """Publishes what a robot would; takes modes; collects what the policy says."""

    def __init__(self, client) -> None:
        self.client, self.node = client, client.node
        self.asked: list[int] = []
        self.images: list[int] = []
        self._goals: list = []
        self.mend()
        self.twists = client.inbox(TwistStamped, "policy/twist", COMMAND)
        self.openings = client.inbox(Gripper, "policy/gripper", COMMAND)
        self.status = client.inbox(PolicyStatus, "policy/status", STATUS)
        self._image_pub = self.node.create_publisher(Image, "front/image_raw", SENSOR_PUB(2))
        self._joint_pub = self.node.create_publisher(JointState, "joint_states", SENSOR_PUB(10))
        self._gate_pub = self.node.create_publisher(GateStatus, "command_gate/status", STATUS)
        self.node.create_service(SetMode, "command_gate/set_mode", self._set_mode)
        self.node.create_timer(0.01, self._joint_state)
        self.node.create_timer(0.1, self._image)
        self.node.create_timer(0.1, self.report)
        self._actions = {
            Adapt: ActionClient(self.node, Adapt, "policy/adapt"),
            RunPolicy: ActionClient(self.node, RunPolicy, "policy/run_policy"),
        }

    def forget(self) -> None:
        """Forget goals that were rejected."""
        self._goals = [handle for handle in self._goals if handle.accepted]

    def mend(self) -> None:
        """Everything as at the start; goals that still go on are cancelled."""
        for handle in self._goals:
            done = handle.get_result_async()
            handle.cancel_goal_async()
            self.client.until(done.done, what="the end of a cancelled goal")
        self._goals.clear()
        self.mode, self.refuse = GateStatus.HOLD, ""
        self.camera = self.joints = self.reports = True
        self.names = list(NAMES)
        self.position = np.linspace(-0.4, 0.4, len(NAMES))
        self.pixels = np.full((CONTRACT.camera.height, CONTRACT.camera.width, 3), 90, np.uint8)
        self.asked.clear()

    # --- actions of the policy ----------------------------------------------------------------

    def send(self, goal, feedback=None):
        """Send a goal; its handle once it is answered."""
        client = self._actions[{Adapt.Goal: Adapt, RunPolicy.Goal: RunPolicy}[type(goal)]]
        self.client.until(client.server_is_ready, 60.0, "action server")
        heard = None if feedback is None else (lambda msg: feedback.append(msg.feedback))
        answer = client.send_goal_async(goal, feedback_callback=heard)
        self.client.until(answer.done, what="answer to a goal")
        self._goals.append(answer.result())
        return answer.result()

    def result(self, handle, limit_s=20.0):
        """The result of a goal that was accepted."""
        assert handle.accepted
        done = handle.get_result_async()
        self.client.until(done.done, limit_s, "result of an action")
        return done.result().result

    def adapt(self, *uris, **fields):
        """Adapt, and wait for the result."""
        return self.result(self.send(Adapt.Goal(episode_uris=list(uris), **fields)))

    def call(self, kind, name, **fields):
        """Call a service of the policy."""
        return self.client.call(kind, f"/policy/{name}", kind.Request(**fields))

    def start_run(self, max_duration_s=30.0, task=""):
        """Start a run, and wait until the policy proposes."""
        seen = len(self.twists)
        handle = self.send(RunPolicy.Goal(task=task, max_duration_s=max_duration_s))
        self.client.until(lambda: len(self.twists) > seen + 1, what="proposals")
        return handle

    # --- the robot ----------------------------------------------------------------------------

    def report(self) -> None:
        """Publish the gate's status."""
        if self.reports:
            msg = GateStatus(mode=self.mode, mode_name=MODES[self.mode], refusal=self.refuse)
            msg.header.stamp = self.node.get_clock().now().to_msg()
            self._gate_pub.publish(msg)

    def take_over(self) -> None:
        """A person moves the arm."""
        self.mode, self.refuse = GateStatus.TELEOP, "teleop took over"
        self.report()

    def _set_mode(self, request, response):
        self.asked.append(request.mode)
        if self.refuse:
            response.success, response.message = False, self.refuse
            return response
        self.mode = request.mode
        response.success = True
        return response

    def _joint_state(self) -> None:
        if self.joints:
            msg = JointState()
            msg.header.stamp = self.node.get_clock().now().to_msg()
            fill_joint_state(msg, self.names, self.position)
            self._joint_pub.publish(msg)

    def _image(self) -> None:
        if self.camera:
            msg = Image()
            msg.header.stamp = self.node.get_clock().now().to_msg()
            msg.header.frame_id = CONTRACT.camera.frame_id
            fill_image(msg, self.pixels)
            self.images.append(stamp_ns(msg.header.stamp))
            self._image_pub.publish(msg)
