"""The arm's geometry against published numbers and against itself."""

import mujoco
import numpy as np
import pytest

from sim.sawyer import (
    A_MAX,
    DOWN_QUAT_WXYZ,
    EFFORT_MAX,
    GRIPPER_MAX_M,
    HOME_Q,
    JOINT_NAMES,
    LINK_NAMES,
    MODEL_PATH,
    Q_HIGH,
    Q_LOW,
    START_Q,
    START_TCP_M,
    V_MAX,
    Kinematics,
    inverse,
)

# The maker's Denavit-Hartenberg parameters: metres, degrees. The last offset ends at `right_hand`.
DH_A = (0.081, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
DH_D = (0.317, 0.1925, 0.4, -0.1685, 0.4, 0.1363, 0.1345)
DH_ALPHA = np.deg2rad([-90, 90, -90, 90, -90, 90, 0])
DH_OFFSET = np.deg2rad([0, 90, 0, 0, 0, 0, 0])
TIP_BEYOND_HAND_M = 0.135


@pytest.fixture(scope="module")
def kin():
    return Kinematics()


@pytest.fixture
def angles(rng):
    return rng.uniform(Q_LOW, Q_HIGH, (30, 7))


def denavit_hartenberg(q):
    """Pose (4, 4) of the hand."""
    pose = np.eye(4)
    for a, d, alpha, theta in zip(DH_A, DH_D, DH_ALPHA, q + DH_OFFSET, strict=True):
        c, s, ca, sa = np.cos(theta), np.sin(theta), np.cos(alpha), np.sin(alpha)
        pose = pose @ [
            [c, -s * ca, s * sa, a * c],
            [s, c * ca, -c * sa, a * s],
            [0, sa, ca, d],
            [0, 0, 0, 1],
        ]
    return pose


def test_forward_kinematics_equal_the_makers(kin, angles):
    for q in angles:
        hand = denavit_hartenberg(q)
        pos, _ = kin.link_poses(q)["right_hand"]
        assert pos == pytest.approx(hand[:3, 3], abs=1e-6)
        tip, _ = kin.forward(q)
        assert tip == pytest.approx(hand[:3, 3] + TIP_BEYOND_HAND_M * hand[:3, 2], abs=3e-6)


def test_the_arm_stretched_out(kin):
    """Published: the hand at zero angles."""
    pos, _ = kin.link_poses(np.zeros(7))["right_hand"]
    assert pos == pytest.approx([1.0155, 0.1603, 0.317], abs=1e-5)


def test_link_poses_name_every_link(kin):
    poses = kin.link_poses(HOME_Q)
    assert tuple(poses) == LINK_NAMES
    for _, quat in poses.values():
        assert np.linalg.norm(quat) == pytest.approx(1.0)
    before = poses["right_l6"][0].copy()
    kin.link_poses(np.zeros(7))
    assert (poses["right_l6"][0] == before).all(), "the caller's own"


def test_the_jacobian_is_the_derivative(kin, angles):
    h = 1e-6
    for q in angles[:10]:
        jac = kin.jacobian(q)
        for j in range(7):
            dq = np.zeros(7)
            dq[j] = h
            (p1, r1), (p0, r0) = kin.forward(q + dq), kin.forward(q - dq)
            assert jac[:3, j] == pytest.approx((p1 - p0) / (2 * h), abs=1e-8)
            turn, inverse_r0, spin = np.empty(4), np.empty(4), np.empty(3)
            mujoco.mju_negQuat(inverse_r0, r0)
            mujoco.mju_mulQuat(turn, r1, inverse_r0)  # seen from the base
            mujoco.mju_quat2Vel(spin, turn, 2 * h)
            assert jac[3:, j] == pytest.approx(spin, abs=1e-7)


def test_inverse_finds_the_pose_it_is_given(kin, rng):
    found = 0
    for _ in range(20):
        wanted = START_TCP_M + rng.uniform(-0.06, 0.06, 3) + [0.08, 0.0, 0.0]
        q = inverse(kin, wanted, DOWN_QUAT_WXYZ, START_Q)
        pos, quat = kin.forward(q)
        assert pos == pytest.approx(wanted, abs=1e-4)
        assert 2 * np.arccos(min(1.0, abs(quat @ DOWN_QUAT_WXYZ))) < 1.5e-3
        assert (q >= Q_LOW).all()
        assert (q <= Q_HIGH).all()
        found += 1
    assert found == 20


def test_inverse_does_not_change_its_start(kin):
    start = START_Q.copy()
    inverse(kin, 1.05 * START_TCP_M, DOWN_QUAT_WXYZ, start)
    assert (start == START_Q).all()


def test_out_of_reach_is_an_error(kin):
    with pytest.raises(ValueError, match=r"no joint angles reach tip position \[2\. 0\. 0\.\]"):
        inverse(kin, np.array([2.0, 0.0, 0.0]), DOWN_QUAT_WXYZ, START_Q)


def test_the_start_is_straight_down_over_the_table(kin):
    pos, quat = kin.forward(START_Q)
    assert pos == pytest.approx(START_TCP_M, abs=2e-4)
    assert abs(quat @ DOWN_QUAT_WXYZ) == pytest.approx(1.0, abs=1e-6)
    for q in (START_Q, HOME_Q):
        assert (q > Q_LOW).all()
        assert (q < Q_HIGH).all()


def test_the_model_has_these_limits():
    model = mujoco.MjModel.from_xml_path(str(MODEL_PATH))
    for i, name in enumerate(JOINT_NAMES):
        joint = model.joint(name)
        assert joint.qposadr[0] == joint.dofadr[0] == i
        assert joint.range == pytest.approx([Q_LOW[i], Q_HIGH[i]])
        assert model.actuator(name).forcerange == pytest.approx([-EFFORT_MAX[i], EFFORT_MAX[i]])
    fingers = [model.joint(n).range[1] for n in ("l_finger_joint", "r_finger_joint")]
    assert sum(fingers) == pytest.approx(GRIPPER_MAX_M)
    assert (V_MAX > 0).all()
    assert (A_MAX > V_MAX).all()
