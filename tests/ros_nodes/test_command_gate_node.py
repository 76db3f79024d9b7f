"""The command gate's process, against people, policies and an arm played over ROS."""

from __future__ import annotations

import signal

import numpy as np
import pytest

pytest.importorskip("rclpy")

from action_msgs.msg import GoalStatus
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import TwistStamped
from robot_meta_msgs.msg import GateStatus
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from ros_nodes import qos
from ros_nodes.messages import stamp_ns
from sim.sawyer import HOME_Q, JOINT_NAMES, START_Q
from tests.ros_nodes.gate_world import NAMES, GateWorld

pytestmark = pytest.mark.ros
GATE = "ros_nodes.command_gate_node"
ACROSS = (0.0, 0.2, 0.0, 0.0, 0.0, 0.0)
BACK = (0.0, -0.2, 0.0, 0.0, 0.0, 0.0)


@pytest.fixture
def world(ros_client):
    made = GateWorld(ros_client)
    yield made
    assert made.wrong == [], "everything sent is what a joint_trajectory_controller accepts"


@pytest.fixture
def gate(nodes, world):
    process = nodes.node(GATE)
    world.until_mode("IDLE")
    return process


def duty(arrays, name):
    found = [s for a in arrays for s in a.status if s.name == f"/command_gate: {name}"]
    return (found[-1].level[0], found[-1].message) if found else (None, "")


def test_it_starts_idle_and_moves_for_nobody(gate, world, ros_client):
    world.driving["teleop"] = ACROSS
    world.until_refused("the gate is IDLE; call set_mode first")
    assert world.trajectories == []
    ros_client.until(lambda: world.modes and world.estops)
    assert [m.data for m in world.modes] == ["IDLE"]
    assert [m.data for m in world.estops] == [False]
    ros_client.until(lambda: len(world.applied) > 10)
    assert all(a.source == "" and not a.positions for a in world.applied)


def test_a_person_moves_the_arm_and_silence_stops_it(gate, world, ros_client):
    world.take(GateStatus.TELEOP)
    world.driving["teleop"] = ACROSS
    world.until_moving()
    said = world.until_mode("TELEOP")
    assert (said.source, said.estop, said.speed_scale) == ("teleop", False, 1.0)
    ros_client.until(lambda: len(world.trajectories) > 20)
    world.gripper("teleop", 0.03)
    ros_client.until(lambda: world.openings)
    assert list(world.openings[-1].data) == [0.03]
    told = [a for a in world.applied if a.source == "teleop"]
    said = {tuple(a.positions) for a in told if a.positions}
    ros_client.until(lambda: said <= {tuple(t.points[0].positions) for t in world.trajectories})
    assert all(stamp_ns(a.proposal_stamp) > 0 for a in told)
    assert told[-1].twist[1] == pytest.approx(0.2)
    world.driving.clear()
    world.until_mode("HOLD")
    world.until_still()
    assert "teleop was silent" in world.status[-1].refusal


def test_the_ticks_come_at_50_hz(gate, world, ros_client):
    world.take(GateStatus.TELEOP)
    ros_client.until(lambda: len(world.applied) > 60)
    stamps = np.array([stamp_ns(a.header.stamp) for a in world.applied])
    assert np.median(np.diff(stamps)) == pytest.approx(20e6, rel=0.05)
    steady = [a.steady_ns for a in world.applied]
    assert steady == sorted(steady)


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"twist": (float("nan"), 0.0, 0.0, 0.0, 0.0, 0.0)}, "6 finite numbers"),
        ({"twist": (0.0, 0.0, 0.0, 0.0, 0.0, float("inf"))}, "6 finite numbers"),
        ({"frame": "world"}, "frame 'world', need one of base, right_hand"),
        ({"frame": ""}, "frame ''"),
        ({"age_s": None}, "stamp 0"),
        ({"age_s": 0.5}, "ms old, need 200 or less"),
        ({"age_s": -5.0}, "ms in the future, need 50 or less"),
    ],
)
def test_commands_of_another_form_or_time_are_refused(gate, world, how, why):
    world.take(GateStatus.TELEOP)
    world.twist("teleop", **how)
    assert world.until_refused(why).refused == 1
    assert world.trajectories == []


def test_an_opening_that_is_not_finite_is_refused(gate, world):
    world.take(GateStatus.TELEOP)
    world.gripper("teleop", float("nan"))
    world.until_refused("gripper opening nan")
    assert world.openings == []


# --- joint states -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names", [NAMES[::-1], [*NAMES, "head_pan"], ["torso", *NAMES[3:], *NAMES[:3]]]
)
def test_joint_states_are_read_by_name(gate, world, names):
    world.names = names
    world.take(GateStatus.TELEOP)
    world.driving["teleop"] = ACROSS
    world.until_moving()
    first = world.trajectories[0]
    assert list(first.joint_names) == list(JOINT_NAMES)
    assert np.array(first.points[0].positions) == pytest.approx(START_Q, abs=0.02)


@pytest.mark.parametrize(
    ("names", "why"),
    [(NAMES[1:], "['right_j0'] are missing"), ([*NAMES, NAMES[0]], "more than once")],
)
def test_joint_states_that_lack_a_name_move_nothing(gate, world, ros_client, names, why):
    diagnostics = ros_client.inbox(DiagnosticArray, "/diagnostics", qos.DIAGNOSTICS)
    world.take(GateStatus.TELEOP)
    world.names = names
    ros_client.until(lambda: why in duty(diagnostics, "joint_states")[1], what=why)
    answer = world.set_mode(GateStatus.TELEOP)
    assert not answer.success
    assert "need complete joint_states" in answer.message
    world.twist("teleop")
    world.until_refused("need complete joint_states")


def test_joint_states_that_stop_stop_the_arm(gate, world):
    world.take(GateStatus.TELEOP)
    world.driving["teleop"] = ACROSS
    world.until_moving()
    world.joints = False
    world.until_mode("HOLD")
    world.until_still()
    world.until_refused("joint_states")


# --- policies ---------------------------------------------------------------------------------


def test_a_policy_moves_the_arm_while_its_goal_is_active(gate, world):
    world.driving["policy"] = ACROSS
    answer = world.set_mode(GateStatus.POLICY)
    assert not answer.success
    world.goal = "running"
    world.take(GateStatus.POLICY)
    world.until_moving()
    world.goal = "ready"
    world.until_mode("HOLD")
    world.until_still()
    world.until_refused("the mode is HOLD, not POLICY")
    world.goal = "running"
    world.until_refused("the mode is HOLD, not POLICY")
    assert world.status[-1].mode_name == "HOLD", "a new goal resumes nothing by itself"


def test_a_mode_asked_for_before_the_goal_is_heard_of_is_waited_for(gate, world, ros_client):
    world.take(GateStatus.HOLD)
    world.node.create_timer(0.3, lambda: setattr(world, "goal", "running"))
    assert world.set_mode(GateStatus.POLICY).success


def test_a_person_takes_over_from_a_policy(gate, world):
    world.goal, world.driving["policy"] = "running", ACROSS
    world.take(GateStatus.POLICY)
    world.until_moving()
    world.driving["teleop"] = BACK
    assert world.until_mode("TELEOP").source == "teleop"
    world.until_refused("the mode is TELEOP, not POLICY")
    answer = world.set_mode(GateStatus.POLICY)
    assert not answer.success
    assert "teleop has the robot" in answer.message
    world.driving.pop("teleop")
    world.until_mode("HOLD")
    world.until_still()
    assert world.set_mode(GateStatus.POLICY).success, "but when the person is done, it may be asked"


def test_a_policy_that_dies_is_forgotten(gate, world, ros_client, nodes):
    """A real process as the policy, killed: the arm rests, and its mode is not entered again."""
    source = nodes.node("ros_nodes.commands.kill_source")
    world.until_mode("POLICY")
    world.until_moving()
    source.send(signal.SIGKILL)
    world.until_mode("HOLD")
    world.until_still()
    ros_client.until(lambda: not world.node.count_publishers("policy/status"), what="its lease")
    ros_client.until(lambda: not world.set_mode(GateStatus.POLICY).success, what="no goal")


def test_a_gate_that_was_frozen_does_not_go_on(gate, world, ros_client):
    world.goal, world.driving["policy"] = "running", ACROSS
    world.take(GateStatus.POLICY)
    world.until_moving()
    gate.send(signal.SIGSTOP)
    world.until_still()
    rest, before = world.q(), len(world.trajectories)
    ros_client.spin_for(0.5)  # long enough for everything that the gate knew to be old
    gate.send(signal.SIGCONT)
    world.until_refused("the mode is HOLD, not POLICY")
    assert len(world.trajectories) == before, "not even what it had decided before"
    assert world.q() == pytest.approx(rest, abs=1e-3)


# --- emergency stop, switch -------------------------------------------------------------------


def test_the_emergency_stop_latches_until_reset(gate, world, ros_client):
    world.take(GateStatus.TELEOP)
    world.driving["teleop"] = ACROSS
    world.until_moving()
    assert ros_client.call(Trigger, "command_gate/estop", Trigger.Request()).success
    ros_client.until(lambda: world.estops[-1].data)
    world.until_still()
    said = world.until_refused("emergency stop is on")
    assert (said.mode_name, said.estop) == ("IDLE", True)
    early = ros_client.call(Trigger, "command_gate/reset_estop", Trigger.Request())
    assert not early.success
    assert "too soon" in early.message
    assert "emergency stop is on" in world.set_mode(GateStatus.TELEOP).message
    ros_client.until(
        lambda: ros_client.call(Trigger, "command_gate/reset_estop", Trigger.Request()).success
    )
    ros_client.until(lambda: not world.estops[-1].data)
    sent = len(world.trajectories)
    world.until_refused("the gate is IDLE")
    assert len(world.trajectories) == sent
    world.take(GateStatus.TELEOP)
    world.until_moving()


def test_letting_go_of_the_switch_stops(gate, world):
    world.take(GateStatus.TELEOP)
    world.deadman(True)
    world.twist("teleop")
    world.until_moving()
    world.deadman(False)
    world.until_mode("HOLD")
    world.until_still()
    world.twist("teleop")
    world.until_refused("the dead man's switch is")


# --- publishers -------------------------------------------------------------------------------


def test_a_second_publisher_of_an_input_is_shut_out(gate, world, ros_client, nodes):
    world.goal, world.driving["policy"] = "running", ACROSS
    world.take(GateStatus.POLICY)
    world.until_moving()
    intruder = world.node.create_publisher(TwistStamped, "policy/twist", qos.COMMAND)
    said = world.until_mode("HOLD")
    world.until_still()
    assert "more than one publisher of /policy/twist" in said.refusal
    assert "/test_client" in said.refusal
    answer = world.set_mode(GateStatus.POLICY)
    assert not answer.success
    assert "more than one publisher of /policy/twist" in answer.message
    world.node.destroy_publisher(intruder)
    world.take(GateStatus.POLICY)
    world.until_moving()


def test_a_second_writer_to_the_controller_stops_everything(gate, world):
    world.take(GateStatus.TELEOP)
    world.driving["teleop"] = ACROSS
    world.until_moving()
    topic = "arm_controller/joint_trajectory"
    intruder = world.node.create_publisher(JointTrajectory, topic, qos.COMMAND)
    world.until_mode("HOLD")
    world.until_still()
    world.until_refused("more than one publisher of /arm_controller/joint_trajectory")
    assert not world.set_mode(GateStatus.TELEOP).success
    world.node.destroy_publisher(intruder)
    world.take(GateStatus.TELEOP)


def test_a_gate_that_was_killed_may_be_started_again(nodes, gate, world):
    world.take(GateStatus.TELEOP)
    world.driving["teleop"] = ACROSS
    world.until_moving()
    gate.send(signal.SIGKILL)
    world.until_still()
    before = len(world.status)
    nodes.node(GATE)
    world.client.until(lambda: len(world.status) > before and world.status[-1].refusal)
    assert world.status[-1].mode_name == "IDLE"
    world.take(GateStatus.TELEOP)  # the dead one's lease is over within 2 s
    world.until_moving()


# --- move_to ----------------------------------------------------------------------------------


def test_move_to_goes_home(gate, world, ros_client):
    world.take(GateStatus.HOLD)
    status, result = world.result(world.send_move(pose="home", speed_scale=1.0))
    assert (status, result.success) == (GoalStatus.STATUS_SUCCEEDED, True)
    assert np.array(result.q) == pytest.approx(HOME_Q, abs=0.02)
    world.until_still()
    assert world.q() == pytest.approx(HOME_Q, abs=1e-3)
    assert world.until_mode("HOLD").source == ""


def test_move_to_refuses_what_it_cannot_do(gate, world):
    world.take(GateStatus.HOLD)
    status, result = world.result(world.send_move(pose="sofa"))
    assert (status, result.success) == (GoalStatus.STATUS_ABORTED, False)
    assert "no pose 'sofa'; there are home, start, ready" in result.message
    status, result = world.result(world.send_move(q=[0.0, 0.0]))
    assert "7 finite angles" in result.message
    assert world.trajectories == []


def test_one_move_at_a_time_cancelled_or_taken_over(gate, world):
    world.take(GateStatus.HOLD)
    moving = world.send_move(pose="home", speed_scale=0.1)
    world.until_moving()
    assert not world.send_move(pose="start").accepted
    moving.cancel_goal_async()
    status, result = world.result(moving)
    assert (status, result.message) == (GoalStatus.STATUS_CANCELED, "cancelled")
    world.until_still()
    moving = world.send_move(pose="home", speed_scale=0.1)
    world.until_moving()
    world.driving["teleop"] = ACROSS
    status, result = world.result(moving)
    assert (status, result.success) == (GoalStatus.STATUS_ABORTED, False)
    assert world.until_mode("TELEOP").source == "teleop"


# --- parameters and life ----------------------------------------------------------------------


def test_a_real_robot_is_slow_until_it_is_told_otherwise(nodes, world, ros_client):
    nodes.node(GATE, "-p", "real:=true")
    assert world.until_mode("IDLE").speed_scale == pytest.approx(0.3)
    world.take(GateStatus.TELEOP)
    world.driving["teleop"] = ACROSS
    world.until_moving()
    ros_client.until(lambda: world.applied[-1].twist[1] > 0.0599)
    assert max(a.twist[1] for a in world.applied) == pytest.approx(0.06)


def test_an_unknown_mode_is_refused(gate, world):
    answer = world.set_mode(9)
    assert not answer.success
    assert "no mode 9; there are 0 IDLE, 1 HOLD, 2 TELEOP, 3 POLICY, 4 REPLAY" in answer.message


def test_it_stops_cleanly_while_the_arm_moves(gate, world):
    world.take(GateStatus.TELEOP)
    world.driving["teleop"] = ACROSS
    world.until_moving()
    assert gate.end() == 0
    world.until_still()
