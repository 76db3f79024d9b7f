"""`move_to`: a straight way to the goal, no faster than asked, ended at rest."""

import numpy as np
import pytest

from ros_nodes.joint_move import JointMove
from sim.limits import ServoLimits
from sim.sawyer import HOME_Q, Q_HIGH, START_Q
from sim.servo import Servo

DT = 0.02
SPEED = ServoLimits().joint_speed


def run(move, servo, ticks=1500):
    path = []
    for _ in range(ticks):
        servo.step_joints(move.velocity(servo.q, servo.qd, servo.q, DT), DT)
        path.append((servo.q, servo.qd))
        if move.done and not servo.qd.any():
            break
    return [np.array(x) for x in zip(*path, strict=True)]


@pytest.mark.parametrize("scale", [0.1, 0.5, 1.0])
def test_arrives_straight_and_within_the_speed(scale):
    servo, move = Servo(), JointMove(HOME_Q, scale * SPEED)
    servo.reset(START_Q)
    q, qd = run(move, servo)
    assert (move.success, move.message) == (True, "arrived")
    assert q[-1] == pytest.approx(HOME_Q, abs=5e-4)
    assert (np.abs(qd) <= scale * SPEED + 1e-9).all()
    assert np.abs(qd / (scale * SPEED)).max() > 0.9, "and not slower than it may"
    way = HOME_Q - START_Q
    share = (q - START_Q) @ way / (way @ way)
    assert q - START_Q == pytest.approx(np.outer(share, way), abs=1e-3)
    assert share.max() <= 1.0 + 1e-3, "no overshoot to speak of"


def test_a_way_through_the_table_is_given_up_and_told():
    servo = Servo()
    servo.reset(START_Q)
    goal = START_Q.copy()
    goal[1] += 1.2
    move = JointMove(goal, SPEED)
    _, qd = run(move, servo)
    assert not move.success
    assert "something is in the way" in move.message
    assert (qd[-1] == 0.0).all()
    assert servo.distance_m >= servo.limits.stop_m - 1e-4 or servo.clearance.at(servo.q) > 0.0


@pytest.mark.parametrize(
    ("goal", "why"),
    [
        (np.zeros(6), "7 finite"),
        (np.full(7, np.nan), "7 finite"),
        (np.r_[Q_HIGH[0] + 0.1, np.zeros(6)], "joint 0 .* out of its range"),
    ],
)
def test_goals_out_of_reach_are_refused(goal, why):
    with pytest.raises(ValueError, match=why):
        JointMove(goal, SPEED)


def test_the_measured_arm_must_arrive_too():
    move, held = JointMove(START_Q, SPEED), START_Q + 0.05
    for _ in range(60):
        move.velocity(START_Q, np.zeros(7), held, DT)
    assert (move.done, move.success) == (True, False)
    assert move.remaining_rad == pytest.approx(0.05)
