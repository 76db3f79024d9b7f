"""Held out means held out: all tasks of all splits, and the streams they are drawn from."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from sim import tasks as tasks_module
from sim.attributes import HELD_OUT_SHAPES, SPLITS, distinct, outline, shares
from sim.tasks import (
    CHOICES,
    FAMILIES,
    GRASPABLE,
    ROLES,
    SPLIT_SIZES,
    Arrangement,
    Task,
    as_family,
    describe,
    draw_arrangement,
    draw_task,
    stream,
)


@pytest.fixture(scope="module")
def drawn():
    """Every task of every family and split."""
    return {
        (family, split): [draw_task(family, split, i) for i in range(SPLIT_SIZES[split])]
        for family in FAMILIES
        for split in SPLITS
    }


def things(task):
    return task.objects + task.containers


def meant(task):
    return task.containers if task.family == "place" else task.objects


# --- splits -----------------------------------------------------------------------------------


def test_there_are_enough_tasks():
    assert SPLIT_SIZES["train"] >= 2000
    assert min(SPLIT_SIZES[split] for split in SPLITS) >= 100


def test_no_look_is_in_two_splits(drawn):
    """Objects, containers and distractors of every task, over all families."""
    looks = {
        split: [x for family in FAMILIES for task in drawn[family, split] for x in things(task)]
        for split in SPLITS
    }
    held_out = {"test": looks["test"] + looks["test_shapes"], "val": looks["val"]}
    for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
        a, b = held_out.get(one, looks[one]), held_out[other]
        assert not {(x.shape, x.pattern) for x in a} & {(x.shape, x.pattern) for x in b}
        assert not {x.texture_seed for x in a} & {x.texture_seed for x in b}
        mine = np.sort([x.hue_deg for x in a])
        theirs = np.sort([x.hue_deg for x in b])
        wrapped = np.r_[mine[-1] - 360.0, mine, mine[0] + 360.0]
        at = np.searchsorted(wrapped, theirs)
        gap = np.minimum(theirs - wrapped[at - 1], wrapped[at] - theirs)
        assert gap.min() >= 8.0, "degrees between the nearest hues of two splits"


def test_whole_shapes_are_held_out(drawn):
    for family in FAMILIES:
        for split in ("train", "val", "test"):
            shapes = {x.shape for task in drawn[family, split] for x in things(task)}
            assert not shapes & set(HELD_OUT_SHAPES)
        new = {x.shape for task in drawn[family, "test_shapes"] for x in meant(task)}
        assert new <= set(HELD_OUT_SHAPES)


def test_no_two_tasks_are_alike(drawn):
    for tasks in drawn.values():
        assert len({(task.objects, task.containers) for task in tasks}) == len(tasks)


# --- what a task is ---------------------------------------------------------------------------


def test_distractors_share_an_attribute_with_what_is_meant(drawn):
    for (family, split), tasks in drawn.items():
        sharing = 0
        for task in tasks:
            target = task.target_container if family == "place" else task.target_object
            looks = meant(task)
            others = [x for i, x in enumerate(looks) if i != target]
            sharing += any(shares(looks[target], x) for x in others)
        assert sharing >= len(tasks) / 2, (family, split)


def test_choices_can_be_told_apart(drawn):
    for tasks in drawn.values():
        for task in tasks[:400]:
            for group in (task.objects, task.containers):
                assert all(distinct(a, b) for a, b in combinations(group, 2))


def test_every_choice_is_meant_equally_often(drawn):
    for (family, _), tasks in drawn.items():
        choices = CHOICES**2 if family == "pick_place" else CHOICES
        assert tasks[0].choices == choices
        counts = np.bincount([task.target for task in tasks], minlength=choices)
        share, n = 1 / choices, len(tasks)
        assert np.abs(counts - n * share).max() < 4.5 * np.sqrt(n * share * (1 - share))


def test_counts_and_targets(drawn):
    sizes = {"reach": (3, 0), "push": (3, 0), "place": (1, 3), "pick_place": (3, 3)}
    for (family, _), tasks in drawn.items():
        for task in tasks[:50]:
            assert (len(task.objects), len(task.containers)) == sizes[family]
    task = draw_task("pick_place", "val", 0, target=5)
    assert (task.target_object, task.target_container) == (1, 2)
    assert draw_task("place", "val", 0, target=2).target_container == 2
    assert draw_task("place", "val", 0, target=2).target_object == 0
    assert draw_task("push", "val", 0, target=2).target_object == 2


def test_held_things_fit_the_gripper(drawn):
    for split in SPLITS:
        for task in drawn["pick_place", split][:200] + drawn["place", split][:200]:
            for look in task.objects:
                assert look.shape in GRASPABLE
                assert np.ptp(outline(look.shape, look.size_m)[:, 1]) < 0.07


def test_another_target_changes_nothing_else():
    one, other = draw_task("place", "test", 3, target=0), draw_task("place", "test", 3, target=1)
    assert one.objects == other.objects
    assert one.containers == other.containers
    assert draw_task("place", "test", 3) in (one, other, draw_task("place", "test", 3, target=2))


def test_a_task_survives_its_text():
    for family in FAMILIES:
        task = draw_task(family, "val", 1)
        assert Task.from_json(task.to_json()) == task
        assert task.label == f"{family}/val/1"
        assert describe(task)["label"] == task.label


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("juggle", "test", 0), "juggle"),
        (("place", "exam", 0), "exam"),
        (("place", "test", 200), r"0\.\.199"),
        (("place", "test", -1), "-1"),
        (("place", "test", 0, 3), r"target 3 is outside 0\.\.2"),
    ],
)
def test_bad_draws_say_what_there_is(arguments, told):
    with pytest.raises(ValueError, match=told):
        draw_task(*arguments)


def test_families_by_name():
    assert as_family("push") == "push"
    with pytest.raises(ValueError, match="reach, push, place, pick_place"):
        as_family("pull")


# --- arrangements -----------------------------------------------------------------------------


def radius(look):
    return np.linalg.norm(outline(look.shape, look.size_m), axis=1).max()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("split", ["train", "test", "test_shapes"])
def test_things_lie_free_on_the_table(family, split):
    for index in range(6):
        task = draw_task(family, split, index)
        drawn = draw_arrangement(task, stream(split, family, index, "trial", 1))
        for looks, rows in ((task.objects, drawn.objects), (task.containers, drawn.containers)):
            if family == "place" and looks is task.objects:
                assert rows.shape == (0, 3), "the held thing has no place on the table"
                continue
            assert rows.shape == (len(looks), 3)
            assert np.isfinite(rows).all()
            assert (np.abs(rows[:, 1]) <= 0.22).all()
            assert (rows[:, 0] >= 0.46).all()
            assert (rows[:, 0] <= 0.74).all()
            for (a, one), (b, other) in combinations(zip(looks, rows, strict=True), 2):
                assert np.hypot(*(one - other)[:2]) > radius(a) + radius(b) + 0.017


@pytest.mark.parametrize("family", FAMILIES)
def test_targets_move_at_least_ten_centimetres_from_the_demo(family):
    for index in range(6):
        task = draw_task(family, "test", index)
        shown = draw_arrangement(task, stream("test", family, index, "trial", 0, 500))
        before = shown.target_xy_m(task)
        for trial in range(3):
            rng = stream("test", family, index, "trial", 0, trial)
            after = draw_arrangement(task, rng, before).target_xy_m(task)
            assert (np.linalg.norm(after - before, axis=1) >= 0.10).all()


def test_targets_of_an_arrangement():
    place, pick = draw_task("place", "test", 0), draw_task("pick_place", "test", 0, target=5)
    for task, rows in ((place, 1), (pick, 2)):
        drawn = draw_arrangement(task, stream("test", task.family, 0, "trial", 0))
        xy = drawn.target_xy_m(task)
        assert xy.shape == (rows, 2)
        assert (xy[-1] == drawn.containers[task.target_container, :2]).all()
    assert (xy[0] == drawn.objects[1, :2]).all()


def test_every_push_has_a_free_way_to_the_goal():
    for index in range(8):
        task = draw_task("push", "val", index)
        drawn = draw_arrangement(task, stream("val", "push", index, "trial", 0))
        for i, xy in enumerate(drawn.objects[:, :2]):
            way = np.linspace(xy, drawn.goal_xy_m, 50)
            for other in np.delete(drawn.objects[:, :2], i, axis=0):
                assert np.linalg.norm(way - other, axis=1).min() >= 0.085 - 1e-3


def test_no_room_is_an_error(monkeypatch):
    monkeypatch.setattr(tasks_module, "DRAWS", 50)
    task = draw_task("reach", "test", 0)
    wide = replace(task, objects=tuple(replace(x, size_m=0.4) for x in task.objects))
    with pytest.raises(RuntimeError, match="no free arrangement of reach/test/0"):
        draw_arrangement(wide, np.random.default_rng(0))


def test_an_arrangement_survives_its_text():
    task = draw_task("pick_place", "test", 0)
    drawn = draw_arrangement(task, stream("test", "pick_place", 0, "trial", 0))
    again = Arrangement.from_json(drawn.to_json())
    for name, rows in drawn.__dict__.items():
        assert (getattr(again, name) == rows).all()
    assert again == drawn
    assert hash(again) == hash(drawn)
    assert replace(drawn, goal_xy_m=drawn.goal_xy_m + 1e-12) != drawn
    assert drawn != drawn.to_json()


# --- streams ----------------------------------------------------------------------------------


def test_streams_are_named_by_split_family_seed_and_role():
    seen = set()
    for split in SPLITS:
        for family in FAMILIES:
            for seed in (0, 1, 7, 2**31, 2**40):
                for role in ROLES:
                    rng = stream(split, family, seed, role)
                    words = tuple(rng.bit_generator.seed_seq.entropy)
                    # Whatever the seed: no stream of one split is a stream of another.
                    assert words[:2] == (SPLITS.index(split), FAMILIES.index(family))
                    assert words not in seen
                    seen.add(words)


def test_streams_differ_from_their_first_number():
    numbers = [
        stream(split, family, seed, "trial", *more).integers(2**63)
        for split in SPLITS
        for family in FAMILIES
        for seed in range(5)
        for more in ((), (0,), (1,), (0, 0), (0, 1))
    ]
    assert len(set(numbers)) == len(numbers)


def test_the_same_stream_gives_the_same_arrangement():
    task = draw_task("place", "test", 4)
    one, two = (draw_arrangement(task, stream("test", "place", 4, "trial", 9)) for _ in range(2))
    assert one.to_json() == two.to_json()
