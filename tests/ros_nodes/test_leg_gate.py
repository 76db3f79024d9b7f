"""The legs' gate: the arm's authority, and a stop that is damped, clamped and latched."""

import numpy as np
import pytest

from ros_nodes.gate import Mode, Now
from ros_nodes.leg_gate import LegGate
from sim.effort import Base, EffortLimits

NAMES = ("hip", "knee", "ankle")
MS = 1_000_000
UP = Base(0.0, 0.3)
DT = 0.02


def make():
    limits = EffortLimits(
        effort=np.array([30.0, 30.0, 10.0]),
        rate=np.full(3, 1e4),
        joint_speed=np.full(3, 20.0),
        damping=np.full(3, 1.5),
        power_w=500.0,
        tilt_rad=0.8,
        height_m=(0.1, 1.0),
    )
    return LegGate(NAMES, limits)


def at(ms):
    return Now(10_000 * MS + ms * MS, ms * MS + 1)


def joints(gate, ms, qd=(0.0, 0.0, 0.0)):
    gate.on_joints(at(ms).ros_ns, np.array(qd), at(ms))


def propose(gate, ms, effort=(1.0, 2.0, 3.0), names=NAMES):
    return gate.on_effort("policy", at(ms).ros_ns, names, np.array(effort), at(ms))


@pytest.fixture
def walking():
    gate = make()
    joints(gate, 0)
    gate.gate.policy_goal(True)
    gate.set_mode(Mode.POLICY, at(0))
    return gate


def test_efforts_are_mapped_by_name(walking):
    assert propose(walking, 0, (3.0, 1.0, 2.0), ("ankle", "hip", "knee"))
    assert walking.tick(UP, at(0), DT).effort == pytest.approx([1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("names", "effort", "why"),
    [
        (("hip", "knee"), (1.0, 2.0), r"missing \['ankle'\]"),
        (("hip", "knee", "ankle", "tail"), (1.0, 2.0, 3.0, 4.0), r"unknown \['tail'\]"),
        (("hip", "knee", "knee"), (1.0, 2.0, 3.0), "every joint once"),
        (NAMES, (1.0, 2.0), "3 finite efforts"),
        (NAMES, (1.0, np.nan, 2.0), "3 finite efforts"),
        (NAMES, (1.0, np.inf, 2.0), "3 finite efforts"),
    ],
)
def test_efforts_of_another_form_are_refused(walking, names, effort, why):
    assert not propose(walking, 0, effort, names)
    with pytest.raises(AssertionError, match=why):
        raise AssertionError(walking.gate.refusal)
    assert (walking.tick(UP, at(0), DT).effort == 0.0).all(), "at rest the damped stop is zero"


def test_silence_ends_in_damping_not_in_the_last_effort(walking):
    propose(walking, 0)
    for ms in range(20, 200, 20):
        joints(walking, ms, (2.0, -4.0, 10.0))
        assert walking.tick(UP, at(ms), DT).effort == pytest.approx([1.0, 2.0, 3.0])
    joints(walking, 200, (2.0, -4.0, 10.0))
    stopped = walking.tick(UP, at(200), DT).effort
    assert stopped == pytest.approx([-3.0, 6.0, -10.0]), "tau = -kd qd, clamped"
    assert walking.gate.mode is Mode.HOLD
    assert not propose(walking, 200)


def test_a_fall_is_latched_until_motion_is_asked_for(walking):
    propose(walking, 0)
    joints(walking, 20, (1.0, 1.0, 1.0))
    fallen = walking.tick(Base(1.2, 0.3), at(20), DT).effort
    assert fallen == pytest.approx([-1.5, -1.5, -1.5])
    assert walking.gate.mode is Mode.HOLD
    joints(walking, 40, (1.0, 1.0, 1.0))
    assert not propose(walking, 40)
    assert walking.tick(UP, at(40), DT).effort == pytest.approx([-1.5, -1.5, -1.5])
    walking.set_mode(Mode.POLICY, at(40))
    assert propose(walking, 40)
    assert walking.tick(UP, at(40), DT).effort == pytest.approx([1.0, 2.0, 3.0])


def test_there_is_no_person_to_drive_legs(walking):
    assert not walking.on_effort("teleop", at(0).ros_ns, NAMES, np.zeros(3), at(0))
    assert "unknown source 'teleop'" in walking.gate.refusal


def test_joints_and_limits_must_fit():
    limits = make().limiter.limits
    with pytest.raises(ValueError, match="2 joints, but limits for 3"):
        LegGate(("hip", "knee"), limits)
