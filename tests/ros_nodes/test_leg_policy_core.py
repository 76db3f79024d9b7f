from types import SimpleNamespace as S

import numpy as np
import pytest

from robot_meta import checkpoint, learners
from robot_meta.config import as_dict
from robot_meta.errors import ContractError, ObservationError, SessionError
from robot_meta.locomotion import World, body_of
from robot_meta.online import OnlineConfig
from robot_meta.planning import PlanConfig
from ros_nodes.leg_policy_core import LegPolicyCore
from ros_nodes.leg_sim import LegSim
from sim.legged import ANT, HALF_CHEETAH
from tests.ros_nodes.test_leg_state import odometry

CONFIG = OnlineConfig(planner=PlanConfig(horizon=2, candidates=4, rounds=1, elites=2))


def saved(path, robot="half_cheetah"):
    body = as_dict(body_of(World(robot=robot, fault="none").make()))
    learner = learners.make_motion("grbal", {"body": body, "net": {"hidden": [8]}, "past": 3})
    checkpoint.save(path, learner.init(0), learner.config, "grbal")
    return str(path)


@pytest.fixture
def core(tmp_path):
    core = LegPolicyCore(HALF_CHEETAH, CONFIG)
    core.load(saved(tmp_path / "theta.safetensors"))
    return core


class Robot:
    """A simulated robot whose messages a core is fed."""

    def __init__(self, core):
        self.core, self.sim, self.held = core, LegSim("half_cheetah"), False

    def messages(self):
        state, ns = self.sim.state(), self.sim.time_ns
        stamp = S(sec=ns // 10**9, nanosec=ns % 10**9)
        odom = odometry()
        odom.header.stamp = stamp
        self.sim.messages.fill_odom(odom, state)
        q, qd = self.sim.messages.joints(state)
        joints = S(
            header=S(stamp=stamp), name=list(self.sim.messages.names), position=q, velocity=qd
        )
        return odom, joints

    def batch(self):
        if not self.held:
            self.sim.step()
        else:
            self.sim._time_ns += 10_000_000
        odom, joints = self.messages()
        assert self.core.feed("odom", odom) is None
        return self.core.feed("joint_states", joints)

    def control_step(self):
        """Until the next control step: the decision there, after planning for the one after."""
        while (step := self.batch()) is None:
            pass
        decision = self.core.decide(*step)
        self.core.plan()
        return decision


def test_a_step_of_control_is_every_50_ms_and_the_first_proposes_nothing(core):
    robot = Robot(core)
    assert robot.control_step() is None
    stamps = [robot.control_step().stamp_ns for _ in range(4)]
    assert np.diff(stamps).tolist() == [50_000_000] * 3


def test_what_goes_out_is_what_was_planned_a_step_before(core):
    robot = Robot(core)
    robot.control_step()
    for _ in range(5):
        planned = core._next.copy()
        decision = robot.control_step()
        gear = robot.sim.world.model.actuator_gear[:, 0]
        assert np.allclose(decision.effort, planned[0] * gear)


def test_with_an_old_state_the_plan_before_goes_on(core):
    robot = Robot(core)
    for _ in range(4):
        robot.control_step()
    while (step := robot.batch()) is None:
        pass
    going_on = core._agent.plan[:, 1].double().numpy()
    core.decide(*step)
    core.plan(age_s=0.6 * core.period_ns / 1e9)
    assert np.array_equal(core._next, going_on)


def test_where_states_always_come_late_plans_are_made_all_the_same(core, monkeypatch):
    robot, planned = Robot(core), []
    imagined = core._agent._decide

    def decide(*asked):
        planned[-1] = True
        return imagined(*asked)

    monkeypatch.setattr(core._agent, "_decide", decide)
    for _ in range(9):
        while (step := robot.batch()) is None:
            pass
        core.decide(*step)
        planned.append(False)
        core.plan(age_s=0.6 * core.period_ns / 1e9)
    assert planned == [False, False, False, True] * 2 + [False]


def test_it_adapts_once_the_window_is_full(core):
    robot = Robot(core)
    steps = [robot.control_step() for _ in range(8)]
    assert not steps[2].told.adapted[0]
    assert steps[-1].told.error[0] > 0.0


def test_a_gap_in_time_voids_the_plan(core):
    robot = Robot(core)
    for _ in range(3):
        robot.control_step()
    robot.sim._time_ns += 50_000_000
    assert robot.control_step() is None
    assert robot.control_step() is not None


def test_sensors_that_have_stopped_are_not_acted_on(core):
    robot = Robot(core)
    robot.control_step()
    robot.held = True

    def go_on():
        for _ in range(20):
            robot.control_step()

    with pytest.raises(ObservationError, match="the sensors have stopped"):
        go_on()


def test_models_of_other_bodies_and_no_model_are_refused(tmp_path, core):
    with pytest.raises(ContractError, match="ant has 29 and 8"):
        LegPolicyCore(ANT, CONFIG).load(saved(tmp_path / "cheetah.safetensors"))
    empty = LegPolicyCore(HALF_CHEETAH, CONFIG)
    assert empty.version == ""
    with pytest.raises(SessionError, match="no policy"):
        empty.decide(1, np.zeros(18))


def test_a_lag_is_told_to_the_agent_as_a_share_of_the_control_step(tmp_path):
    late = LegPolicyCore(HALF_CHEETAH, CONFIG, lag_s=0.0125)
    late.load(saved(tmp_path / "theta.safetensors"))
    assert late._agent is not None
    assert late._agent.config.lag == pytest.approx(0.25)
