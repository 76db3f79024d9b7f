"""Fingers keep their bones, reach what they are sent to, and hold things as wide as they are."""

import numpy as np
import pytest

from sim.fingers import FINGERS, GESTURES, THUMB, chains, curl, turn

BONES = (0.04, 0.03, 0.02)
UP = np.array([0.0, 0.0, 1.0])


def lengths(joints):
    return np.linalg.norm(np.diff(joints, axis=0), axis=1)


@pytest.mark.parametrize("distance", [0.03, 0.05, 0.08, 0.089])
def test_the_tip_is_where_it_should_be(distance, rng):
    for _ in range(5):
        root, way = rng.normal(size=3), rng.normal(size=3)
        target = root + distance * way / np.linalg.norm(way)
        joints = curl(root, BONES, target, UP)
        assert lengths(joints) == pytest.approx(BONES)
        assert joints[0] == pytest.approx(root)
        assert joints[3] == pytest.approx(target, abs=1e-6)


def test_a_finger_points_at_what_it_cannot_reach():
    joints = curl(np.zeros(3), BONES, np.array([1.0, 0.0, 0.0]), UP)
    assert joints[3] == pytest.approx([0.09, 0, 0], abs=1e-6)


def test_a_finger_bends_to_the_side_it_is_told():
    target = np.array([0.06, 0.0, 0.0])
    for bulge in (UP, -UP, np.array([0.0, 1.0, 0.0])):
        joints = curl(np.zeros(3), BONES, target, bulge)
        assert (joints[1:3] @ bulge > 0.005).all()
        across = np.cross(bulge, [1.0, 0.0, 0.0])
        assert joints @ across == pytest.approx(np.zeros(4), abs=1e-9), "and to no other"


def test_turn_is_a_rotation_about_known_axes():
    rotation = turn(0.3, 40.0, -20.0)
    assert rotation @ rotation.T == pytest.approx(np.eye(3))
    assert np.linalg.det(rotation) == pytest.approx(1.0)
    assert turn(np.pi / 2, 0, 0) @ [1, 0, 0] == pytest.approx([0, 1, 0])
    assert turn(0, 90, 0) @ [1, 0, 0] == pytest.approx([0, 0, -1]), "pitched: fingers down"
    assert turn(0, 0, 90) @ [0, 1, 0] == pytest.approx([0, 0, 1]), "rolled: thumb up"


@pytest.mark.parametrize("name", GESTURES)
def test_gestures_keep_all_bones(name):
    for joints, finger in zip(chains(GESTURES[name], 0.04), (*FINGERS, THUMB), strict=True):
        assert lengths(joints) == pytest.approx(finger.bones_m)


@pytest.mark.parametrize("name", ["pinch", "whole", "side"])
def test_a_grasp_opens_and_closes_around_its_grip(name):
    gesture = GESTURES[name]
    grip = np.array(gesture.grip_m)
    gaps = []
    for opening in (0.036, 0.070):
        joints = chains(gesture, opening)
        off = np.array([np.linalg.norm(chain[3] - grip) for chain in joints])
        radii = np.array([f.radius_m for f in (*FINGERS, THUMB)])
        held = np.array([isinstance(bend, float) for bend in gesture.fingers] + [True])
        # Each fingertip touches the round thing: half the opening and its own radius away.
        assert off[held] == pytest.approx((0.5 * opening + radii)[held], abs=0.004)
        gaps.append(np.linalg.norm(joints[0][3] - joints[4][3]))
    assert gaps[1] > gaps[0] + 0.02
