"""People and their ways: all kinds occur, each preset leaves what training sees in one respect."""

from dataclasses import asdict

import numpy as np
import pytest

from sim.fingers import GESTURES
from sim.manner import (
    FILM_PRESETS,
    GRASPS,
    HICCUPS,
    PATHS,
    SIDES,
    draw_look,
    draw_manner,
    film_range,
    for_blade,
)
from sim.tasks import FAMILIES, draw_task

TRAIN = FILM_PRESETS["train"]


def apart(a, b):
    """Whether two ranges share no more than an end."""
    return min(a[1], b[1]) <= max(a[0], b[0])


@pytest.mark.parametrize("name", [name for name in FILM_PRESETS if name != "train"])
def test_each_preset_leaves_training_in_one_respect(name):
    given = FILM_PRESETS[name]
    changed = [key for key, value in asdict(given).items() if value != asdict(TRAIN)[key]]
    assert len(changed) == 1
    if changed == ["azimuth_deg"]:
        assert apart(given.azimuth_deg, TRAIN.azimuth_deg)
    elif changed == ["size"]:
        assert apart(given.size, TRAIN.size)
    elif changed == ["surfaces"]:
        assert not set(given.surfaces) & set(TRAIN.surfaces)
    else:
        assert given.pace in (0.5, 2.0)


def test_an_unknown_preset_names_those_that_exist():
    with pytest.raises(ValueError, match=r"'dusk'.*train, background, azimuth"):
        film_range("dusk")


def test_all_ways_occur(rng):
    drawn = [draw_manner(TRAIN, rng) for _ in range(200)]
    assert {m.grasp for m in drawn} == set(GRASPS)
    assert {m.path for m in drawn} == set(PATHS)
    assert {m.hiccup for m in drawn} == set(HICCUPS)
    assert {m.side for m in drawn} == set(SIDES)
    # The arm comes from beyond the table's edge, on the side it is said to.
    for manner in drawn:
        x, y, z = manner.elbow_m
        assert z > 0.2
        assert {"left": y < -0.7, "right": y > 0.7, "far": x < 0}[manner.side]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_way_has_a_gesture(family, rng):
    task = draw_task(family, "train", 0)
    gestures = {draw_manner(TRAIN, rng).gesture(task) for _ in range(100)}
    assert gestures <= set(GESTURES)
    assert len(gestures) > 1


def test_people_differ(rng):
    looks = [draw_look(TRAIN, rng) for _ in range(200)]
    skin = np.array([look.skin_rgb for look in looks])
    assert skin.mean(1).min() < 0.3
    assert skin.mean(1).max() > 0.75
    assert (skin[:, 0] > skin[:, 2]).all(), "skin is never blue"
    assert all(TRAIN.size[0] <= look.size <= TRAIN.size[1] for look in looks)
    assert {look.left for look in looks} == {True, False}
    for name, half in (("half_speed", 0.5), ("double_speed", 2.0)):
        one, other = (np.random.default_rng(3) for _ in range(2))
        slow, usual = draw_manner(FILM_PRESETS[name], one), draw_manner(TRAIN, other)
        assert slow.speed_m_s == pytest.approx(half * usual.speed_m_s)


def test_a_blade_is_pushed_with_the_palm(rng):
    for _ in range(30):
        manner, look = draw_manner(TRAIN, rng), draw_look(TRAIN, rng)
        # A left palm faces to the right: towards the camera for who comes from its left.
        assert for_blade(look, manner).left == (manner.side == "left")
