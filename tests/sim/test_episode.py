"""Success rules, each met and missed by constructing the outcome."""

import numpy as np
import pytest

from sim.attributes import outline
from sim.episode import FOLLOW_S, Episode
from sim.judge import RETREAT_M
from sim.sawyer import DOWN_QUAT_WXYZ, START_Q, Kinematics, inverse
from sim.tasks import GOAL_RADIUS_M, OBJECT_HEIGHT_M, draw_task

UPRIGHT = np.array([1.0, 0.0, 0.0, 0.0])
FLOOR_M = 0.0045
"""Just above a container's floor."""


def tip_at(episode, xyz, opening_m):
    """Put the tip (3,) somewhere, at rest."""
    q = inverse(Kinematics(), np.array(xyz, float), DOWN_QUAT_WXYZ, START_Q)
    episode.world.place_arm(q, opening_m)


def put(episode, name, x, y, z=5e-4):
    episode.world.set_free_joint(name, np.array([x, y, z]), UPRIGHT)


def begin(family, target=0, seed=0):
    episode = Episode(draw_task(family, "test", 1, target=target))
    episode.reset(np.random.default_rng(seed), preset="none")
    return episode


def judged(episode, times):
    """The last of so many looks at the world as it stands."""
    for _ in range(times):
        progress = episode.judge()
    return progress


# --- place ------------------------------------------------------------------------------------


@pytest.fixture
def place():
    """The tip high and open, the thing on the table beside everything."""
    episode = begin("place", target=1)
    tip_at(episode, [0.5, 0.0, RETREAT_M + 0.05], 0.07)
    put(episode, "object0", 0.45, 0.25)
    return episode


def into(episode, container, dx=0.0, dy=0.0):
    x, y = episode.arrangement.containers[container, :2]
    put(episode, "object0", x + dx, y + dy, FLOOR_M)


def test_placed_in_the_container_that_was_meant(place):
    into(place, 1)
    before = judged(place, 9)
    assert not before.done
    assert not before.success
    after = place.judge()
    assert after.done
    assert after.success
    assert after.chosen == 1
    assert after.error_m == pytest.approx(0.0, abs=1e-6)


def test_placed_in_another_container(place):
    into(place, 2)
    after = judged(place, 10)
    assert after.done
    assert not after.success
    assert after.chosen == 2
    rows = place.arrangement.containers[:, :2]
    assert after.error_m == pytest.approx(np.linalg.norm(rows[1] - rows[2]), abs=1e-6)


def test_placed_beside_all_containers(place):
    after = judged(place, 10)
    assert after.done
    assert not after.success
    assert after.chosen is None


def test_only_the_inside_of_the_outline_counts(place):
    """Along a corner's direction and along an edge's, a little inside and a little outside."""
    look, row = place.task.containers[1], place.arrangement.containers[1]
    turn = np.array([[np.cos(row[2]), -np.sin(row[2])], [np.sin(row[2]), np.cos(row[2])]])
    polygon = outline(look.shape, look.size_m) @ turn.T
    for point in (polygon[0], 0.5 * (polygon[0] + polygon[1])):
        for share, expected in ((0.97, 1), (1.03, None)):
            into(place, 1, *(share * point))
            place._judge._resting = [True] * 9
            assert place.judge().chosen == expected


def test_what_is_held_has_not_been_placed(place):
    into(place, 1)
    x, y = place.arrangement.containers[1, :2]
    tip_at(place, [x, y, 0.05], 0.04)
    assert not judged(place, 12).done, "low"
    tip_at(place, [x, y, RETREAT_M + 0.02], 0.03)
    put(place, "object0", x, y, RETREAT_M)
    assert not judged(place, 12).done, "between the pads"


def test_what_moves_has_not_been_placed(place):
    into(place, 1)
    world = place.world
    dof = world.model.joint("object0").dofadr[0]
    for speed, done in ((0.03, False), (0.01, True)):
        world.data.qvel[dof] = speed
        assert judged(place, 10).done is done


def test_a_touch_starts_the_second_anew(place):
    into(place, 1)
    judged(place, 6)
    x, y = place.arrangement.containers[1, :2]
    tip_at(place, [x, y, 0.06], 0.07)
    assert not judged(place, 1).done
    tip_at(place, [x, y, RETREAT_M + 0.05], 0.07)
    assert not judged(place, 9).done
    assert place.judge().success


# --- pick and place ---------------------------------------------------------------------------


def pick(target):
    episode = begin("pick_place", target)
    tip_at(episode, [0.5, 0.0, RETREAT_M + 0.06], 0.07)
    return episode


def carry(episode, thing, container, lift_m):
    x, y = episode.arrangement.containers[container, :2]
    put(episode, f"object{thing}", x, y, lift_m)
    episode.judge()
    put(episode, f"object{thing}", x, y, FLOOR_M)


@pytest.mark.parametrize(
    ("thing", "container", "chosen"), [(1, 2, 5), (0, 2, 2), (1, 1, 4), (2, 0, 6)]
)
def test_picked_and_placed(thing, container, chosen):
    episode = pick(target=5)
    carry(episode, thing, container, 0.055)
    after = judged(episode, 10)
    assert after.done
    assert after.chosen == chosen
    assert after.success is (chosen == 5)


def test_what_was_not_lifted_does_not_count():
    episode = pick(target=5)
    carry(episode, 1, 2, 0.045)
    assert not judged(episode, 12).done


def test_nothing_is_decided_while_nothing_is_contained():
    assert not judged(pick(target=5), 15).done


def test_two_things_in_containers_are_no_choice():
    episode = pick(target=5)
    carry(episode, 1, 2, 0.06)
    carry(episode, 0, 1, 0.06)
    after = judged(episode, 12)
    assert after.done
    assert not after.success
    assert after.chosen is None


# --- push -------------------------------------------------------------------------------------


@pytest.fixture
def push():
    """Three things far from the goal and from each other, the tip high."""
    episode = begin("push", target=2)
    tip_at(episode, [0.5, 0.0, RETREAT_M + 0.05], 0.03)
    for i in range(3):
        put(episode, f"object{i}", 0.45, 0.2 * (i - 1))
    return episode


def near_goal(episode, i, gap_m):
    x, y = episode.arrangement.goal_xy_m
    put(episode, f"object{i}", x - gap_m, y)


@pytest.mark.parametrize(("gap_m", "success"), [(0.0, True), (0.049, True), (0.051, False)])
def test_pushed_within_five_centimetres(push, gap_m, success):
    near_goal(push, 2, gap_m)
    assert not judged(push, 9).success
    after = push.judge()
    assert after.success is after.done is success
    assert after.error_m == pytest.approx(gap_m, abs=1e-9)
    assert GOAL_RADIUS_M < 0.05


def test_a_distractor_at_the_goal_spoils_it(push):
    near_goal(push, 2, 0.0)
    x, y = push.arrangement.goal_xy_m
    for gap, success in ((0.079, False), (0.081, True)):
        put(push, "object0", x, y + gap)
        assert judged(push, 10).success is success


def test_pushing_a_distractor_is_a_choice_too(push):
    near_goal(push, 1, 0.02)
    after = judged(push, 10)
    assert after.chosen == 1
    assert after.done
    assert not after.success


def test_leaving_the_goal_starts_the_count_anew(push):
    near_goal(push, 2, 0.0)
    judged(push, 9)
    near_goal(push, 2, 0.06)
    assert not judged(push, 1).success
    near_goal(push, 2, 0.0)
    assert not judged(push, 9).success
    assert push.judge().success


def test_a_push_is_over_when_the_tip_has_risen(push):
    near_goal(push, 2, 0.0)
    tip_at(push, [0.5, 0.0, 0.05], 0.03)
    low = judged(push, 10)
    assert low.success
    assert not low.done
    tip_at(push, [0.5, 0.0, RETREAT_M + 0.01], 0.03)
    assert push.judge().done


def test_the_published_threshold_is_looser(push):
    """Squared distance below 0.017 m^2 at any ten looks."""
    near_goal(push, 2, np.sqrt(0.017) - 1e-3)
    assert not judged(push, 9).loose_success
    near_goal(push, 2, np.sqrt(0.017) + 1e-3)
    assert not judged(push, 5).loose_success
    near_goal(push, 2, np.sqrt(0.017) - 1e-3)
    after = push.judge()
    assert after.loose_success
    assert not after.success


# --- reach ------------------------------------------------------------------------------------


@pytest.fixture
def reach():
    return begin("reach", target=1)


def above(episode, i, gap_m):
    x, y = episode.arrangement.objects[i, :2]
    tip_at(episode, [x, y, OBJECT_HEIGHT_M + gap_m], 0.02)


@pytest.mark.parametrize(("gap_m", "success"), [(0.03, True), (0.047, True), (0.053, False)])
def test_reached_within_five_centimetres(reach, gap_m, success):
    above(reach, 1, gap_m)
    assert not judged(reach, 9).done
    after = reach.judge()
    assert after.success is after.done is after.loose_success is success
    assert after.error_m == pytest.approx(gap_m, abs=2e-3)


def test_reaching_for_a_distractor(reach):
    above(reach, 0, 0.03)
    after = judged(reach, 10)
    assert (after.done, after.success, after.chosen) == (True, False, 0)


def test_the_best_frame_counts_under_the_published_rule(reach):
    above(reach, 1, 0.03)
    judged(reach, 1)
    above(reach, 1, 0.15)
    after = judged(reach, 12)
    assert after.loose_success
    assert not after.success


# --- the episode itself -----------------------------------------------------------------------


@pytest.mark.parametrize("family", ["push", "place"])
def test_the_same_generator_gives_the_same_episode(family):
    """Whether the object is fresh or has been used."""
    task = draw_task(family, "val", 3)
    used = Episode(task)
    used.reset(np.random.default_rng(8))
    used.advance(0.1)
    states = []
    for episode in (used, Episode(task)):
        drawn = episode.reset(np.random.default_rng(9))
        episode.command([(0.1, START_Q + 0.05, np.zeros(7))])
        episode.advance(0.2)
        states.append((drawn.to_json(), episode.appearance, episode.world.save_state()[8:]))
    assert states[0] == states[1]


def test_a_given_arrangement_is_laid_out():
    task = draw_task("push", "val", 3)
    episode = Episode(task)
    wanted = episode.reset(np.random.default_rng(1))
    assert episode.reset(np.random.default_rng(2)).to_json() != wanted.to_json()
    assert episode.reset(np.random.default_rng(2), arrangement=wanted) is wanted
    pos, _ = episode.world.body_pose("object0")
    assert pos[:2] == pytest.approx(wanted.objects[0, :2], abs=1e-3)


def test_an_episode_starts_with_the_thing_held_at_the_start():
    for index in range(4):
        episode = Episode(draw_task("place", "train", index))
        drawn = episode.reset(np.random.default_rng(index))
        tip, _ = episode.world.tcp_pose()
        assert tip == pytest.approx(drawn.start_tcp_m, abs=3e-3)
        state = episode.privileged_state()
        assert state["object"] == pytest.approx(tip, abs=5e-3)
        assert episode.world.finite
        episode.advance(1.0)
        assert episode.privileged_state()["object"] == pytest.approx(tip, abs=5e-3), "it stays"


def test_time_passes_as_asked_and_the_trajectory_is_followed():
    episode = begin("reach")
    start, q = episode.world.time_ns, episode.follower.sample(0.0)[0]
    episode.command([(0.3, q + 0.1, np.zeros(7))])
    episode.advance(0.15)
    assert episode.world.time_ns - start == 150_000_000
    half = episode.world.arm_q
    episode.advance(0.15 + 20 * FOLLOW_S)
    assert half == pytest.approx(q + 0.05, abs=6e-3)
    assert episode.world.arm_q == pytest.approx(q + 0.1, abs=3e-3)
