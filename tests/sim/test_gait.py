import mujoco
import numpy as np
import pytest

from sim import gait
from sim.legged import GO1, prototype

RNG = np.random.default_rng(0)


def test_inverse_kinematics_put_the_feet_of_the_model_where_they_are_asked_for():
    model = prototype(GO1, "flat")
    data = mujoco.MjData(model)
    at = np.stack(
        [
            RNG.uniform(-0.1, 0.1, 4),
            gait.LEFT * gait.HIP_M + RNG.uniform(-0.05, 0.05, 4),
            RNG.uniform(-0.3, -0.2, 4),
        ],
        -1,
    )
    data.qpos[:7] = [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    data.qpos[7:19] = gait.joints(at).reshape(-1)
    mujoco.mj_kinematics(model, data)
    for i, side in enumerate(("FR", "FL", "RR", "RL")):
        calf = data.body(f"{side}_calf")
        foot = calf.xpos + calf.xmat.reshape(3, 3) @ [0.0, 0.0, -gait.CALF_M]
        assert foot - data.body(f"{side}_hip").xpos == pytest.approx(at[i], abs=1e-9)


def test_a_foot_out_of_reach_is_put_as_far_as_the_leg_goes():
    angles = gait.joints(np.array([[0.0, s * gait.HIP_M, -2.0] for s in gait.LEFT]))
    assert np.isfinite(angles).all()
    assert np.abs(angles[:, 2]).max() < 0.6


def test_feet_on_the_ground_go_straight_back_and_come_round_forward():
    trot = gait.gait(np.zeros((1, gait.NUMBERS)))
    way = np.stack([gait.feet(trot, t)[0] for t in np.linspace(0.0, 1.0, 201)])
    assert way[0] == pytest.approx(way[-1], abs=1e-9)
    on = np.isclose(way[..., 2], -0.25)
    assert on.mean() == pytest.approx(0.6, abs=0.02)
    back = np.diff(way[..., 0], axis=0)[on[1:] & on[:-1]]
    assert (back < 0.0).all()


def test_a_mirror_swaps_sides_and_twice_is_nothing():
    numbers = RNG.uniform(-1.0, 1.0, (3, gait.NUMBERS))
    twice = gait.mirrored(gait.mirrored(numbers))
    assert (twice == numbers).all()
    one, other = gait.gait(numbers), gait.gait(gait.mirrored(numbers))
    assert other.length_m == pytest.approx(one.length_m[:, gait.MIRRORED])
    assert other.aside_m == pytest.approx(-one.aside_m[:, gait.MIRRORED])


def test_trust_chooses_between_the_gaits_that_were_found():
    gaits = gait.repertoire()
    assert (gait.blended(-np.ones((1, 4))) == gaits[0]).all()
    assert gait.blended(np.eye(4)) == pytest.approx(gaits[1:])
    assert gait.blended(np.full((1, 4), 1.0))[0] == pytest.approx(gaits[1:].mean(0))
    assert gait.mirrored(gaits[3]) == pytest.approx(gaits[4])
