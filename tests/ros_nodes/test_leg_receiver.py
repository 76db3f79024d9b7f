from types import SimpleNamespace as S

import numpy as np
import pytest

from robot_meta.errors import ObservationError
from ros_nodes.leg_receiver import LegReceiver
from sim.leg_limits import joint_names, limits
from sim.legged import ANT

MS = 1_000_000
NAMES = joint_names(ANT)
QD = np.linspace(-2.0, 2.0, 8)


def command(effort=10.0, names=NAMES):
    return S(name=list(names), effort=[effort] * len(names))


@pytest.fixture
def receiver():
    return LegReceiver(NAMES, limits(ANT))


def damped(receiver):
    return np.allclose(receiver.effort(QD), -receiver.limits.damping * QD)


def test_damps_before_any_command_and_applies_a_good_one(receiver):
    assert damped(receiver)
    receiver.accept(command(), 0)
    assert np.allclose(receiver.effort(QD), 10.0)


def test_efforts_are_mapped_by_name(receiver):
    msg = S(name=list(NAMES[::-1]), effort=list(range(8)))
    receiver.accept(msg, 0)
    assert receiver.effort(QD).tolist() == list(range(7, -1, -1))


def test_the_last_effort_is_never_held(receiver):
    receiver.accept(command(), 0)
    assert not receiver.watch(200 * MS)
    assert receiver.watch(201 * MS)
    assert damped(receiver)
    assert not receiver.watch(300 * MS)  # told once
    receiver.accept(command(), 400 * MS)
    assert not damped(receiver)


def test_the_emergency_stop_damps_and_refuses(receiver):
    receiver.accept(command(), 0)
    receiver.emergency_stop(True)
    assert damped(receiver)
    with pytest.raises(ObservationError, match="emergency stop"):
        receiver.accept(command(), MS)
    receiver.emergency_stop(False)
    assert damped(receiver)  # nothing moves by itself again


@pytest.mark.parametrize(
    ("msg", "told"),
    [
        (command(names=NAMES[:-1]), "need"),
        (command(float("nan")), "finite"),
        (command(1e4), "the most is 150"),
        (S(name=list(NAMES), effort=[1.0]), "8 finite efforts"),
    ],
)
def test_bad_commands_are_refused_and_change_nothing(receiver, msg, told):
    receiver.accept(command(), 0)
    with pytest.raises(ObservationError, match=told):
        receiver.accept(msg, MS)
    assert np.allclose(receiver.effort(QD), 10.0)
    assert (receiver.accepted, receiver.refused) == (1, 1)
