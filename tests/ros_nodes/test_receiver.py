from types import SimpleNamespace

import numpy as np
import pytest

from robot_meta.errors import ObservationError
from ros_nodes.receiver import ArmReceiver
from ros_nodes.watchdog import WATCHDOG_NS
from sim.follower import TrajectoryFollower
from sim.sawyer import A_MAX, JOINT_NAMES, START_Q, V_MAX
from sim.servo import Servo

MS = 1_000_000


def trajectory(points, names=JOINT_NAMES, stamp=0):
    """A JointTrajectory by shape."""
    return SimpleNamespace(
        header=SimpleNamespace(stamp=SimpleNamespace(sec=0, nanosec=stamp)),
        joint_names=list(names),
        points=[
            SimpleNamespace(
                positions=list(q),
                velocities=list(qd),
                time_from_start=SimpleNamespace(sec=int(t), nanosec=round(t % 1 * 1e9)),
            )
            for t, q, qd in points
        ],
    )


@pytest.fixture
def arm():
    return ArmReceiver(TrajectoryFollower(START_Q))


def drive(arm, servo, seconds=0.5, start_s=0.0):
    """Send what a gate sends, 50 Hz; returns the robot time after it."""
    for i in range(round(seconds / 0.02)):
        now = start_s + 0.02 * i
        servo.step(np.array([0.0, 0.3, 0.0, 0.0, 0.0, 0.0]), 0.02)
        arm.accept(trajectory(servo.braking_points(0.02)), now, round(now * 1e9))
    return now


def test_follows_and_ends_at_rest_when_nothing_more_comes(arm):
    servo = Servo()
    servo.reset(START_Q)
    now = drive(arm, servo)
    assert np.abs(arm.sample(now)[1]).max() > 0.1
    times = now + np.arange(0.0, 0.5, 0.002)
    speeds = np.array([arm.sample(t)[1] for t in times])
    assert not speeds[-1].any()
    # Bounded acceleration all the way; the joining segment may blend two ticks.
    assert (np.abs(np.diff(speeds, axis=0)) / 0.002 <= 1.05 * A_MAX).all()


def test_names_in_any_order_mean_the_same(arm):
    order = np.random.default_rng(0).permutation(7)
    goal = START_Q + 0.01
    names = [JOINT_NAMES[i] for i in order]
    arm.accept(trajectory([(0.1, goal[order], np.zeros(7))], names), 0.0, 0)
    np.testing.assert_allclose(arm.sample(0.2)[0], goal)


def test_watchdog_brakes_on_the_steady_clock_even_if_robot_time_stands(arm):
    servo = Servo()
    servo.reset(START_Q)
    now = drive(arm, servo)
    q, qd = servo.q, servo.qd
    ahead = [(0.5, q + 0.5 * qd, qd), (0.9, q + 0.7 * qd, np.zeros(7))]
    arm.accept(trajectory(ahead), now, 0)
    assert not arm.watch(now, WATCHDOG_NS)
    assert arm.watch(now + 0.1, WATCHDOG_NS + 1)
    assert arm.watchdog
    assert not arm.watch(now + 0.1, 2 * WATCHDOG_NS)  # told once
    stop_s = (V_MAX / A_MAX).max()
    assert not arm.sample(now + 0.1 + stop_s)[1].any()
    arm.accept(trajectory([(0.02, arm.sample(now + 0.4)[0], np.zeros(7))]), now + 0.4, 10**9)
    assert not arm.watchdog


def test_before_any_command_there_is_nothing_to_watch(arm):
    assert not arm.watch(0.0, 10**12)


def test_emergency_stop_brakes_and_refuses_until_released(arm):
    servo = Servo()
    servo.reset(START_Q)
    now = drive(arm, servo)
    arm.emergency_stop(True, now)
    with pytest.raises(ObservationError, match="emergency stop is on"):
        arm.accept(trajectory(servo.braking_points(0.02)), now, 0)
    speed = arm.sample(now + 0.3)[1]
    assert not speed.any()
    arm.emergency_stop(False, now + 1.0)
    arm.accept(trajectory([(0.1, arm.sample(now + 1.0)[0], np.zeros(7))]), now + 1.0, 0)


def test_a_trajectory_without_points_means_stop(arm):
    servo = Servo()
    servo.reset(START_Q)
    now = drive(arm, servo)
    arm.accept(trajectory([]), now, 0)
    assert not arm.sample(now + 0.3)[1].any()


ZERO = np.zeros(7)
FAST = np.where(np.arange(7) == 2, 2.5, 0.0)
LEAP = START_Q + np.where(np.arange(7) == 4, 0.5, 0.0)
OUT = np.where(np.arange(7) == 1, 2.4, START_Q)


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (trajectory([(0.1, START_Q, ZERO)], stamp=5), "stamp 5 ns; need 0"),
        (
            trajectory([(0.1, START_Q[:6], ZERO[:6])], JOINT_NAMES[:6]),
            r"\['right_j6'\] are missing",
        ),
        (trajectory([(0.1, [*START_Q, 0], [*ZERO, 0])], (*JOINT_NAMES, "head")), "head"),
        (trajectory([(0.1, START_Q[:5], ZERO)]), "5 values, need 7"),
        (trajectory([(0.1, START_Q, [])]), "velocities of point 0: 0 values, need 7"),
        (trajectory([(0.1, START_Q * np.nan, ZERO)]), "not finite"),
        (trajectory([(0.1, START_Q, ZERO), (0.1, START_Q, ZERO)]), "times must rise"),
        (trajectory([(0.0, START_Q, ZERO)]), r"need them in \(0, 1.0\]"),
        (trajectory([(1.2, START_Q, ZERO)]), r"need them in \(0, 1.0\]"),
        (trajectory([(0.1, START_Q, ZERO + 0.1)]), "need an end at rest"),
        (trajectory([(0.1, OUT, ZERO)]), "right_j1 at 2.4000 rad"),
        (trajectory([(0.1, START_Q, FAST), (0.2, START_Q, ZERO)]), "right_j2 at 2.5000 rad/s"),
        (trajectory([(0.02, LEAP, ZERO)]), "leap to the first point: right_j4"),
    ],
)
def test_what_no_gate_sends_is_refused_and_the_arm_stays(arm, message, says):
    before = arm.sample(0.0)[0]
    with pytest.raises(ObservationError, match=says):
        arm.accept(message, 0.0, 0)
    assert arm.refused == 1
    assert arm.accepted == 0
    np.testing.assert_array_equal(arm.sample(1.0)[0], before)
