from types import SimpleNamespace as S

import numpy as np
import pytest

from robot_meta.errors import ConfigError
from ros_nodes.leg_sim import BATCH_NS, START_NS, LegSim
from sim.ground_faults import Pier
from sim.leg_faults import DisabledJoint, MotorDelay
from sim.legged import HALF_CHEETAH, LeggedWorld


def test_moves_as_the_environment_does():
    sim, world = LegSim("half_cheetah", seed=3), LeggedWorld(HALF_CHEETAH)
    world.reset(np.random.default_rng(3))
    action = np.linspace(-0.8, 0.8, 6)
    effort = action * world.model.actuator_gear[:, 0]
    sim.receiver.accept(S(name=list(sim.messages.names), effort=effort.tolist()), 0)
    for _ in range(5):
        sim.step()
    assert np.allclose(sim.state(), world.step(action), atol=1e-12)
    assert sim.time_ns == START_NS + 5 * BATCH_NS


def test_without_commands_it_is_damped_to_rest():
    sim = LegSim("ant")
    for _ in range(300):
        sim.step()
    _, qd = sim.messages.joints(sim.state())
    assert np.abs(qd).max() < 0.05


def test_an_accelerometer_at_rest_feels_gravity():
    sim = LegSim("ant")
    for _ in range(400):
        sim.step()
    assert np.linalg.norm(sim.acceleration()) == pytest.approx(9.81, rel=0.02)


def test_time_goes_on_over_a_reset_and_the_fault_stays():
    sim = LegSim("half_cheetah")
    sim.set_fault(DisabledJoint(joint=0))
    sim.step()
    sim.receiver.emergency_stop(True)
    sim.reset(seed=1)
    assert sim.time_ns == START_NS + BATCH_NS
    assert sim.episode_number == 2
    assert sim.world.model.actuator_gainprm[0, 0] == 0.0
    assert sim.receiver.stopped
    sim.set_fault(None)
    assert sim.world.model.actuator_gainprm[0, 0] != 0.0


def test_equal_runs_have_equal_hashes():
    a, b, other = LegSim("ant", seed=0), LegSim("ant", seed=0), LegSim("ant", seed=1)
    for sim in (a, b, other):
        sim.step()
    assert a.state_hash() == b.state_hash() != other.state_hash()
    assert set(a.info()) == {"distance_m", "diverged"}


def test_what_cannot_be_is_refused():
    for arguments, told in ((("spot",), "half_cheetah, ant"), (("ant", "moon"), "flat, pier")):
        with pytest.raises(ConfigError, match=told):
            LegSim(*arguments)
    sim = LegSim("half_cheetah")
    for fault, told in ((MotorDelay(steps=1), "delays"), (Pier(), "terrain:=pier")):
        with pytest.raises(ConfigError, match=told):
            sim.set_fault(fault)
    assert sim.fault is None
