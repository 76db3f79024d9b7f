"""A hand at the table: what it holds goes with it, what it lets go of falls, the rest stays."""

import numpy as np
import pytest

from sim.hand import Hand
from sim.hand_path import plan
from sim.hand_world import TICKS_A_FRAME, HandWorld
from sim.manner import FILM_PRESETS, draw_look, draw_manner
from sim.onlooker import draw_view
from sim.tasks import FAMILIES, draw_arrangement, draw_task, stream

TRAIN = FILM_PRESETS["train"]


def begin(family, seed=0):
    rng = np.random.default_rng(seed)
    task = draw_task(family, "train", seed)
    arrangement = draw_arrangement(task, stream("train", family, seed, "human", 0))
    look, manner, view = draw_look(TRAIN, rng), draw_manner(TRAIN, rng), draw_view(TRAIN, rng)
    hand = Hand(look, manner.gesture(task), np.array(manner.elbow_m))
    return HandWorld(
        task, arrangement, hand, plan(task, arrangement, hand, manner, rng), view
    ), task


@pytest.fixture(scope="module", params=FAMILIES)
def played(request):
    world, task = begin(request.param)
    frames, progress = world.play()
    return world, task, frames, progress


def poses(world, frames):
    """Positions (T, n, 3) of the things at every frame."""
    free = [world.model.joint(j).qposadr[0] for j in range(world.model.njnt)]
    return np.stack([[q[a : a + 3] for a in free] for q in frames])


def test_there_is_no_robot_in_the_world(played):
    world = played[0]
    names = [world.model.body(i).name for i in range(world.model.nbody)]
    assert not [name for name in names if "right_" in name or "base" in name]
    assert world.model.nu == 0
    assert (world.model.jnt_type == 0).all(), "nothing but free things"


def test_the_task_is_done(played):
    _, task, _, progress = played
    assert progress.success
    assert progress.done
    assert progress.chosen == task.target


def test_what_is_held_goes_with_the_hand(played):
    world, task, frames, _ = played
    if task.family == "reach":
        pytest.skip("nothing is held")
    things, path = poses(world, frames)[:, task.target_object], world.path
    ticks = np.arange(len(frames)) * TICKS_A_FRAME
    held = [k for k, t in enumerate(ticks) if t < len(path) and path.carries[t]][1:]
    off = np.stack([things[k] - path.pose(ticks[k]).grip_m for k in held])
    assert off == pytest.approx(np.broadcast_to(off[0], off.shape), abs=0.003)
    assert np.ptp(things[held], axis=0).max() > 0.05, "and far"


def test_the_other_things_stay(played):
    world, task, frames, _ = played
    moved = np.ptp(poses(world, frames), axis=0).max(axis=1)
    for i, distance in enumerate(moved):
        if i != task.target_object or task.family == "reach":
            assert distance < 0.01


def test_a_frame_is_shown_as_it_was(played):
    world, task, frames, _ = played
    k = len(frames) // 2
    world.show(k, frames[k])
    expected = poses(world, frames)[k, task.target_object]
    assert world.body_pose(f"object{task.target_object}")[0] == pytest.approx(expected)
    assert world.tip() == pytest.approx(world.path.pose(k * TICKS_A_FRAME).grip_m)


def test_a_thing_in_hand_at_the_start_does_not_fall():
    world, _ = begin("place", seed=1)
    middle = world.judge.centre("object0")
    assert middle == pytest.approx(world.tip() + world.path.offset_m, abs=0.003)
