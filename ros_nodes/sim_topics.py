"""What the simulator node publishes, and when. Imports message classes, but no rclpy."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any

from robot_meta_msgs.msg import SimState
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import String

from ros_nodes import qos, sim_messages
from ros_nodes.arm_sim import BATCH_NS, DECISION_NS, ArmSim
from ros_nodes.contract import Contract
from sim.links import LinkTree
from sim.urdf import urdf

if TYPE_CHECKING:
    from ros_nodes.sim_node import SimNode

try:
    from tf2_msgs.msg import TFMessage
except ImportError:  # not among the wheels; RViz's machines have it
    TFMessage = None

LOCKSTEP_DEPTH = 25
"""Times the usual number of messages kept for slow readers."""


class SimTopics:
    """The publishers of the node `sim`."""

    def __init__(self, node: SimNode, contract: Contract) -> None:
        self._contract = contract
        self._late: deque[tuple[int, Image, CameraInfo]] = deque()
        self._picture: Image | None = None
        camera, out = contract.camera, node.publisher
        self._clock = out(Clock, "/clock", qos.CLOCK)
        # Lock-step may be faster than real time, and nobody is to miss anything for being slower.
        times = LOCKSTEP_DEPTH if node.p.lockstep else 1
        self._joints = out(JointState, "joint_states", qos.SENSOR_PUB(10 * times))
        self._image = out(Image, camera.image_topic, qos.SENSOR_PUB(2 * times))
        self._info = out(CameraInfo, camera.info_topic, qos.SENSOR_PUB(2 * times))
        self._state = out(SimState, "sim/state", qos.SENSOR_PUB(10 * times))
        self._description = out(String, "robot_description", qos.LATCHED)
        self._tf: Any = None
        self._tf_static: Any = None
        if node.p.publish_tf and TFMessage is not None:
            self._tf = out(TFMessage, "/tf", qos.SENSOR_PUB(100))
            self._tf_static = out(TFMessage, "/tf_static", qos.LATCHED)

    def describe(self, sim: ArmSim) -> None:
        """Latch the robot's URDF."""
        text = urdf(sim.episode.world.model, name=self._contract.robot)
        self._description.publish(String(data=text))

    def announce(self, sim: ArmSim) -> None:
        """A new episode: its fixed frames; pictures of the one before are forgotten."""
        base, frame_id = self._contract.frames.base, self._contract.camera.frame_id
        self._links = LinkTree(sim.episode.world.model, base)
        self._late.clear()
        if self._tf_static is not None:
            camera = sim_messages.camera_pose(sim.camera, base, frame_id)
            fixed = sim_messages.transforms([*self._links.fixed, camera], sim.time_ns)
            self._tf_static.publish(TFMessage(transforms=fixed))

    def publish(self, sim: ArmSim, camera_hz: float, *, pictures: bool) -> bool:
        """All that is due at the present tick; the picture last, as it takes longest.

        Returns:
            Whether a picture was taken.
        """
        now_ns, elapsed_ns = sim.time_ns, sim.batches * BATCH_NS
        self._clock.publish(sim_messages.clock(now_ns))
        self._joints.publish(sim_messages.joint_state(sim))
        if self._tf is not None and self._tf.get_subscription_count():
            moving = self._links.moving(sim.episode.world.data)
            self._tf.publish(TFMessage(transforms=sim_messages.transforms(moving, now_ns)))
        period_ns = BATCH_NS * max(1, round(1e9 / camera_hz / BATCH_NS))
        self._picture = None
        if pictures and elapsed_ns % period_ns == 0:
            self._take_picture(sim, now_ns)
        steady_ns = time.monotonic_ns()
        while self._late and self._late[0][0] <= now_ns:
            _, image, info = self._late.popleft()
            self._image.publish(image)
            self._info.publish(info)
        if elapsed_ns % DECISION_NS == 0:
            self._state.publish(sim_messages.state(sim, steady_ns))
        return self._picture is not None

    def repeat(self, sim: ArmSim) -> None:
        """The present tick once more, for a best-effort reader that has missed it."""
        self._clock.publish(sim_messages.clock(sim.time_ns))
        self._joints.publish(sim_messages.joint_state(sim))
        if self._picture is not None:
            self._image.publish(self._picture)

    def _take_picture(self, sim: ArmSim, now_ns: int) -> None:
        camera, frame_id = sim.camera, self._contract.camera.frame_id
        self._picture = sim_messages.image(camera.render(), now_ns, frame_id)
        info = sim_messages.camera_info(camera, now_ns, frame_id)
        self._late.append((now_ns + sim.camera_delay_ns, self._picture, info))
