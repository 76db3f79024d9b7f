import numpy as np
import pytest

from ros_nodes.gate import Mode, Now
from ros_nodes.target_gate import TargetGate
from sim.leg_limits import joint_names
from sim.leg_targets import target_limits
from sim.legged import GO1
from sim.walker import CROUCH, STAND

NAMES, MS = joint_names(GO1), 1_000_000


def now(ms):
    return Now(1_000_000_000 + ms * MS, ms * MS)


@pytest.fixture
def gate():
    made = TargetGate(NAMES, target_limits(GO1))
    made.on_joints(now(0).ros_ns, STAND, now(0))
    made.gate.policy_goal(True)
    made.set_mode(Mode.POLICY, now(0))
    return made


def test_targets_are_led_to_from_where_joints_are(gate):
    assert gate.on_targets("policy", now(1).ros_ns, NAMES[::-1], CROUCH[::-1], now(1))
    first = gate.tick(now(2), 0.02).points[0][1]
    assert np.abs(first - STAND).max() <= target_limits(GO1).speed[0] * 0.02 + 1e-9
    assert np.abs(first - CROUCH).max() < np.abs(STAND - CROUCH).max()


def test_silence_lets_go(gate):
    gate.on_targets("policy", now(1).ros_ns, NAMES, CROUCH, now(1))
    assert gate.tick(now(2), 0.02).points
    gate.on_joints(now(220).ros_ns, STAND, now(220))
    assert gate.tick(now(250), 0.02).points == []
    assert gate.gate.mode is Mode.HOLD


@pytest.mark.parametrize(
    ("names", "values", "told"),
    [
        (NAMES, np.full(12, np.nan), "finite"),
        (NAMES, STAND[:11], "one for each"),
        (NAMES[:11], STAND[:11], "missing"),
        (("other", *NAMES[1:]), STAND, "unknown"),
    ],
)
def test_bad_targets_are_refused_and_told(gate, names, values, told):
    assert not gate.on_targets("policy", now(1).ros_ns, names, values, now(1))
    assert told in gate.gate.refusal


def test_an_old_stamp_is_refused(gate):
    assert not gate.on_targets("policy", now(-300).ros_ns, NAMES, STAND, now(1))
