from types import SimpleNamespace as S

import numpy as np
import pytest

from robot_meta.errors import ContractError, ObservationError, SessionError
from robot_meta.online import Told
from ros_nodes.leg_sim import LegSim
from ros_nodes.walk_policy_core import Velocity, WalkPolicyCore, bounded
from sim.leg_targets import TargetLimiter, target_limits
from sim.legged import GO1
from sim.walker import FULL_SPEED, MAX_TURN
from tests.ros_nodes.test_leg_policy_core import CONFIG, saved
from tests.ros_nodes.test_leg_state import odometry


class Robot:
    """A simulated Go1 whose messages a core is fed, and which does what the core wants."""

    def __init__(self, core):
        self.core, self.sim = core, LegSim("go1")
        self.limiter = TargetLimiter(target_limits(GO1))
        self.limiter.reset(self.sim.messages.joints(self.sim.state())[0])

    def feed(self):
        state, ns = self.sim.state(), self.sim.time_ns
        stamp = S(sec=ns // 10**9, nanosec=ns % 10**9)
        odom = odometry()
        odom.header.stamp = stamp
        self.sim.messages.fill_odom(odom, state)
        q, qd = self.sim.messages.joints(state)
        names = list(self.sim.messages.names)
        joints = S(header=S(stamp=stamp), name=names, position=q, velocity=qd)
        assert self.core.feed("odom", odom) is None
        return self.core.feed("joint_states", joints)

    def tick(self):
        decision = self.core.decide(*self.feed())
        self.core.plan()
        points = self.limiter.step(decision.targets, 0.02).points
        self.sim.accept(message(points, self.sim.messages.names), 0)
        for _ in range(2):
            self.sim.step()
        return decision


def message(points, names):
    as_stamp = lambda t: S(sec=int(t), nanosec=round(t % 1.0 * 1e9))  # noqa: E731
    points = [S(positions=q, velocities=qd, time_from_start=as_stamp(t)) for t, q, qd in points]
    return S(header=S(stamp=S(sec=0, nanosec=0)), joint_names=list(names), points=points)


@pytest.fixture
def core(tmp_path):
    core = WalkPolicyCore(GO1, CONFIG)
    core.load(saved(tmp_path / "theta.safetensors", "go1"))
    return core


def test_it_walks_when_told_and_stands_when_not(core):
    robot = Robot(core)
    core.command = Velocity(FULL_SPEED)
    for _ in range(100):
        robot.tick()
    walked = robot.sim.info()["distance_m"]
    assert walked > 0.2
    core.command = Velocity()
    for _ in range(60):
        robot.tick()
    stood = robot.sim.info()["distance_m"]
    for _ in range(50):
        robot.tick()
    assert robot.sim.info()["distance_m"] == pytest.approx(stood, abs=0.01)
    _, qd = robot.sim.messages.joints(robot.sim.state())
    assert np.abs(qd).max() < 0.1


def limping(core, *, adapted):
    """An agent that trusts no leg fully; what it is asked is in the list."""
    asked = []
    told = Told(error=np.zeros(1), prior_error=np.zeros(1), adapted=np.array([adapted]))
    core._agent = S(
        act=lambda seen, pending: asked.append((seen, pending)) or np.full((1, 4), 0.25),
        reset=lambda: None,
        told=told,
    )
    return asked


def test_no_leg_is_given_up_on_the_word_of_a_model_that_has_seen_nothing_of_it(core):
    robot = Robot(core)
    core.command = Velocity(FULL_SPEED)
    asked = limping(core, adapted=False)
    for _ in range(41):
        robot.tick()
    core.reset()
    assert len(asked) == 3
    assert all((pending == 0.0).all() for _, pending in asked)


def test_a_stride_is_chosen_while_the_one_before_is_walked(core):
    robot = Robot(core)
    core.command = Velocity(FULL_SPEED)
    asked = limping(core, adapted=True)
    for _ in range(41):
        robot.tick()
    assert np.allclose(core._pending, 0.25)
    core.reset()
    assert len(asked) == 3
    assert asked[0][0].shape == (1, 13)
    assert (asked[0][1] == 0.0).all()
    assert (asked[2][1] == 0.25).all()


def test_commands_are_bounded_and_must_be_numbers():
    assert bounded(3.0, -9.0) == Velocity(FULL_SPEED, -MAX_TURN)
    assert bounded(-0.1, 0.2) == Velocity(-0.1, 0.2)
    for forward, turn in ((np.nan, 0.0), (0.0, np.inf)):
        with pytest.raises(ObservationError, match="finite"):
            bounded(forward, turn)


def test_frozen_sensors_are_noticed(core):
    robot = Robot(core)
    state = robot.sim.state
    frozen = state()
    robot.sim.state = lambda: frozen

    def go_on():
        for _ in range(40):
            robot.sim._time_ns += 20_000_000
            robot.core.decide(*robot.feed())

    with pytest.raises(ObservationError, match="equal states"):
        go_on()


def test_without_a_policy_there_are_no_targets_and_another_bodys_is_refused(tmp_path):
    core = WalkPolicyCore(GO1, CONFIG)
    with pytest.raises(SessionError, match="no policy"):
        core.decide(1_000_000_000, np.zeros(37))
    with pytest.raises(ContractError, match="go1 has 13 and 4"):
        core.load(saved(tmp_path / "theta.safetensors", "ant"))
