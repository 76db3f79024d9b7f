"""The hand is whole: bones meet, the arm leads to its elbow, and nothing collides with it."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import mujoco
import numpy as np
import pytest

from sim.fingers import GESTURES
from sim.hand import Hand, HandLook, HandPose
from sim.scene import Scene, unattended, worldbody

ELBOW = np.array([0.6, 0.9, 0.4])
POSE = HandPose(np.array([0.55, 0.05, 0.1]), -1.4, 0.04)
LOOK = HandLook((0.8, 0.6, 0.45), (0.2, 0.3, 0.5))


def shown(hand, pose=POSE):
    """Model and data of a table with this hand in a pose."""
    root = unattended()
    hand.add_to(worldbody(root))
    model = Scene(ET.tostring(root, encoding="unicode"), {}).compile()
    data = mujoco.MjData(model)
    hand.show(model, data, pose)
    mujoco.mj_kinematics(model, data)
    return model, data


def ends(model, data, body):
    """Ends (2, 3) of a body's first capsule, along the body's z."""
    half = model.geom_size[int(model.body(body).geomadr[0]), 1]
    axis = data.body(body).xmat.reshape(3, 3)[:, 2]
    return data.body(body).xpos + half * np.array([-axis, axis])


@pytest.mark.parametrize("gesture", GESTURES)
@pytest.mark.parametrize("size", [0.7, 1.3])
def test_bones_meet(gesture, size):
    model, data = shown(Hand(replace(LOOK, size=size), gesture, ELBOW))
    for finger in range(5):
        bones = [ends(model, data, f"finger{finger}_{j}") for j in range(3)]
        assert bones[0][1] == pytest.approx(bones[1][0], abs=1e-6)
        assert bones[1][1] == pytest.approx(bones[2][0], abs=1e-6)
        wrist = data.body("palm").xpos
        assert np.linalg.norm(bones[0][0] - wrist) < 0.105 * size, "and begin at the palm"


def test_the_arm_begins_at_the_wrist_and_leads_to_the_elbow():
    _, data = shown(Hand(LOOK, "pinch", ELBOW))
    wrist, arm = data.body("palm").xpos, data.body("forearm")
    assert arm.xpos == pytest.approx(wrist)
    way = (ELBOW - wrist) / np.linalg.norm(ELBOW - wrist)
    assert arm.xmat.reshape(3, 3)[:, 2] == pytest.approx(way)


def test_fingertips_surround_the_grip():
    model, data = shown(Hand(LOOK, "whole", ELBOW))
    tips = np.stack([ends(model, data, f"finger{i}_2")[1] for i in range(5)])
    assert np.linalg.norm(tips - POSE.grip_m, axis=1).max() < 0.035
    assert np.ptp(tips @ [np.cos(POSE.heading_rad), np.sin(POSE.heading_rad), 0]) > 0.04


def test_a_left_hand_is_the_mirror_of_a_right_one():
    # Heading along y, seen in the mirror of the plane x = 0.5.
    pose = HandPose(np.array([0.5, 0.0, 0.1]), np.pi / 2, 0.04)
    elbow = np.array([0.5, -0.8, 0.4])
    sides = []
    for left in (False, True):
        model, data = shown(Hand(replace(LOOK, left=left), "side", elbow), pose)
        bones = [ends(model, data, f"finger{i}_{j}") for i in range(5) for j in range(3)]
        sides.append(np.stack(bones))
    assert sides[0] * [-1, 1, 1] + [1.0, 0, 0] == pytest.approx(sides[1], abs=1e-6)


def test_nothing_collides_with_a_hand():
    model, _ = shown(Hand(LOOK, "fist", ELBOW))
    geoms = [g for g in range(model.ngeom) if model.body_mocapid[model.geom_bodyid[g]] >= 0]
    assert len(geoms) > 20
    assert not model.geom_contype[geoms].any()
    assert not model.geom_conaffinity[geoms].any()


@pytest.mark.parametrize("gesture", GESTURES)
def test_the_lowest_point_is_that_of_the_picture(gesture):
    hand = Hand(LOOK, gesture, ELBOW)
    model, data = shown(hand)
    radius = {i: model.geom_size[model.body(f"finger{i}_0").geomadr[0], 0] for i in range(5)}
    bottoms = [
        ends(model, data, f"finger{i}_{j}")[:, 2].min() - radius[i]
        for i in range(5)
        for j in range(3)
    ]
    assert POSE.grip_m[2] + hand.lowest_m(POSE.opening_m) == pytest.approx(min(bottoms), abs=1e-6)


def test_the_front_is_where_a_low_thing_is_met():
    hand = Hand(LOOK, "paddle", ELBOW)
    pose = HandPose(np.array([0.5, 0.0, 0.03]), 0.0, 0.02)
    ahead = hand.front_m(pose, np.array([1.0, 0.0]), 0.04, 0.03)
    assert 0.005 < ahead < 0.05
    higher = HandPose(pose.grip_m + np.array([0, 0, 0.3]), 0.0, 0.02)
    assert hand.front_m(higher, np.array([1.0, 0.0]), 0.04, 0.03) == 0.0, "nothing is that low"
