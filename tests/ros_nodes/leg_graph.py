"""The graph of a legged robot, each node in its own process, and what its nodes say."""

from nav_msgs.msg import Odometry
from rclpy.action import ActionClient
from robot_meta_msgs.action import RunPolicy
from robot_meta_msgs.msg import GateStatus, PolicyStatus, SimState
from sensor_msgs.msg import Imu, JointState

from ros_nodes.messages import stamp_ns
from ros_nodes.qos import COMMAND, SENSOR_SUB, STATUS

SIM_TIME = ("-p", "use_sim_time:=true")


class LegGraph:
    """Simulator, gate and policy, at half speed so that a busy machine keeps up."""

    def __init__(self, nodes, client, theta, robot, policy, command):
        self.client = client
        of = ("-p", f"robot:={robot}")
        kind, controller, proposal = command
        hear = client.inbox
        self.joints = hear(JointState, "joint_states", SENSOR_SUB)
        self.odom = hear(Odometry, "odom", SENSOR_SUB)
        self.imu = hear(Imu, "imu/data", SENSOR_SUB)
        self.command = hear(kind, controller, COMMAND)
        self.proposed = hear(kind, proposal, COMMAND)
        self.gate = hear(GateStatus, "command_gate/status", STATUS)
        self.status = hear(PolicyStatus, "policy/status", STATUS)
        self.state = hear(SimState, "sim/state", STATUS)
        self.sim = nodes.node("ros_nodes.leg_sim_node", *of, "-p", "rate:=0.5")
        self.gate_node = nodes.node("ros_nodes.leg_gate_node", *SIM_TIME, *of)
        self.policy = nodes.node(policy, *SIM_TIME, *of, "-p", f"checkpoint:={theta}")
        self.action = ActionClient(client.node, RunPolicy, "policy/run_policy")

    def ready(self):
        """Wait until every node has spoken."""
        self.client.until(lambda: self.joints and self.gate and self.status, 60.0, "the graph")
        self.client.until(self.action.server_is_ready)
        told = self.status
        self.client.until(lambda: stamp_ns(told[-1].header.stamp), what="the policy's clock")

    def begin(self, seconds):
        """Run the policy; the future of its end."""
        sent = self.action.send_goal_async(RunPolicy.Goal(max_duration_s=seconds))
        self.client.until(sent.done)
        return sent.result().get_result_async()

    def stamps_of_motion(self):
        """Stamps of joint states, odometry and IMU."""
        boxes = (self.joints, self.odom, self.imu)
        return [{stamp_ns(m.header.stamp) for m in box} for box in boxes]

    def pass_time(self, messages, what="time to go on"):
        """Wait for so many further joint states; those that came."""
        seen = len(self.joints)
        self.client.until(lambda: len(self.joints) > seen + messages, what=what)
        return self.joints[seen:]
