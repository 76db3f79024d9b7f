import numpy as np
import pytest

from sim.faults import CameraDelay, JointFriction, arm_fault
from sim.sawyer import GRIPPER_MAX_M, START_Q
from sim.scene import bare_arm
from sim.world import World


def lag_rad(world):
    """How far joint 1 is behind its command when it moves at 0.3 rad/s."""
    world.place_arm(START_Q, GRIPPER_MAX_M)
    speed = np.where(np.arange(7) == 1, 0.3, 0.0)
    for i in range(50):
        world.set_arm_target(START_Q + 0.01 * (i + 1) * speed, speed)
        world.step(5)
    return abs(START_Q[1] + 0.5 * 0.3 - world.arm_q[1])


def test_friction_holds_the_joint_back_and_undo_frees_it():
    world = World(bare_arm())
    healthy = lag_rad(world)
    undo = JointFriction(joint="right_j1", friction_nm=60.0).apply(world)
    assert lag_rad(world) > 2 * healthy
    undo()
    assert lag_rad(world) == pytest.approx(healthy)


@pytest.mark.parametrize("name", ["", "none"])
def test_no_fault(name):
    assert arm_fault(name, {}) is None


def test_parameters_have_defaults_and_take_whole_numbers():
    assert arm_fault("camera_delay", {}) == CameraDelay()
    assert arm_fault("joint_friction", {"friction_nm": 5}) == JointFriction(friction_nm=5.0)


@pytest.mark.parametrize(
    ("name", "parameters", "says"),
    [
        ("dead_leg", {}, "unknown fault 'dead_leg'; there are none, camera_delay, joint_friction"),
        ("camera_delay", {"seconds": 1.0}, "no parameter 'seconds'; it has delay_s"),
        ("camera_delay", {"delay_s": "long"}, "delay_s must be a float, got 'long'"),
        ("camera_delay", {"delay_s": float("nan")}, r"delay_s must be in \(0, 1.0\], got nan"),
        ("joint_friction", {"joint": "knee"}, "no joint 'knee'; there are right_j0"),
        ("joint_friction", {"friction_nm": -1.0}, "friction_nm must be in"),
    ],
)
def test_faults_that_do_not_exist(name, parameters, says):
    with pytest.raises(ValueError, match=says):
        arm_fault(name, parameters)
