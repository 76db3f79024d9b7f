"""Paths of a hand: smooth, above the table, by way of what is meant; and they differ in manner."""

from dataclasses import replace

import numpy as np
import pytest

from sim.hand import Hand
from sim.hand_path import TICK_S, plan
from sim.manner import FILM_PRESETS, draw_look, draw_manner
from sim.tasks import FAMILIES, OBJECT_HEIGHT_M, draw_arrangement, draw_task, stream

TRAIN = FILM_PRESETS["train"]
STEADY = {"path": "straight", "hiccup": "none"}


def planned(family, seed=0, **manner):
    """Arrangement, hand and path of a task done in a drawn way, some of it given."""
    rng = np.random.default_rng(seed)
    task = draw_task(family, "train", seed)
    arrangement = draw_arrangement(task, stream("train", family, seed, "human", 0))
    look, way = draw_look(TRAIN, rng), replace(draw_manner(TRAIN, rng), **manner)
    hand = Hand(look, way.gesture(task), np.array(way.elbow_m))
    return task, arrangement, way, hand, plan(task, arrangement, hand, way, rng)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("seed", range(4))
def test_paths_are_smooth_and_above_the_table(family, seed):
    _, _, way, hand, path = planned(family, seed)
    speed = np.linalg.norm(np.diff(path.grip_m, axis=0), axis=1) / TICK_S
    # The smoothest jerk is 15/8 as fast at its fastest; a bow and a tremor add to that.
    assert speed.max() < 2.6 * max(way.speed_m_s, 0.14 / 0.25) + 0.1
    assert np.abs(np.diff(path.heading_rad)).max() < 0.1
    for tick in range(0, len(path), 5):
        pose = path.pose(tick)
        assert pose.grip_m[2] + hand.lowest_m(pose.opening_m) > -0.004
    assert 1.0 < len(path) * TICK_S < 10.0
    assert path.pose(10**6).grip_m == pytest.approx(path.grip_m[-1]), "then it waits"


def test_reach_ends_over_the_thing():
    task, arrangement, _, _, path = planned("reach", **STEADY)
    top = [*arrangement.objects[task.target, :2], OBJECT_HEIGHT_M]
    assert path.grip_m[-1] == pytest.approx(top, abs=0.02)
    assert path.grip_m[path.contact] == pytest.approx(top, abs=0.02)
    assert not path.carries.any()


def test_push_carries_in_a_straight_line_to_the_goal():
    task, arrangement, _, _, path = planned("push", **STEADY)
    carried = path.grip_m[path.carries]
    way = arrangement.goal_xy_m - arrangement.objects[task.target, :2]
    assert carried[-1, :2] - carried[0, :2] == pytest.approx(way, abs=0.02)
    along = way / np.linalg.norm(way)
    side = (carried[:, :2] - carried[0, :2]) @ [-along[1], along[0]]
    assert np.abs(side).max() < 0.02
    # The hand is behind the thing when it touches it.
    behind = (arrangement.objects[task.target, :2] - path.grip_m[path.contact, :2]) @ along
    assert behind > 0.02


@pytest.mark.parametrize("family", ["place", "pick_place"])
def test_things_are_carried_from_where_they_are_to_the_container(family):
    task, arrangement, _, _, path = planned(family, **STEADY)
    ticks = np.flatnonzero(path.carries)
    assert (np.diff(ticks) == 1).all(), "in one go"
    end = arrangement.containers[task.target_container, :2]
    assert path.grip_m[ticks[-1], :2] == pytest.approx(end, abs=0.01)
    assert path.opening_m[ticks].max() < path.opening_m[-1] - 0.02, "and let go by open fingers"
    assert path.grip_m[ticks, 2].max() > 0.12
    if family == "place":
        assert ticks[0] == 0
        assert path.grip_m[path.contact, :2] == pytest.approx(end, abs=0.01)
    else:
        start = arrangement.objects[task.target_object, :2]
        assert path.grip_m[path.contact, :2] == pytest.approx(start, abs=0.01)
        assert abs(ticks[0] - path.contact) <= 1


def test_styles_leave_the_straight_way():
    paths = {p: planned("place", path=p, hiccup="none")[-1].grip_m for p in ("straight", "arched")}
    curved = planned("place", path="curved", hiccup="none")[-1].grip_m
    assert (paths["arched"][:, 2] - paths["straight"][:, 2]).max() > 0.01
    assert np.abs(paths["arched"][:, :2] - paths["straight"][:, :2]).max() < 1e-9
    assert np.abs(curved[:, :2] - paths["straight"][:, :2]).max() > 0.01
    assert curved[-1] == pytest.approx(paths["straight"][-1]), "and come back to it"


def test_hiccups_leave_the_way_what_it_is():
    still, pause, tremor = (
        planned("pick_place", path="straight", hiccup=h)[-1] for h in ("none", "pause", "tremor")
    )
    assert len(pause) > len(still) + 0.25 / TICK_S
    assert pause.grip_m[pause.contact] == pytest.approx(still.grip_m[still.contact], abs=1e-3)
    assert pause.carries[pause.contact + 1] == still.carries[still.contact + 1]
    assert len(tremor) == len(still)
    shake = np.abs(tremor.grip_m - still.grip_m).max()
    assert 0.0005 < shake < 0.004


def test_half_the_speed_takes_twice_as_long():
    long = [
        len(planned("place", hiccup="none", speed_m_s=0.4 * pace, pace=pace)[-1])
        for pace in (0.5, 1.0, 2.0)
    ]
    assert long[0] == pytest.approx(2 * long[1], rel=0.05)
    assert long[1] == pytest.approx(2 * long[2], rel=0.05)
