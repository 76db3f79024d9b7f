"""The base of every node, across real processes."""

from __future__ import annotations

import signal

import pytest

pytest.importorskip("rclpy")

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.msg import ParameterType
from rcl_interfaces.srv import DescribeParameters, SetParameters
from rclpy.parameter import Parameter
from std_msgs.msg import String

from ros_nodes.qos import DIAGNOSTICS, LATCHED, STATUS

pytestmark = pytest.mark.ros
TOY = "tests.ros_nodes.toy_node"


def state(client) -> int:
    return client.call(GetState, "/toy/get_state", GetState.Request()).current_state.id


def change(client, transition: int) -> bool:
    request = ChangeState.Request(transition=Transition(id=transition))
    return client.call(ChangeState, "/toy/change_state", request).success


def set_parameters(client, **values):
    request = SetParameters.Request(
        parameters=[
            Parameter(name, value=value).to_parameter_msg() for name, value in values.items()
        ]
    )
    return client.call(SetParameters, "/toy/set_parameters", request).results


def test_starts_by_itself_and_ends_on_ctrl_c(nodes, ros_client):
    said = ros_client.inbox(String, "said", STATUS)
    contract = ros_client.inbox(String, "/toy/contract", LATCHED)
    toy = nodes.node(TOY)
    ros_client.until(lambda: said and contract)
    assert said[0].data == "calm"
    assert contract[0].data == "abc"
    assert state(ros_client) == State.PRIMARY_STATE_ACTIVE
    assert toy.end() == 0
    steps = [line[4:] for line in toy.lines if line.startswith("did:")]
    assert steps == ["setup", "start", "stop", "teardown"]
    ros_client.until(lambda: said[-1].data == "safe", what="the safe command before the end")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_two_signals_at_once_still_end_with_zero(nodes, number):
    toy = nodes.node(TOY)
    toy.wait_for("did:start")
    toy.send(number)
    assert toy.end(number) == 0


def test_a_signal_while_starting_ends_with_zero(nodes):
    toy = nodes.node(TOY)
    toy.wait_for("did:setup")
    assert toy.end() == 0


def test_a_signal_while_importing_ends_at_once_with_zero(nodes):
    node = nodes.node("tests.ros_nodes.slow_import_node")
    node.wait_for("importing")
    assert node.end() == 0


def test_lifecycle_can_be_driven_from_outside(nodes, ros_client):
    nodes.node(TOY, "-p", "autostart:=false")
    assert state(ros_client) == State.PRIMARY_STATE_UNCONFIGURED
    for transition, expected in [
        (Transition.TRANSITION_CONFIGURE, State.PRIMARY_STATE_INACTIVE),
        (Transition.TRANSITION_ACTIVATE, State.PRIMARY_STATE_ACTIVE),
        (Transition.TRANSITION_DEACTIVATE, State.PRIMARY_STATE_INACTIVE),
        (Transition.TRANSITION_ACTIVATE, State.PRIMARY_STATE_ACTIVE),
        (Transition.TRANSITION_DEACTIVATE, State.PRIMARY_STATE_INACTIVE),
        (Transition.TRANSITION_CLEANUP, State.PRIMARY_STATE_UNCONFIGURED),
        (Transition.TRANSITION_CONFIGURE, State.PRIMARY_STATE_INACTIVE),
    ]:
        assert change(ros_client, transition)
        assert state(ros_client) == expected


def test_a_transition_that_is_not_there_is_refused_and_the_node_lives(nodes, ros_client):
    nodes.node(TOY)
    ros_client.until(lambda: state(ros_client) == State.PRIMARY_STATE_ACTIVE)
    assert not change(ros_client, Transition.TRANSITION_CONFIGURE)
    assert state(ros_client) == State.PRIMARY_STATE_ACTIVE


@pytest.mark.parametrize("place", ["setup", "start", "tick"])
def test_an_exception_is_logged_with_traceback_and_ends_with_one(nodes, place):
    toy = nodes.node(TOY, "-p", f"fail_in:={place}")
    assert toy.wait() == 1
    assert "Traceback" in toy.output
    assert f"told to fail in {place}" in toy.output


def test_a_setting_that_cannot_be_is_one_line_without_traceback(nodes):
    toy = nodes.node(TOY, "-p", "fail_in:=config setup")
    assert toy.wait() == 1
    assert "setup is not configured; configure it" in toy.output
    assert "Traceback" not in toy.output


def test_a_failed_transition_leaves_a_node_that_can_be_tried_again(nodes, ros_client):
    nodes.node(TOY, "-p", "autostart:=false", "-p", "fail_in:=start")
    assert change(ros_client, Transition.TRANSITION_CONFIGURE)
    assert not change(ros_client, Transition.TRANSITION_ACTIVATE)
    assert state(ros_client) == State.PRIMARY_STATE_UNCONFIGURED
    assert set_parameters(ros_client, fail_in="")[0].successful
    assert change(ros_client, Transition.TRANSITION_CONFIGURE)
    assert change(ros_client, Transition.TRANSITION_ACTIVATE)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rate_hz:=500.0"], ["rate_hz", "Max: 100.0"]),
        (["rate_hz:=5"], ["rate_hz", "10.0"]),
        (["mood:=sad"], ["mood", "sad", "calm, cross"]),
        (["rate_hz:=50.0", "-p", "limit:=20.0"], ["rate_hz 50.0 is over limit 20.0"]),
        (["gains:=[one]"], ["gains", "double_array"]),
    ],
)
def test_a_wrong_parameter_stops_the_node_at_start(nodes, arguments, words):
    toy = nodes.node(TOY, "-p", *arguments)
    assert toy.wait() == 1
    for word in words:
        assert word in toy.output
    assert "did:setup" not in toy.output


def test_an_unknown_parameter_is_named(nodes):
    toy = nodes.node(TOY, "-p", "rate_hs:=5.0")
    toy.wait_for("rate_hs")


def test_parameters_are_described_ranged_and_changed_together(nodes, ros_client):
    toy = nodes.node(TOY, "-p", "gains:=[3.0]")
    request = DescribeParameters.Request(names=["rate_hz", "mood", "size", "gains"])
    rate, mood, size, gains = ros_client.call(
        DescribeParameters, "/toy/describe_parameters", request
    ).descriptors
    assert rate.description == "Messages a second."
    assert rate.floating_point_range[0].to_value == 100.0
    assert "calm, cross" in mood.description
    assert size.read_only
    assert size.integer_range[0].to_value == 9
    assert gains.type == ParameterType.PARAMETER_DOUBLE_ARRAY
    assert not set_parameters(ros_client, rate_hz=1000.0)[0].successful
    assert not set_parameters(ros_client, size=4)[0].successful
    refused = set_parameters(ros_client, mood="sad")[0]
    assert not refused.successful
    assert "calm, cross" in refused.reason
    refused = set_parameters(ros_client, limit=10.0)[0]
    assert "over limit" in refused.reason
    assert set_parameters(ros_client, mood="cross")[0].successful
    toy.wait_for("did:change to cross")


def test_diagnostics_come_each_second_with_hardware_id(nodes, ros_client):
    arrays = ros_client.inbox(DiagnosticArray, "/diagnostics", DIAGNOSTICS)
    nodes.node(TOY, "-p", "mood:=cross")
    duties = ros_client.until(
        lambda: [s for a in arrays for s in a.status if s.name == "/toy: mood"]
    )
    assert duties[0].level == b"\x02"
    assert duties[0].message == "cross"
    assert duties[0].hardware_id == "sawyer"
    assert [(v.key, v.value) for v in duties[0].values] == [("size", "3")]


def test_namespace_and_remapping(nodes, ros_client):
    said = ros_client.inbox(String, "/left/told", STATUS)
    nodes.node(TOY, "-r", "__ns:=/left", "-r", "said:=told")
    ros_client.until(lambda: said)
