"""The policy node in its own process, against a robot that the test plays over ROS."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy")

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from robot_meta_msgs.action import Adapt, RunPolicy
from robot_meta_msgs.msg import Adaptation, GateStatus
from robot_meta_msgs.srv import LoadPolicy
from std_srvs.srv import SetBool, Trigger

from robot_meta import checkpoint
from robot_meta.session import Session
from robot_meta.types import Frame
from ros_nodes.bag import read_demo
from ros_nodes.messages import stamp_ns, twist6
from ros_nodes.qos import DIAGNOSTICS, STATUS
from ros_nodes.sampler import kinematics
from ros_nodes.task_log import FILE, tasks_of_episodes
from tests import linear
from tests.conftest import claim_domain
from tests.processes import Processes
from tests.ros_client import Client
from tests.ros_nodes import recordings
from tests.ros_nodes.policy_world import CONTRACT, PolicyWorld

pytestmark = pytest.mark.ros
NODE = "tests.ros_nodes.linear_policy_node"
Outcome = RunPolicy.Result


def save_theta(path, seed=0, image=CONTRACT.camera.size):
    linear.register()
    learner = linear.LinearLearner(linear.LinearConfig(image=image))
    checkpoint.save(path, learner.init(seed), learner.config, learner.name)
    return str(path)


@pytest.fixture(scope="module")
def theta(tmp_path_factory):
    return save_theta(tmp_path_factory.mktemp("policy") / "theta.safetensors")


@pytest.fixture
def episode(tmp_path):
    return str(recordings.write_episode(tmp_path / "episode"))


@pytest.fixture
def own(nodes, ros_client):
    """A world of the test's own; start the policy by `world.start_node`."""
    world = PolicyWorld(ros_client)
    world.start_node = lambda *args: nodes.node(NODE, *args)
    return world


@pytest.fixture(scope="module")
def shared(tmp_path_factory, theta):
    """One policy process and one world for most tests: starting them takes seconds."""
    with pytest.MonkeyPatch.context() as environment:
        claim = claim_domain(environment, tmp_path_factory)
        processes, client = Processes(), Client()
        world = PolicyWorld(client)
        processes.node(NODE, "-p", f"checkpoint:={theta}")
        client.until(lambda: world.status, 60.0, "status of the policy")
        yield world
        processes.close()
        client.close()
        claim.release()


@pytest.fixture
def world(shared, theta):
    """The shared world, mended, with the policy as it was loaded."""
    shared.mend()
    shared.call(SetBool, "freeze", data=False)
    assert shared.call(LoadPolicy, "load_policy", uri=theta).success
    for inbox in (shared.twists, shared.openings, shared.images, shared.status):
        inbox.clear()
    shared.client.until(lambda: shared.status and shared.status[-1].state == "ready")
    return shared


def duties(arrays, name):
    return [s for a in arrays for s in a.status if s.name == f"/policy: {name}"]


def test_a_run_answers_each_image_with_what_the_session_decides(world, theta):
    handle = world.start_run(max_duration_s=1.5, task="place")
    result = world.result(handle)
    assert (result.outcome, result.termination_reason) == (Outcome.TIMEOUT, "timeout")
    assert world.asked == [GateStatus.POLICY, GateStatus.HOLD]
    stamps = [stamp_ns(msg.header.stamp) for msg in world.twists]
    assert set(stamps) <= set(world.images)
    assert len(set(stamps)) >= 10
    assert stamps == sorted(stamps)
    assert result.steps >= 10
    pos, quat = kinematics("sawyer")(world.position[:7])
    frame = Frame(
        stamp_ns=1,
        rgb=CONTRACT.camera.spec.apply(world.pixels),
        q_rad=world.position[:7],
        ee_pos_m=pos,
        ee_quat_wxyz=quat,
        gripper_m=float(world.position[7:].sum()),
    )
    expected = Session.load(theta).act(frame)
    for twist, gripper in zip(world.twists, world.openings, strict=False):
        assert twist.header.frame_id == "base"
        assert np.array_equal(twist6(twist), [*expected[:3], 0, 0, 0])
        assert gripper.opening_m == expected[3]
    running = [msg for msg in world.status if msg.state == "running"]
    assert running[-1].task == "place"
    assert running[-1].inference_ms > 0
    assert stamp_ns(running[-1].image_stamp) in stamps
    world.client.spin_for(0.3)  # what was still under way
    seen = len(world.twists)
    world.client.spin_for(0.4)
    assert len(world.twists) == seen


def test_a_proposal_is_repeated_only_while_its_image_is_fresh(world):
    world.start_run()
    world.camera = False
    world.client.until(lambda: world.status[-1].state == "running")
    last = world.images[-1]
    world.client.spin_for(0.6)
    seen = len(world.twists)
    of_last = [m for m in world.twists if stamp_ns(m.header.stamp) == last]
    assert 2 <= len(of_last) <= 6
    world.client.spin_for(0.3)
    assert len(world.twists) == seen


@pytest.mark.parametrize("fault", ["camera", "joints", "names", "nan", "size"])
def test_a_bad_observation_is_answered_with_silence_and_told(world, fault):
    arrays = world.client.inbox(DiagnosticArray, "/diagnostics", DIAGNOSTICS)
    handle = world.start_run()
    good = world.pixels, world.names, world.position
    if fault in ("camera", "joints"):
        setattr(world, fault, False)
    elif fault == "names":
        world.names, world.position = world.names[1:], world.position[1:]
    elif fault == "nan":
        world.position = np.full(len(world.names), np.nan)
    else:
        world.pixels = np.zeros((120, 160, 3), np.uint8)
    words = {"names": "right_j0", "nan": "not finite", "size": "(120, 160, 3)"}
    world.client.until(
        lambda: [
            status
            for status in duties(arrays, "observation")
            if status.level == b"\x02" and words.get(fault, "no frame for") in status.message
        ]
    )
    world.client.spin_for(0.3)  # what was fresh when it began
    seen = len(world.twists)
    world.client.spin_for(0.4)
    assert len(world.twists) == seen
    world.camera = world.joints = True
    world.pixels, world.names, world.position = good
    world.client.until(lambda: len(world.twists) > seen + 3, what="proposals again")
    world.client.until(lambda: duties(arrays, "observation")[-1].level == b"\x00")
    handle.cancel_goal_async()
    assert world.result(handle).termination_reason == "cancelled"


def test_extra_and_reordered_joints_change_nothing(world):
    world.start_run()
    before = twist6(world.twists[-1])
    world.names = [*world.names[::-1], "head_pan"]
    world.position = np.append(world.position[::-1], 9.0)
    seen = len(world.twists)
    world.client.until(lambda: len(world.twists) > seen + 6)
    assert np.array_equal(twist6(world.twists[-1]), before)


def test_a_person_who_takes_over_ends_the_run(world):
    handle = world.start_run()
    seen = len(world.twists)
    world.client.until(lambda: len(world.twists) > seen + 10)  # it has heard that it was let in
    world.take_over()
    result = world.result(handle)
    assert (result.outcome, result.termination_reason) == (Outcome.STOPPED, "gate")
    assert world.asked == [GateStatus.POLICY]


def test_a_gate_that_refuses_or_falls_silent_ends_the_run(world):
    world.refuse = "estop is latched"
    handle = world.send(RunPolicy.Goal())
    assert world.result(handle).termination_reason == "gate"
    world.refuse = ""
    handle = world.start_run()
    world.reports = False
    assert world.result(handle).termination_reason == "gate"


def test_cancel_ends_the_run_and_asks_the_gate_to_hold(world):
    feedback = []
    handle = world.send(RunPolicy.Goal(max_duration_s=30.0), feedback)
    world.client.until(lambda: feedback and feedback[-1].steps > 0)
    assert feedback[-1].elapsed_s > 0
    handle.cancel_goal_async()
    result = world.result(handle)
    assert (result.outcome, result.termination_reason) == (Outcome.CANCELLED, "cancelled")
    assert world.asked == [GateStatus.POLICY, GateStatus.HOLD]


def test_a_second_run_is_refused_and_the_first_goes_on(world):
    first = world.start_run()
    second = world.result(world.send(RunPolicy.Goal()))
    assert second.outcome == Outcome.ERROR
    seen = len(world.twists)
    world.client.until(lambda: len(world.twists) > seen + 2)
    first.cancel_goal_async()
    assert world.result(first).termination_reason == "cancelled"


def test_adapting_from_a_bag_tells_each_step_and_swaps(world, theta, episode):
    steps = world.client.inbox(Adaptation, "policy/adaptation", STATUS)
    feedback = []
    before = world.status[-1].version
    result = world.result(world.send(Adapt.Goal(episode_uris=[episode], steps=4), feedback))
    assert result.accepted, result.message
    assert result.loss_after < result.loss_before
    world.client.until(lambda: [m.step for m in steps] == [0, 1, 2, 3, 4])
    assert steps[0].loss == result.loss_before
    assert steps[-1].version == before
    # A client drops feedback that comes after the result; the topic is the whole record.
    assert {(f.step, f.loss) for f in feedback} <= {(m.step, m.loss) for m in steps}
    world.client.until(lambda: world.status[-1].version == result.version)
    session = Session.load(theta)
    session.apply(session.adapt([read_demo(episode, CONTRACT)], 4))
    assert session.version == result.version


def test_what_was_shown_and_run_is_noted_beside_the_episodes(own, theta, episode):
    store = Path(episode).parent
    own.start_node("-p", f"checkpoint:={theta}", "-p", f"episodes:={store}")
    own.client.until(lambda: own.status, 60.0, "status of the policy")
    adapted = own.result(own.send(Adapt.Goal(episode_uris=[episode], steps=1)))
    assert adapted.accepted
    own.result(own.send(RunPolicy.Goal(task="cup", max_duration_s=0.5)))
    lines = [json.loads(line) for line in (store / FILE).read_text().splitlines()]
    assert lines[0] == {"shown": ["episode"], "version": adapted.version}
    assert (lines[1]["ran"], lines[1]["ended"]) == ("cup", "timeout")
    assert tasks_of_episodes(store) == {"episode": "cup"}


def test_adapting_while_running_swaps_between_two_decisions(world, episode):
    handle = world.start_run()
    before = twist6(world.twists[-1])
    result = world.adapt(episode, steps=50)
    assert result.accepted
    world.client.until(lambda: not np.array_equal(twist6(world.twists[-1]), before))
    after = twist6(world.twists[-1])
    for msg in world.twists:
        assert np.array_equal(twist6(msg), before) or np.array_equal(twist6(msg), after)
    handle.cancel_goal_async()
    world.result(handle)


def test_a_bad_episode_is_refused_with_its_reason_and_the_policy_stays(world, tmp_path):
    version = world.status[-1].version
    other = recordings.write_episode(tmp_path / "other", robot="ur5e")
    (tmp_path / "foreign.mcap").write_bytes(b"no bag")
    for uri, words in [
        (tmp_path / "nowhere", "no such episode"),
        (tmp_path / "foreign.mcap", "damaged or no MCAP"),
        (other, "recorded on robot 'ur5e'"),
    ]:
        result = world.adapt(str(uri))
        assert not result.accepted
        assert words in result.message
        assert result.version == version
    assert "no demos came" in world.adapt().message
    world.start_run()
    assert world.status[-1].version == version


def test_a_second_adaptation_is_refused_while_one_goes_on(world, episode):
    feedback = []
    slow = world.send(Adapt.Goal(episode_uris=[episode], steps=1_000_000), feedback)
    world.client.until(lambda: feedback)
    assert "busy with adapting" in world.adapt(episode).message
    slow.cancel_goal_async()
    result = world.result(slow)
    assert not result.accepted
    assert "cancelled" in result.message
    assert world.adapt(episode).accepted


def test_rollback_freeze_and_load(own, theta, episode, tmp_path):
    world, call = own, own.call
    world.start_node("-p", f"checkpoint:={theta}")
    world.client.until(lambda: world.status, 60.0)
    first = world.status[-1].version
    nothing = call(Trigger, "rollback")
    assert not nothing.success
    assert "nothing was changed" in nothing.message
    adapted = world.adapt(episode).version
    assert call(SetBool, "freeze", data=True).success
    for refused in (
        call(Trigger, "rollback"),
        call(LoadPolicy, "load_policy", uri=theta),
        world.adapt(episode),
    ):
        assert "frozen" in refused.message
    assert call(SetBool, "freeze", data=False).success
    back = call(Trigger, "rollback")
    assert (back.success, back.message) == (True, first)

    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(Path(theta).read_bytes()[:-1])
    wide = save_theta(tmp_path / "wide.safetensors", image=(64, 80))
    for uri, words in [
        (str(tmp_path / "nowhere"), "no such file"),
        (str(bad), "not a whole safetensors file"),
        (wide, "robot sawyer gives crops of 240 x 240"),
    ]:
        answer = call(LoadPolicy, "load_policy", uri=uri)
        assert not answer.success
        assert words in answer.message
    other = save_theta(tmp_path / "other.safetensors", seed=1)
    loaded = call(LoadPolicy, "load_policy", uri=other)
    assert loaded.success, loaded.message
    assert len({first, adapted, loaded.message}) == 3
    world.client.until(lambda: world.status[-1].version == loaded.message)
    assert call(Trigger, "rollback").message == first


def test_a_policy_is_not_replaced_under_a_run(world, theta):
    world.start_run()
    answer = world.call(LoadPolicy, "load_policy", uri=theta)
    assert not answer.success
    assert "a run goes on" in answer.message


def test_without_a_policy_the_node_waits_and_says_so(own, theta, episode):
    world = own
    world.start_node()
    world.client.until(lambda: world.status, 60.0)
    assert world.status[-1].state == "waiting"
    assert "no policy is loaded" in world.adapt(episode).message
    assert world.result(world.send(RunPolicy.Goal())).outcome == Outcome.ERROR
    assert world.asked == []
    world.call(LoadPolicy, "load_policy", uri=theta)
    world.client.until(lambda: world.status[-1].state == "ready")


def test_a_bad_checkpoint_stops_the_node_at_start(nodes, tmp_path):
    process = nodes.node(NODE, "-p", f"checkpoint:={tmp_path / 'nowhere'}")
    assert process.wait() == 1
    assert "no such file; give the path of a .safetensors checkpoint" in process.output


# The node may be gone before the answer to its last request is sent.
@pytest.mark.filterwarnings("ignore:failed to send response:RuntimeWarning")
def test_stopping_the_node_under_a_run_asks_the_gate_to_hold(own, theta):
    world = own
    process = world.start_node("-p", f"checkpoint:={theta}")
    world.start_run()
    process.send(signal.SIGINT)
    world.client.until(lambda: world.asked[-1] == GateStatus.HOLD, what="HOLD")
    assert process.wait() == 0


def test_the_lifecycle_goes_round_and_the_policy_still_works(own, theta, episode):
    def change(transition):
        request = ChangeState.Request(transition=Transition(id=transition))
        return own.client.call(ChangeState, "/policy/change_state", request).success

    own.start_node("-p", f"checkpoint:={theta}")
    own.client.until(lambda: own.status, 60.0)
    assert change(Transition.TRANSITION_DEACTIVATE)
    assert not own.send(RunPolicy.Goal()).accepted
    own.forget()
    assert change(Transition.TRANSITION_ACTIVATE)
    own.start_run()
    own.mend()
    assert change(Transition.TRANSITION_DEACTIVATE)
    assert change(Transition.TRANSITION_CLEANUP)
    assert change(Transition.TRANSITION_CONFIGURE)
    assert change(Transition.TRANSITION_ACTIVATE)
    assert own.adapt(episode).accepted
    own.start_run()
