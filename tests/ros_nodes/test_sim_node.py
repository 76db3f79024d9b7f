"""The simulator's process, driven and watched from outside."""

from __future__ import annotations

import itertools
import json
import math
import xml.etree.ElementTree as ET

import numpy as np
import pytest

pytest.importorskip("rclpy")

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import Point, Pose, Wrench
from geometry_msgs.msg import Vector3 as Vector
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from robot_meta_msgs.msg import Applied, SimState
from robot_meta_msgs.srv import (
    ApplyWrench,
    ResetWorld,
    SetFault,
    SetFreeJointState,
    SetPause,
    StepSimulation,
)
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import Bool, Float64MultiArray, String
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from ros_nodes import qos
from ros_nodes.arm_sim import STATE_NAMES
from ros_nodes.messages import floats, joint_positions, joint_velocities, stamp_ns
from ros_nodes.node import ERROR, OK
from sim.sawyer import JOINT_NAMES, Kinematics
from sim.servo import Servo

pytestmark = pytest.mark.ros
SIM = "ros_nodes.sim_node"
MS = 1_000_000
PATIENT = qos.SENSOR_PUB(1000)
"""A reliable reader that loses nothing, for counting."""


def trajectory(points, names=JOINT_NAMES):
    msg = JointTrajectory(joint_names=list(names))
    for t, q, qd in points:
        point = JointTrajectoryPoint(positions=floats(q), velocities=floats(qd))
        point.time_from_start.nanosec = round(t * 1e9)
        msg.points.append(point)
    return msg


class Driver:
    """What a gate does, in the test's process: a trajectory every 20 ms of simulated time."""

    def __init__(self, client, *, twist=(0.0, 0.1, 0.0, 0.0, 0.0, 0.0), applied=False):
        self.node, self.twist, self.on = client.node, np.array(twist), True
        self.servo, self.answered = None, 0
        self.out = self.node.create_publisher(
            JointTrajectory, "arm_controller/joint_trajectory", qos.COMMAND
        )
        self.applied = (
            self.node.create_publisher(Applied, "command_gate/applied", qos.STATUS)
            if applied
            else None
        )
        self.log = []
        self.node.create_subscription(JointState, "joint_states", self.on_joints, PATIENT)

    def on_joints(self, msg):
        ns = stamp_ns(msg.header.stamp)
        before = self.log[-1][0] if self.log else 0
        self.log.append((ns, joint_velocities(msg, JOINT_NAMES)))
        if not self.on or ns % (20 * MS):
            return
        if ns == self.answered:  # asked again
            self.out.publish(self.sent)
            if self.applied is not None:
                self.applied.publish(self.answer)
            return
        self.answered = ns
        if self.servo is None or ns - before > 10 * MS:  # a new episode
            self.servo = Servo()
            self.servo.reset(joint_positions(msg, JOINT_NAMES))
        self.servo.step(self.twist, 0.02)
        points = self.servo.braking_points(0.02)
        self.sent = trajectory(points)
        self.out.publish(self.sent)
        if self.applied is not None:
            answer = self.answer = Applied(gripper_m=math.nan, joint_names=list(JOINT_NAMES))
            answer.header = msg.header
            answer.positions, answer.velocities = floats(points[0][1]), floats(points[0][2])
            self.applied.publish(answer)


def reset(client, seed=0, task="", prefix=""):
    return client.call(
        ResetWorld, f"{prefix}sim/reset_world", ResetWorld.Request(seed=seed, task=task)
    )


def duty(messages, name):
    """The latest status of one of the simulator's duties, (level, message)."""
    for array in reversed(messages):
        for status in array.status:
            if status.name.endswith(f"sim: {name}"):
                return status.level[0], status.message
    return None, ""


def test_rates_stamps_and_a_clock_that_never_runs_back(nodes, ros_client):
    clock = ros_client.inbox(Clock, "/clock", PATIENT)
    joints = ros_client.inbox(JointState, "joint_states", PATIENT)
    images = ros_client.inbox(Image, "front/image_raw", PATIENT)
    infos = ros_client.inbox(CameraInfo, "front/camera_info", PATIENT)
    states = ros_client.inbox(SimState, "sim/state", PATIENT)
    sim = nodes.node(SIM)
    ros_client.until(lambda: len(images) >= 8)
    for seed, task in ((1, ""), (2, '{"family": "push"}'), (2, "")):
        assert reset(ros_client, seed, task).success
        episode, count = states[-1].episode, len(images)
        ros_client.until(lambda count=count: len(images) >= count + 5)
        assert states[-1].episode >= episode
    assert pause(ros_client, True).success
    ros_client.spin_for(0.3)  # nothing new comes, what is under way arrives
    times = [stamp_ns(m.clock) for m in clock]
    steps = np.diff(times)
    assert times[0] > 0
    assert (steps > 0).all()
    assert np.count_nonzero(steps != 10 * MS) == 3  # the three resets
    assert [stamp_ns(m.header.stamp) for m in joints][-100:] == times[-100:]
    assert list(joints[0].name) == list(STATE_NAMES)
    pictures = [stamp_ns(m.header.stamp) for m in images]
    assert pictures == [stamp_ns(m.header.stamp) for m in infos]
    assert set(np.diff(pictures[:8])) == {100 * MS}
    assert (images[0].width, images[0].height, images[0].encoding) == (320, 240, "rgb8")
    assert images[0].header.frame_id == infos[0].header.frame_id == "front_optical_frame"
    assert infos[0].k[0] == pytest.approx(infos[0].k[4])
    assert pictures == [stamp_ns(m.header.stamp) for m in states]
    assert [m.episode for m in states] == sorted(m.episode for m in states)
    assert sim.end() == 0


def test_a_late_reader_gets_the_description_and_the_contract(nodes, ros_client):
    states = ros_client.inbox(SimState, "sim/state", qos.STATUS)
    nodes.node(SIM)
    ros_client.until(lambda: states)
    texts = ros_client.inbox(String, "robot_description", qos.LATCHED)
    hashes = ros_client.inbox(String, "sim/contract", qos.LATCHED)
    ros_client.until(lambda: texts and hashes)
    robot = ET.fromstring(texts[0].data)
    assert {j.get("name") for j in robot.iter("joint")} >= set(STATE_NAMES)
    assert len(hashes[0].data) == 64


def test_equal_seeds_give_equal_worlds(nodes, ros_client):
    states = ros_client.inbox(SimState, "sim/state", PATIENT)
    nodes.node(SIM)
    ros_client.until(lambda: states)

    def first_hash(seed, task):
        states.clear()
        assert reset(ros_client, seed, task).success
        return ros_client.until(lambda: [s for s in states if s.seed == seed])[0].state_hash

    place, reach = '{"family": "place", "index": 4}', '{"family": "reach", "index": 4}'
    a, b = first_hash(11, place), first_hash(12, place)
    assert a != b
    assert first_hash(13, reach) != a
    assert first_hash(11, place) == a


def test_follows_maps_by_name_and_refuses_what_no_gate_sends(nodes, ros_client):
    joints = ros_client.inbox(JointState, "joint_states", qos.SENSOR_SUB)
    reports = ros_client.inbox(DiagnosticArray, "/diagnostics", qos.DIAGNOSTICS)
    out = ros_client.node.create_publisher(
        JointTrajectory, "arm_controller/joint_trajectory", qos.COMMAND
    )
    fingers = ros_client.node.create_publisher(
        Float64MultiArray, "gripper_controller/commands", qos.COMMAND
    )
    nodes.node(SIM, "-p", "task:=reach")
    ros_client.until(lambda: joints and out.get_subscription_count())
    start = joint_positions(joints[-1], JOINT_NAMES)
    goal = start + np.linspace(0.01, 0.04, 7)
    order = [3, 1, 6, 0, 5, 2, 4]
    out.publish(trajectory([(0.15, goal[order], np.zeros(7))], [JOINT_NAMES[i] for i in order]))
    ros_client.until(
        lambda: np.abs(joint_positions(joints[-1], JOINT_NAMES) - goal).max() < 2e-3,
        what="the arm at its goal",
    )
    fingers.publish(Float64MultiArray(data=[0.06]))
    ros_client.until(lambda: sum(joints[-1].position[-2:]) > 0.055, what="an open gripper")
    out.publish(trajectory([(0.1, goal, np.full(7, 0.1))]))
    ros_client.until(lambda: duty(reports, "commands")[0] == ERROR)
    assert "need an end at rest" in duty(reports, "commands")[1]
    out.publish(trajectory([(0.1, goal[:6], np.zeros(6))], JOINT_NAMES[:6]))
    ros_client.until(lambda: "right_j6" in duty(reports, "commands")[1])
    assert np.abs(joint_positions(joints[-1], JOINT_NAMES) - goal).max() < 5e-3
    fingers.publish(Float64MultiArray(data=[float("nan")]))
    ros_client.until(lambda: "need one opening" in duty(reports, "gripper")[1])
    ros_client.until(lambda: duty(reports, "commands")[0] == OK, what="recovery told")


def test_brakes_by_itself_when_commands_stop(nodes, ros_client):
    """Measured joint speeds: far below 0.02 rad/s by 0.40 s after the last command."""
    driver = Driver(ros_client)
    nodes.node(SIM, "-p", "task:=reach")
    ros_client.until(lambda: len(driver.log) > 100 and np.abs(driver.log[-1][1]).max() > 0.05)
    driver.on = False
    stopped = driver.log[-1][0]
    ros_client.until(lambda: driver.log[-1][0] > stopped + 600 * MS)
    speeds = {(ns - stopped) / MS: np.abs(qd).max() for ns, qd in driver.log if ns >= stopped}
    assert max(v for t, v in speeds.items() if t >= 400) < 0.02


def test_a_long_trajectory_is_cut_short_by_the_watchdog(nodes, ros_client):
    joints = ros_client.inbox(JointState, "joint_states", PATIENT)
    reports = ros_client.inbox(DiagnosticArray, "/diagnostics", qos.DIAGNOSTICS)
    out = ros_client.node.create_publisher(
        JointTrajectory, "arm_controller/joint_trajectory", qos.COMMAND
    )
    nodes.node(SIM, "-p", "task:=reach")
    ros_client.until(lambda: joints and out.get_subscription_count())
    q, qd = joint_positions(joints[-1], JOINT_NAMES), np.eye(7)[0] * 0.3
    long = [(0.1, q + 0.05 * qd, qd), (0.9, q + 0.85 * qd, qd), (1.0, q + 0.9 * qd, 0 * qd)]
    out.publish(trajectory(long))
    ros_client.until(lambda: "braked to rest" in duty(reports, "commands")[1])
    ros_client.until(lambda: np.abs(joint_velocities(joints[-1], JOINT_NAMES)).max() < 1e-3)
    travelled = joint_positions(joints[-1], JOINT_NAMES)[0] - q[0]
    assert 0.02 < travelled < 0.6 * 0.9 * 0.3


def test_emergency_stop_is_obeyed_without_a_gate(nodes, ros_client):
    driver = Driver(ros_client)
    stop = ros_client.node.create_publisher(Bool, "estop", qos.LATCHED)
    nodes.node(SIM, "-p", "task:=reach")
    ros_client.until(lambda: len(driver.log) > 100)
    assert np.abs(driver.log[-1][1]).max() > 0.05
    stop.publish(Bool(data=True))  # and the driver goes on sending
    ros_client.until(lambda: np.abs(driver.log[-1][1]).max() < 1e-3, what="rest")
    count = len(driver.log)
    ros_client.until(lambda: len(driver.log) > count + 50)
    assert max(np.abs(qd).max() for _, qd in driver.log[count:]) < 0.02
    driver.servo = None
    stop.publish(Bool(data=False))
    ros_client.until(lambda: np.abs(driver.log[-1][1]).max() > 0.05, what="motion again")


def pause(client, paused):
    return client.call(SetPause, "sim/set_pause", SetPause.Request(paused=paused))


def step(client, steps):
    return client.call(StepSimulation, "sim/step_simulation", StepSimulation.Request(steps=steps))


def test_pause_and_step(nodes, ros_client):
    clock = ros_client.inbox(Clock, "/clock", PATIENT)
    nodes.node(SIM)
    ros_client.until(lambda: len(clock) > 20)
    answer = step(ros_client, 10)
    assert (answer.success, "only while paused" in answer.message) == (False, True)
    assert pause(ros_client, True).success
    ros_client.spin_for(0.1)
    before = stamp_ns(clock[-1].clock)
    ros_client.spin_for(0.2)
    assert stamp_ns(clock[-1].clock) == before
    answer = step(ros_client, 7)
    assert (answer.success, "multiple of 5" in answer.message) == (False, True)
    assert step(ros_client, 0).success is False
    assert step(ros_client, 50).success
    ros_client.until(lambda: stamp_ns(clock[-1].clock) >= before + 100 * MS)
    ros_client.spin_for(0.1)
    assert stamp_ns(clock[-1].clock) == before + 100 * MS
    assert pause(ros_client, False).success
    ros_client.until(lambda: stamp_ns(clock[-1].clock) > before + 200 * MS)


def test_stepping_is_interrupted_by_going_on(nodes, ros_client):
    nodes.node(SIM, "-p", "paused:=true")
    client = ros_client.node.create_client(StepSimulation, "sim/step_simulation")
    ros_client.until(client.service_is_ready)
    clock = ros_client.inbox(Clock, "/clock", PATIENT)
    long = client.call_async(StepSimulation.Request(steps=1_000_000))
    ros_client.until(lambda: len({stamp_ns(m.clock) for m in clock}) > 5, what="steps")
    second = step(ros_client, 5)
    assert (second.success, "already" in second.message) == (False, True)
    assert pause(ros_client, False).success
    ros_client.until(long.done)
    assert not long.result().success
    assert "interrupted by set_pause" in long.result().message


def test_the_rate_changes_without_a_jump_and_nonsense_is_refused(nodes, ros_client):
    clock = ros_client.inbox(Clock, "/clock", PATIENT)
    nodes.node(SIM)
    ros_client.until(lambda: len(clock) > 10)

    def set_rate(rate):
        parameters = [Parameter("rate", value=rate).to_parameter_msg()]
        request = SetParameters.Request(parameters=parameters)
        return ros_client.call(SetParameters, "sim/set_parameters", request).results[0]

    assert set_rate(5.0).successful
    refused = set_rate(0.0)
    assert not refused.successful
    assert "lock-step" in refused.reason
    count = len(clock)
    ros_client.until(lambda: len(clock) > count + 100)
    assert set(np.diff([stamp_ns(m.clock) for m in clock])) == {10 * MS}


def test_two_copies_side_by_side(nodes, ros_client):
    for name in ("left", "right"):
        nodes.node(SIM, "-r", f"__ns:=/{name}", "-r", "/clock:=clock", "-p", f"seed:={len(name)}")
    states = {n: ros_client.inbox(SimState, f"{n}/sim/state", PATIENT) for n in ("left", "right")}
    images = {n: ros_client.inbox(Image, f"{n}/front/image_raw", PATIENT) for n in states}
    clocks = {n: ros_client.inbox(Clock, f"{n}/clock", PATIENT) for n in states}
    ros_client.until(lambda: all(len(x) > 3 for x in (*states.values(), *images.values())))
    assert states["left"][0].seed == 4
    assert states["right"][0].seed == 5
    assert reset(ros_client, 9, prefix="left/").success
    ros_client.until(lambda: states["left"][-1].episode == 2)
    assert states["right"][-1].episode == 1
    for messages in clocks.values():
        assert (np.diff([stamp_ns(m.clock) for m in messages]) > 0).all()


def lockstep_run(client, states, seed):
    """Hashes of ten decisions of one episode in lock-step."""
    states.clear()
    assert reset(client, seed, '{"family": "place", "index": 3}').success
    client.until(lambda: len([s for s in states if s.seed == seed]) >= 12, 30.0)
    ours = [s for s in states if s.seed == seed]
    assert {b - a for a, b in itertools.pairwise(stamp_ns(s.header.stamp) for s in ours)} == {
        100 * MS
    }
    return [s.state_hash for s in ours[:12]]


def test_lockstep_waits_for_each_tick_and_repeats_to_the_bit(nodes, ros_client):
    states = ros_client.inbox(SimState, "sim/state", PATIENT)
    joints = ros_client.inbox(JointState, "joint_states", PATIENT)
    nodes.node(SIM, "-p", "lockstep:=true", "-p", "rate:=0.0")
    ros_client.until(lambda: joints)
    ros_client.spin_for(0.3)
    assert len({stamp_ns(m.header.stamp) for m in joints}) == 1  # it waits, and repeats itself
    Driver(ros_client, twist=(0.1, 0.05, -0.05, 0, 0, 0), applied=True)
    ros_client.until(lambda: len(states) > 3)
    first = lockstep_run(ros_client, states, 21)
    assert lockstep_run(ros_client, states, 22) != first
    assert lockstep_run(ros_client, states, 21) == first
    assert len(set(first)) == len(first)


def test_a_lockstep_episode_laid_out_while_time_stands_begins_with_its_picture(nodes, ros_client):
    states = ros_client.inbox(SimState, "sim/state", PATIENT)
    images = ros_client.inbox(Image, "front/image_raw", PATIENT)
    driver = Driver(ros_client, applied=True)
    nodes.node(SIM, "-p", "lockstep:=true", "-p", "rate:=0.0")
    ros_client.until(lambda: len(states) > 3)
    pause(ros_client, True)
    answer = reset(ros_client, 5)
    assert answer.success
    ros_client.until(lambda: states[-1].seed == 5)
    first = stamp_ns(states[-1].header.stamp)
    ros_client.until(lambda: driver.answered == first)
    ros_client.spin_for(0.3)
    assert stamp_ns(states[-1].header.stamp) == first
    assert stamp_ns(images[-1].header.stamp) < first
    pause(ros_client, False)
    ros_client.until(lambda: stamp_ns(images[-1].header.stamp) > first)
    assert first in {stamp_ns(m.header.stamp) for m in images}


def test_lockstep_without_an_answer_ends_in_a_pause_that_is_told(nodes, ros_client):
    joints = ros_client.inbox(JointState, "joint_states", PATIENT)
    reports = ros_client.inbox(DiagnosticArray, "/diagnostics", qos.DIAGNOSTICS)
    driver = Driver(ros_client, applied=True)
    nodes.node(SIM, "-p", "lockstep:=true")
    ros_client.until(lambda: len(driver.log) > 50)
    driver.on = False
    ros_client.until(lambda: duty(reports, "lockstep")[0] == ERROR)
    assert "has not answered for 5 s: paused" in duty(reports, "lockstep")[1]
    still = len({stamp_ns(m.header.stamp) for m in joints})
    driver.on = True
    ros_client.until(lambda: len({stamp_ns(m.header.stamp) for m in joints}) > still + 10)
    ros_client.until(lambda: duty(reports, "lockstep")[0] == OK)
    driver.on = True
    count = len(joints)
    assert pause(ros_client, False).success
    ros_client.until(lambda: len(joints) > count + 20, what="time runs again")


def test_hands_from_outside_and_faults(nodes, ros_client):
    states = ros_client.inbox(SimState, "sim/state", PATIENT)
    images = ros_client.inbox(Image, "front/image_raw", PATIENT)
    nodes.node(SIM, "-p", "task:=push")
    ros_client.until(lambda: states)

    def thing(i):
        return json.loads(states[-1].info_json)["expert"]["object"][i]

    name = f"object{json.loads(states[-1].info_json)['target']}"
    pose = Pose()
    pose.position.x, pose.position.y, pose.position.z = 0.6, 0.0, 0.001
    place = SetFreeJointState.Request(names=[name], poses=[pose])
    answer = ros_client.call(SetFreeJointState, "sim/set_free_joint_state", place)
    assert answer.success, answer.message
    ros_client.until(lambda: abs(thing(0) - 0.6) < 5e-3)
    place.names = ["cup"]
    answer = ros_client.call(SetFreeJointState, "sim/set_free_joint_state", place)
    assert not answer.success
    assert "there are object0" in answer.message
    push = ApplyWrench.Request(
        body=name, wrench=Wrench(force=Vector(x=2.0)), point=Point(z=0.02), duration_s=0.1
    )
    assert ros_client.call(ApplyWrench, "sim/apply_wrench", push).success
    ros_client.until(lambda: thing(0) > 0.602)

    def fault(fault, text=""):
        request = SetFault.Request(fault=fault, parameters_yaml=text)
        return ros_client.call(SetFault, "sim/set_fault", request)

    answer = fault("dead_leg")
    assert not answer.success
    assert "there are none, camera_delay, joint_friction" in answer.message
    assert not fault("camera_delay", "- 1").success
    assert fault("camera_delay", "delay_s: 0.4").success
    images.clear()
    ros_client.until(lambda: len(images) > 5)
    # Pictures of now come 0.4 s later: four newer states are known by then.
    newer = [s for s in states if stamp_ns(s.header.stamp) > stamp_ns(images[-1].header.stamp)]
    assert len(newer) >= 3
    assert fault("none").success


def test_diverged_physics_is_silent_until_a_reset(nodes, ros_client, tmp_path):
    clock = ros_client.inbox(Clock, "/clock", PATIENT)
    reports = ros_client.inbox(DiagnosticArray, "/diagnostics", qos.DIAGNOSTICS)
    nodes.node(SIM, "-p", "task:=reach")
    ros_client.until(lambda: len(clock) > 10)
    deep = Pose()
    deep.position.x, deep.position.y, deep.position.z = 0.6, 0.0, 1e12
    request = SetFreeJointState.Request(names=["object0"], poses=[deep])
    assert ros_client.call(SetFreeJointState, "sim/set_free_joint_state", request).success
    ros_client.until(lambda: "diverged" in duty(reports, "physics")[1])
    count = len(clock)
    ros_client.spin_for(0.2)
    assert len(clock) == count
    assert reset(ros_client).success
    ros_client.until(lambda: len(clock) > count + 10)
    assert (np.diff([stamp_ns(m.clock) for m in clock]) > 0).all()


def test_a_restarted_lifecycle_goes_on_in_time_with_one_of_each(nodes, ros_client):
    clock = ros_client.inbox(Clock, "/clock", PATIENT)
    nodes.node(SIM)
    ros_client.until(lambda: len(clock) > 10)
    for transition in (
        Transition.TRANSITION_DEACTIVATE,
        Transition.TRANSITION_CLEANUP,
        Transition.TRANSITION_CONFIGURE,
        Transition.TRANSITION_ACTIVATE,
    ):
        request = ChangeState.Request(transition=Transition(id=transition))
        assert ros_client.call(ChangeState, "sim/change_state", request).success
    count = len(clock)
    ros_client.until(lambda: len(clock) > count + 10)
    assert (np.diff([stamp_ns(m.clock) for m in clock]) > 0).all()
    ros_client.until(lambda: ros_client.node.count_publishers("/clock") == 1)
    for topic in ("joint_states", "front/image_raw", "sim/state", "robot_description"):
        assert ros_client.node.count_publishers(topic) == 1
    assert ros_client.node.count_subscribers("arm_controller/joint_trajectory") == 1
    assert reset(ros_client, 3).success


def test_transforms_lead_to_the_tip(nodes, ros_client):
    tf2 = pytest.importorskip("tf2_msgs.msg", reason="tf2_msgs is not among the wheels")
    moving = ros_client.inbox(tf2.TFMessage, "/tf", PATIENT)
    fixed = ros_client.inbox(tf2.TFMessage, "/tf_static", qos.LATCHED)
    joints = ros_client.inbox(JointState, "joint_states", PATIENT)
    nodes.node(SIM)
    ros_client.until(lambda: len(moving) > 5 and len(joints) > 20 and fixed)
    at_ns = stamp_ns(moving[5].transforms[0].header.stamp)
    q = next(joint_positions(m, JOINT_NAMES) for m in joints if stamp_ns(m.header.stamp) == at_ns)
    tip, parent = np.eye(4), "right_gripper_tip"
    found = {t.child_frame_id: t for t in (*moving[5].transforms, *fixed[0].transforms)}
    while parent in found:
        step, r = np.eye(4), found[parent].transform.rotation
        k = np.array([[0, -r.z, r.y], [r.z, 0, -r.x], [-r.y, r.x, 0]])
        step[:3, :3] += 2 * r.w * k + 2 * k @ k
        t = found[parent].transform.translation
        step[:3, 3] = t.x, t.y, t.z
        tip, parent = step @ tip, found[parent].header.frame_id
    assert parent == "base"
    np.testing.assert_allclose(tip[:3, 3], Kinematics().forward(q)[0], atol=1e-6)
    assert "front_optical_frame" in found


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["-p", "task:=fold"], "no task 'fold'; use one of reach"),
        (["-p", "task:='{\"colour\": 1}'"], "keys among family"),
        (["-p", "index:=100000"], "index 100000 is outside"),
        (["-p", "rate:=0.0"], "rate 0 means as fast as lock-step allows"),
        (["-p", "camera_hz:=100.0"], "camera_hz"),
        (["-p", "preset:=wild"], "use one of none"),
    ],
)
def test_settings_that_cannot_be_end_the_node_with_one_line(nodes, args, says):
    sim = nodes.node(SIM, *args)
    assert sim.wait() == 1
    assert says in sim.output
    assert "Traceback" not in sim.output
