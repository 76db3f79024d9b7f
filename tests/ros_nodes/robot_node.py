"""A process that publishes what a driven robot does, for the recorder's tests.

Joint states at 100 Hz, pictures at 10 Hz, the gate's ticks at 50 Hz, all stamped by one clock that
it publishes too; what a picture shows follows from its stamp. Parameter `offer`: `reliable` or
`best_effort` pictures. `bad_type`: `estop` with another type.
"""

from __future__ import annotations

import signal
import threading

import numpy as np


def main() -> int:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())

    import rclpy
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.signals import SignalHandlerOptions
    from robot_meta_msgs.msg import Applied, SimState
    from rosgraph_msgs.msg import Clock
    from sensor_msgs.msg import Image, JointState
    from std_msgs.msg import Bool, String

    from ros_nodes import messages, qos
    from tests.ros_nodes import recordings as r

    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node("robot")
    offer = node.declare_parameter("offer", "reliable").value
    bad_type = node.declare_parameter("bad_type", False).value
    camera = qos.SENSOR_PUB(2) if offer == "reliable" else qos.SENSOR_SUB
    clock = node.create_publisher(Clock, "/clock", qos.CLOCK)
    joints = node.create_publisher(JointState, "joint_states", qos.SENSOR_PUB(10))
    images = node.create_publisher(Image, "front/image_raw", camera)
    gate = node.create_publisher(Applied, "command_gate/applied", qos.STATUS)
    state = node.create_publisher(SimState, "sim/state", qos.STATUS)
    estop = node.create_publisher(String if bad_type else Bool, "estop", qos.LATCHED)
    estop.publish(String() if bad_type else Bool(data=False))
    now = [r.START_NS]

    def header(msg, frame_id=""):
        messages.set_stamp(msg.header.stamp, now[0])
        msg.header.frame_id = frame_id
        return msg

    def tick() -> None:
        ns = now[0]
        clock_msg = Clock()
        messages.set_stamp(clock_msg.clock, ns)
        clock.publish(clock_msg)
        js = header(JointState())
        names = [*r.CONTRACT.arm.joints, *r.FINGERS]
        messages.fill_joint_state(js, names, np.concatenate([r.q_at(ns), [0.01, 0.02]]))
        joints.publish(js)
        if (ns - r.START_NS) % r.IMAGE_STEP == 0:
            msg = header(Image(), "front_optical_frame")
            messages.fill_image(msg, r.picture(ns))
            images.publish(msg)
            state.publish(header(SimState(seed=7, task='{"family": "place"}')))
        if (ns - r.START_NS) % r.GATE_STEP == 0:
            seen = ns - (ns - r.START_NS) % r.IMAGE_STEP
            out = header(Applied(source="teleop", gripper_m=0.08), "base")
            messages.set_stamp(out.proposal_stamp, seen)
            out.twist = np.array(r.drive(ns))
            gate.publish(out)
        now[0] += r.JOINT_STEP

    node.create_timer(0.01, tick)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    print("robot", flush=True)
    while not stop.is_set():
        executor.spin_once(timeout_sec=0.1)
    executor.shutdown()
    node.destroy_node()
    rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
