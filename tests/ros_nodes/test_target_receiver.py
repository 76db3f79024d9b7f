import numpy as np
import pytest

from robot_meta.errors import ObservationError
from ros_nodes.target_receiver import TargetReceiver
from ros_nodes.watchdog import WATCHDOG_NS
from sim.leg_limits import joint_names
from sim.leg_targets import TargetLimiter, target_limits
from sim.legged import GO1
from sim.walker import CROUCH, STAND
from tests.ros_nodes.test_walk_policy_core import message

NAMES, LIMITS = joint_names(GO1), target_limits(GO1)


def points(wish=CROUCH, start=STAND):
    limiter = TargetLimiter(LIMITS)
    limiter.reset(start)
    return limiter.step(wish, 0.02).points


@pytest.fixture
def receiver():
    made = TargetReceiver(NAMES, LIMITS)
    made.accept(message(points(), NAMES), STAND, 1.0, 0)
    return made


def test_it_follows_to_rest_and_lets_go_when_nobody_speaks(receiver):
    went = receiver.target(STAND, 1.02)
    assert went == pytest.approx(points()[0][1], abs=1e-6)
    rest = receiver.target(STAND, 1.2)
    assert not receiver.watch(WATCHDOG_NS)
    assert (receiver.target(STAND, 1.2) == rest).all()
    assert receiver.watch(WATCHDOG_NS + 1)
    assert not receiver.holding
    here = STAND + 0.3
    assert receiver.target(here, 1.3) is here


def test_no_points_let_go_and_the_emergency_stop_refuses_all(receiver):
    receiver.accept(message([], NAMES), STAND, 1.1, 1)
    assert not receiver.holding
    receiver.emergency_stop(True)
    with pytest.raises(ObservationError, match="emergency stop"):
        receiver.accept(message(points(), NAMES), STAND, 1.2, 2)
    receiver.emergency_stop(False)
    receiver.accept(message(points(), NAMES), STAND, 1.3, 3)
    assert receiver.holding


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (lambda p: [(t, np.full(12, np.nan), v) for t, _, v in p], "not finite"),
        (lambda p: [(t, LIMITS.high + 1.0, v) for t, _, v in p], "position"),
        (lambda p: [(t, q[:11], v[:11]) for t, q, v in p], "values, need 12"),
        (lambda p: p[:1], "end at rest"),
        (lambda p: [(t + 1.0, q, v) for t, q, v in p], "points from"),
        (lambda p: points(start=STAND + 1.2), "leap"),
    ],
)
def test_what_no_gate_would_send_is_refused_and_the_last_good_goes_on(receiver, bad, told):
    before = receiver.target(STAND, 1.01).copy()
    with pytest.raises(ObservationError, match=told):
        receiver.accept(message(bad(points()), NAMES), STAND, 1.01, 1)
    assert receiver.refused == 1
    assert (receiver.target(STAND, 1.01) == before).all()


def test_names_may_come_in_any_order_but_must_be_all():
    receiver = TargetReceiver(NAMES, LIMITS)
    turned = [(t, q[::-1], v[::-1]) for t, q, v in points()]
    receiver.accept(message(turned, NAMES[::-1]), STAND, 1.0, 0)
    assert receiver.target(STAND, 1.02) == pytest.approx(points()[0][1], abs=1e-6)
    with pytest.raises(ObservationError, match="missing"):
        receiver.accept(message(points(), ("other", *NAMES[1:])), STAND, 1.0, 0)
