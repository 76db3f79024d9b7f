"""The servo's promises over long random drives: no command breaks a limit or cannot stop."""

from itertools import pairwise

import numpy as np
import pytest

from sim.clearance import Clearance
from sim.follower import TrajectoryFollower
from sim.sawyer import A_MAX, HOME_Q, Q_HIGH, Q_LOW, START_Q, V_MAX, Kinematics, inverse
from sim.servo import DIVERGED_RAD, Limit, Servo, ServoLimits

DT = 0.02
SLACK = 1e-9


@pytest.fixture(scope="module")
def kin():
    return Kinematics()


def drive(servo, rng, ticks, *, size=1.5, hold=25):
    """Random twists, each held a while: full speed, turning, into walls, table and arm."""
    twist = np.zeros(6)
    for k in range(ticks):
        if k % hold == 0:
            twist = rng.uniform(-size, size, 6) * [0.4, 0.4, 0.4, 0.8, 0.8, 0.8]
            twist *= rng.random(6) < 0.7
        yield servo.step(twist, DT)


# --- limits -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_no_limit_is_ever_broken(seed, kin):
    servo, clearance, rng = Servo(), Clearance(), np.random.default_rng(seed)
    limits = servo.limits
    servo.reset(START_Q)
    before = START_Q, np.zeros(7)
    met = 0
    for step in drive(servo, rng, 3000):
        assert (np.abs(step.qd) <= 0.9 * V_MAX + SLACK).all()
        assert (np.abs(step.qd - before[1]) <= A_MAX * DT + SLACK).all()
        assert step.q == pytest.approx(before[0] + 0.5 * DT * (before[1] + step.qd), abs=1e-12)
        assert (step.q >= Q_LOW).all()
        assert (step.q <= Q_HIGH).all()
        tip, _ = kin.forward(step.q)
        assert (tip >= limits.box_low_m - 1e-3).all()
        assert (tip <= limits.box_high_m + 1e-3).all()
        assert clearance.at(step.q) >= limits.stop_m - 1e-4
        assert np.linalg.norm(step.twist[:3]) <= limits.linear_m_s + SLACK
        assert np.linalg.norm(step.twist[3:]) <= limits.angular_rad_s + SLACK
        met |= step.flags
        before = step.q, step.qd
    for name in ("LINEAR_SPEED", "ANGULAR_SPEED", "WORKSPACE", "JOINT_SPEED", "ACCELERATION"):
        assert met & Limit[name], f"the drive never met {name}"


def test_from_anywhere_limits_hold_or_mend(kin):
    """Started out of bounds or in contact, the arm never goes further, nor by itself."""
    rng = np.random.default_rng(7)
    servo, clearance = Servo(), Clearance()
    met = 0
    for _ in range(60):
        q0 = rng.uniform(Q_LOW, Q_HIGH)
        servo.reset(q0)
        worst = clearance.at(q0)
        for step in drive(servo, rng, 60):
            assert (step.q >= np.minimum(Q_LOW, q0) - SLACK).all()
            assert (step.q <= np.maximum(Q_HIGH, q0) + SLACK).all()
            distance = clearance.at(step.q)
            assert distance >= min(servo.limits.stop_m, worst) - 5e-4
            worst = max(worst, min(distance, servo.limits.stop_m))
            met |= step.flags
    for name in ("JOINT_RANGE", "SINGULARITY", "CLEARANCE"):
        assert met & Limit[name], f"no start met {name}"


def test_zero_twist_moves_nothing_wherever_the_arm_is():
    servo, rng = Servo(), np.random.default_rng(3)
    for _ in range(50):
        q = rng.uniform(Q_LOW, Q_HIGH)
        servo.reset(q)
        for _ in range(5):
            step = servo.step(np.zeros(6), DT)
        assert (step.q == q).all()


def test_the_arm_stops_short_of_the_table():
    """Wrist turned flat and driven down: the box would let the tip go on, the forearm may not."""
    servo, clearance = Servo(ServoLimits(box_low_m=np.array([-1.0, -1.0, -0.5]))), Clearance()
    servo.reset(HOME_Q)
    flags, distances = 0, []
    for _ in range(600):
        step = servo.step(np.array([0.0, 0.0, -0.3, 0.0, -0.4, 0.0]), DT)
        flags |= step.flags
        distances.append(clearance.at(step.q))
    assert flags & Limit.CLEARANCE
    assert min(distances) == pytest.approx(servo.limits.stop_m, abs=2e-3)
    assert min(distances) >= servo.limits.stop_m - 1e-4
    for _ in range(50):
        step = servo.step(np.array([0.0, 0.0, 0.3, 0.0, 0.0, 0.0]), DT)
    assert clearance.at(step.q) > 0.02, "the way back is open"


# --- stopping ---------------------------------------------------------------------------------


def test_every_command_ends_at_rest_within_the_stop_time():
    servo, rng = Servo(), np.random.default_rng(11)
    servo.reset(START_Q)
    for step in drive(servo, rng, 2000):
        points = servo.braking_points(DT)
        times = [t for t, _, _ in points]
        assert times[0] == DT
        assert (points[0][1] == step.q).all()
        assert points[0][2] == pytest.approx(step.qd, abs=2e-5)
        assert all(a < b for a, b in pairwise(times))
        assert times[-1] <= servo.limits.stop_s + SLACK
        assert (points[-1][2] == 0.0).all()
        assert (points[-1][1] >= Q_LOW).all()
        assert (points[-1][1] <= Q_HIGH).all()


@pytest.mark.parametrize("heard", [1, 3, 30])
def test_a_follower_that_hears_no_more_brakes_within_the_acceleration_limits(heard):
    """Followed at 1 kHz: continuous, never faster or harder than the limits, at rest at the end."""
    servo, rng = Servo(), np.random.default_rng(5)
    servo.reset(START_Q)
    follower = TrajectoryFollower(START_Q)
    now = 0.0
    for k, _ in enumerate(drive(servo, rng, 30)):
        if k < heard:
            follower.set(servo.braking_points(DT), now)
            last = now
        now += DT
    times = np.arange(0.0, servo.limits.stop_s + 0.02, 1e-3) + last
    q, qd = (np.array(x) for x in zip(*(follower.sample(t) for t in times), strict=True))
    assert (np.abs(np.diff(qd, axis=0)) <= A_MAX * 1e-3 * 1.001 + 1e-7).all()
    assert np.diff(q, axis=0) == pytest.approx(0.5e-3 * (qd[1:] + qd[:-1]), abs=4e-6)
    assert (qd[times >= last + servo.limits.stop_s] == 0.0).all()


def test_braking_takes_the_way_that_was_announced():
    servo, rng = Servo(), np.random.default_rng(2)
    servo.reset(START_Q)
    for _ in drive(servo, rng, 200):
        pass
    end = servo.braking_points(DT)[-1][1]
    ticks = 0
    while servo.qd.any():
        servo.brake(DT)
        ticks += 1
    assert ticks * DT <= servo.limits.stop_s
    assert servo.q == pytest.approx(end, abs=5e-4)
    assert len(servo.braking_points(DT)) == 1


# --- the path ---------------------------------------------------------------------------------


def test_the_tip_follows_the_twist(kin):
    servo = Servo()
    servo.reset(START_Q)
    start, quat = kin.forward(START_Q)
    expected = start.copy()
    for k in range(400):
        phase = 2 * np.pi * k * DT / 4.0
        twist = np.array(
            [0.12 * np.sin(phase), 0.15 * np.sin(2 * phase), 0.05 * np.cos(phase), 0, 0, 0]
        )
        expected += servo.step(twist, DT).twist[:3] * DT
    tip, quat_end = kin.forward(servo.q)
    # Open loop over 1.8 m of path.
    assert tip == pytest.approx(expected, abs=6e-3)
    assert abs(quat @ quat_end) == pytest.approx(1.0, abs=1e-4)


def test_clamping_keeps_the_direction():
    servo = Servo(ServoLimits(ramp_s=0.0))
    servo.reset(START_Q)
    step = servo.step(np.array([0.0, 0.9, 0.3, 0.0, 0.0, -3.0]), DT)
    share = np.linalg.norm(step.twist[:3]) / 0.4
    assert 0.5 < share < 1.0, "joint speeds slow the whole motion"
    assert step.twist[:3] == pytest.approx(share * 0.4 * np.array([0.0, 3, 1]) / np.sqrt(10.0))
    assert step.twist[3:] == pytest.approx([0.0, 0.0, -0.8 * share])
    assert step.flags & Limit.JOINT_SPEED
    assert step.flags & Limit.LINEAR_SPEED
    assert step.flags & Limit.ANGULAR_SPEED


def test_the_first_command_ramps_and_again_after_rest():
    servo = Servo()
    servo.reset(START_Q)
    twist = np.array([0.0, 0.2, 0.0, 0.0, 0.0, 0.0])
    sizes = [servo.step(twist, DT).twist[1] for _ in range(15)]
    assert sizes[:10] == pytest.approx(0.02 * np.arange(1, 11))
    assert sizes[10:] == pytest.approx(5 * [0.2])
    while servo.qd.any():
        servo.brake(DT)
    assert servo.step(twist, DT).twist[1] == pytest.approx(0.02)


def test_speed_scale_slows_everything():
    slow, full = Servo(ServoLimits(speed_scale=0.3)), Servo()
    twist = np.array([0.1, 0.05, 0.0, 0.0, 0.0, 0.2])
    for servo in (slow, full):
        servo.reset(START_Q)
        for _ in range(15):
            step = servo.step(twist, DT)
    assert slow.step(twist, DT).twist == pytest.approx(0.3 * twist)
    assert step.twist == pytest.approx(twist)
    assert slow.step(twist, DT).flags & Limit.SPEED_SCALE


def test_twists_in_the_hand_frame_are_turned(kin):
    servo = Servo()
    servo.reset(START_Q)
    twist = np.array([0.1, 0.0, 0.2, 0.0, 0.3, 0.0])
    assert (servo.to_base(twist, "base") == twist).all()
    turned = servo.to_base(twist, "right_hand")
    # At the start the hand looks down with its x axis along world y.
    assert turned == pytest.approx([0.0, 0.1, -0.2, 0.3, 0.0, 0.0], abs=1e-3)
    with pytest.raises(ValueError, match=r"'tool'.*base, right_hand"):
        servo.to_base(twist, "tool")


# --- jacobian and kinematics ------------------------------------------------------------------


def test_jacobian_against_finite_differences(kin):
    rng, h = np.random.default_rng(0), 1e-6
    for _ in range(50):
        q = rng.uniform(Q_LOW, Q_HIGH)
        jac = kin.jacobian(q)
        for i in range(7):
            up, down = (kin.forward(q + s * h * np.eye(7)[i]) for s in (1, -1))
            assert jac[:3, i] == pytest.approx((up[0] - down[0]) / (2 * h), abs=1e-6)
            assert jac[3:, i] == pytest.approx(rotation_between(down[1], up[1]) / (2 * h), abs=1e-5)


# Offset of each joint in its parent, and its rotation (wxyz), from the robot's description.
CHAIN = [
    ((0, 0, 0.08), (1, 0, 0, 0)),
    ((0.081, 0.05, 0.237), (1, -1, 1, 1)),
    ((0, -0.14, 0.1425), (1, 1, 0, 0)),
    ((0, -0.042, 0.26), (1, -1, 0, 0)),
    ((0, -0.125, -0.1265), (1, 1, 0, 0)),
    ((0, 0.031, 0.275), (1, -1, 0, 0)),
    ((0, -0.11, 0.1053), (0.0616248, 0.06163, -0.704416, 0.704416)),
]
HAND = ((0, 0, 0.0245), (0.7071, 0, 0, 0.7071))
TIP_M = 0.135


def test_forward_kinematics_against_the_chain_of_transforms(kin):
    rng = np.random.default_rng(1)
    for q in [HOME_Q, START_Q, *rng.uniform(Q_LOW, Q_HIGH, (40, 7))]:
        pos, turn = np.zeros(3), np.eye(3)
        for angle, (offset, quat) in zip(q, CHAIN, strict=True):
            pos, turn = pos + turn @ offset, turn @ matrix(quat)
            turn = turn @ matrix((np.cos(angle / 2), 0, 0, np.sin(angle / 2)))
        pos, turn = pos + turn @ HAND[0], turn @ matrix(HAND[1])
        pos = pos + TIP_M * turn[:, 2]
        tip, tip_quat = kin.forward(q)
        assert tip == pytest.approx(pos, abs=1e-5)
        assert matrix(tip_quat) == pytest.approx(turn, abs=1e-5)


def test_the_top_down_pose_of_the_survey(kin):
    tip, quat = kin.forward(np.array([-0.273, -1.329, -0.030, 1.816, 0.008, 1.084, 3.009]))
    assert tip == pytest.approx([0.55, 0.0, 0.25], abs=2e-3)
    assert abs(quat @ np.array([0, 0.7071, 0.7071, 0])) == pytest.approx(1.0, abs=1e-4)


def test_inverse_reaches_what_forward_gave(kin):
    rng = np.random.default_rng(4)
    for _ in range(10):
        q = START_Q + rng.uniform(-0.25, 0.25, 7)
        pos, quat = kin.forward(q)
        found = inverse(kin, pos, quat, START_Q)
        assert kin.forward(found)[0] == pytest.approx(pos, abs=2e-4)


# --- bad input --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad", [np.full(7, np.nan), np.zeros(6), np.array([0, 0, 0, np.inf, 0, 0, 0])]
)
def test_reset_refuses_what_is_not_seven_numbers(bad):
    with pytest.raises(ValueError, match="7 finite numbers"):
        Servo().reset(bad)


def test_step_refuses_a_twist_that_is_not_finite():
    servo = Servo()
    with pytest.raises(ValueError, match="6 finite numbers"):
        servo.step(np.array([np.nan, 0, 0, 0, 0, 0]), DT)
    assert (servo.qd == 0.0).all()


@pytest.mark.parametrize(
    "bad",
    [
        {"speed_scale": 0.0},
        {"speed_scale": float("nan")},
        {"joint_speed_scale": 1.5},
        {"tick_s": 0.1},
        {"slow_m": 0.01},
        {"box_low_m": np.array([1.0, 0.0, 0.0])},
    ],
)
def test_limits_that_do_not_bound_are_refused(bad):
    with pytest.raises(ValueError, match=r"got|empty"):
        ServoLimits(**bad)


def test_divergence_is_told_from_lag():
    servo = Servo()
    servo.reset(START_Q)
    assert not servo.diverged(START_Q + 0.9 * DIVERGED_RAD)
    off = START_Q.copy()
    off[3] += 1.1 * DIVERGED_RAD
    assert servo.diverged(off)
    off[:] = START_Q
    off[3] = np.nan
    assert servo.diverged(off), "a measurement that is not a number is nowhere near"


def matrix(quat):
    w, x, y, z = np.asarray(quat, float) / np.linalg.norm(quat)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def rotation_between(a, b):
    """Small rotation vector, in the fixed frame, from quaternion `a` to `b`."""
    turn = matrix(b) @ matrix(a).T
    return 0.5 * np.array(
        [turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]]
    )
