import numpy as np
import pytest

from sim.fault_draws import draw
from sim.leg_faults import LEG_FAULTS, CrippledLeg, DisabledJoint, Payload, leg_fault
from sim.legged import ANT, HALF_CHEETAH, LeggedWorld

WRITTEN = [
    "actuator_gainprm",
    "actuator_biasprm",
    "body_mass",
    "body_inertia",
    "body_subtreemass",
    "dof_invweight0",
    "dof_damping",
    "dof_frictionloss",
    "geom_size",
    "geom_conaffinity",
    "geom_friction",
    "geom_rgba",
]


def world_for(name, robot=HALF_CHEETAH):
    return LeggedWorld(robot, "pier" if name == "pier" else "flat")


def run(world, steps=40):
    world.reset(np.random.default_rng(1))
    wave = [np.sin(np.arange(world.model.nu) + 0.6 * t) for t in range(steps)]
    return np.stack([world.step(a) for a in wave])


@pytest.mark.parametrize("robot", [HALF_CHEETAH, ANT], ids=lambda r: r.name)
@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("name", list(LEG_FAULTS))
def test_a_fault_changes_the_motion_and_its_undo_brings_it_back(name, split, robot):
    world = world_for(name, robot)
    before = {key: getattr(world.model, key).copy() for key in WRITTEN}
    whole = run(world)
    fault = draw(robot, world.model.nu, name, split, np.random.default_rng(0))
    undo = fault.apply(world)
    broken = run(world)
    assert not np.array_equal(whole, broken)
    undo()
    assert np.array_equal(run(world), whole)
    for key, value in before.items():
        assert np.array_equal(getattr(world.model, key), value), key


def test_a_disabled_motor_gives_no_force_and_the_others_do():
    world = LeggedWorld(HALF_CHEETAH)
    DisabledJoint(joint=2).apply(world)
    world.step(np.full(6, 1.0))
    force = world.data.actuator_force
    assert force[2] == 0.0
    assert (np.abs(np.delete(force, 2)) > 0.0).all()


def test_all_motors_of_a_crippled_leg_are_dead():
    world = LeggedWorld(ANT)
    CrippledLeg(leg=3).apply(world)
    world.step(np.full(8, 1.0))
    dead = {
        world.model.joint(world.model.actuator_trnid[m, 0]).name
        for m in range(8)
        if world.data.actuator_force[m] == 0.0
    }
    assert dead == {"hip_4", "ankle_4"}


def test_a_payload_weighs_what_it_says():
    world = LeggedWorld(HALF_CHEETAH)
    before = world.model.body_mass.sum()
    Payload(share=0.5).apply(world)
    assert world.model.body_mass.sum() == pytest.approx(1.5 * before)


@pytest.mark.parametrize(
    ("name", "parameters", "told"),
    [
        ("earthquake", {}, "there are none, disabled_joint"),
        ("slope", {"angle": 3.0}, "it has degrees"),
        ("slope", {"degrees": 80.0}, r"must be in \[-40.0, 40.0\]"),
        ("slope", {"degrees": "steep"}, "must be a float"),
        ("hfield", {"profile": "alps"}, "there are random, hill"),
        ("pier", {"low": 5.0, "high": 1.0}, "low < high"),
        ("motor_delay", {"steps": 9}, "must be in"),
    ],
)
def test_what_cannot_be_is_refused(name, parameters, told):
    with pytest.raises(ValueError, match=told):
        leg_fault(name, parameters)


def test_what_a_robot_lacks_is_refused_and_nothing_changes():
    world = LeggedWorld(HALF_CHEETAH)
    whole = run(world)
    for fault, told in (
        (DisabledJoint(joint=6), "joint must be 0 to 5"),
        (CrippledLeg(leg=2), "leg must be 0 to 1"),
        (leg_fault("pier", {}), "start it with terrain:=pier"),
    ):
        with pytest.raises(ValueError, match=told):
            fault.apply(world)
    assert np.array_equal(run(world), whole)
    assert leg_fault("none", {}) is None
