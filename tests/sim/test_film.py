"""Films: the task is done by the robot's own rule, they repeat, and no split sees another's."""

import colorsys
import math

import gymnasium
import numpy as np
import pytest

from sim.attributes import SPLITS, inside, outline
from sim.camera import Camera, intrinsics_of, to_pixels
from sim.episode import POLICY_S
from sim.film import WHOLE_PICTURE, _as_by_robot, film, film_stream
from sim.manner import FILM_PRESETS
from sim.scene import CAMERA, CAMERA_FOVY_DEG, camera_pose
from sim.tasks import FAMILIES, ROLES, draw_arrangement, draw_task, stream


def filmed(family, index=0, split="test", trial=0, seed=0, **more):
    task = draw_task(family, split, index)
    return film(task, film_stream(task, seed, trial), **more)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("index", [0, 1])
def test_a_film_ends_with_the_task_done(family, index):
    shown = filmed(family, index, frames=2)
    task, end = shown.task, shown.marker[-1]
    if family == "push":
        assert math.dist(*end) <= 0.05
        assert math.dist(shown.marker[0, 0], end[0]) > 0.05, "moved there"
    elif family == "pick_place":
        look = task.containers[task.target_container]
        x, y, yaw = shown.arrangement.containers[task.target_container]
        turn = np.array([[np.cos(yaw), np.sin(yaw)], [-np.sin(yaw), np.cos(yaw)]])
        assert inside(outline(look.shape, look.size_m), turn @ (end[0] - [x, y]))
    else:
        assert np.array_equal(*end), "what is meant is the destination"
    expected = shown.arrangement.target_xy_m(task)[0]
    assert shown.marker[0, 0] == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("family", FAMILIES)
def test_length_and_contact(family):
    shown = filmed(family, 3, frames=2)
    assert 12 <= shown.length <= 10 / POLICY_S
    assert 2 < shown.contact < shown.length - 8, "begun, and a second for the outcome to last"
    assert shown.moments.tolist() == [0, shown.length - 1]


def test_the_same_film_for_task_seed_and_trial():
    one, two = filmed("place", 2, frames=3), filmed("place", 2, frames=3)
    assert np.array_equal(one.rgb, two.rgb)
    assert np.array_equal(one.marker, two.marker)
    assert (one.manner, one.look, one.view) == (two.manner, two.look, two.view)
    for other in (filmed("place", 2, trial=1, frames=3), filmed("place", 2, seed=1, frames=3)):
        assert not np.array_equal(one.rgb, other.rgb)
        assert one.arrangement != other.arrangement
        assert one.manner != other.manner


def test_frames_are_those_of_the_whole_film():
    whole, few = filmed("reach", 1), filmed("reach", 1, frames=4)
    assert whole.rgb.shape == (whole.length, 80, 80, 3)
    assert few.length == whole.length
    assert np.array_equal(few.rgb, whole.rgb[few.moments])
    assert np.array_equal(few.marker, whole.marker[few.moments])
    drawn = filmed("reach", 1, frames=4, jitter=True)
    edges = np.linspace(0, whole.length, 5)
    assert (drawn.moments >= np.floor(edges[:-1])).all()
    assert (drawn.moments < np.ceil(edges[1:])).all()
    assert np.array_equal(drawn.rgb, whole.rgb[drawn.moments])


def test_the_hand_is_in_the_picture_and_moves():
    rgb = filmed("pick_place", 4).rgb.astype(float)
    change = np.abs(np.diff(rgb, axis=0)).max(axis=3)
    # Much more than noise, on a patch the size of a hand.
    assert np.sort((change > 40).sum(axis=(1, 2)))[-5:].min() > 50


def test_where_things_are_seen_is_what_the_robots_camera_would_say():
    env = gymnasium.make("sim:sim/SawyerReach-v0", preset="none").unwrapped
    env.reset(seed=0, options={"task": 0})
    own = Camera(env.episode.world, CAMERA)
    spots = np.array([[0.6, 0.1], [0.45, -0.2]])
    assert _as_by_robot(spots, own) == pytest.approx(spots, abs=1e-9), "its own is true"
    own.close()
    shown = filmed("place", 0, frames=2, image=WHOLE_PICTURE)
    assert shown.seen.shape == shown.marker.shape
    # The pixel at which a policy finds such a place is where the film has the thing: look there.
    pixel = to_pixels(
        np.array([[*shown.seen[0, 1], 0.02]]),
        intrinsics_of(CAMERA_FOVY_DEG, (240, 320)),
        *camera_pose(),
    )[0]
    column, row = pixel.round().astype(int)
    there = shown.rgb[0, row - 2 : row + 3, column - 2 : column + 3].reshape(-1, 3).mean(0) / 255
    hue = 360 * colorsys.rgb_to_hsv(*there)[0]
    meant = shown.task.containers[shown.task.target_container].hue_deg
    assert abs((hue - meant + 180) % 360 - 180) < 40, "the container meant, by its colour"
    env.close()


def test_the_whole_picture_may_be_asked_for():
    shown = filmed("reach", 0, frames=2, image=WHOLE_PICTURE)
    assert shown.rgb.shape == (2, 240, 320, 3)


def test_a_given_arrangement_is_used_and_targets_avoid_the_shown_ones():
    task = draw_task("pick_place", "test", 5)
    given = draw_arrangement(task, stream("test", "pick_place", 5, "trial", 0))
    assert filmed("pick_place", 5, arrangement=given, frames=2).arrangement == given
    avoid = given.target_xy_m(task)
    other = filmed("pick_place", 5, avoid=avoid, frames=2).arrangement.target_xy_m(task)
    assert np.linalg.norm(other - avoid, axis=1).min() >= 0.10


@pytest.mark.parametrize("preset", FILM_PRESETS)
def test_presets_change_what_they_name(preset):
    given, usual = filmed("place", 6, preset=preset, frames=2), filmed("place", 6, frames=2)
    assert given.arrangement == usual.arrangement, "and the arrangement never"
    low, high = FILM_PRESETS[preset].size
    assert low <= given.look.size <= high
    assert given.view.table_surface in FILM_PRESETS[preset].surfaces
    assert given.manner.grasp == usual.manner.grasp
    if preset == "half_speed":
        assert given.contact > 1.6 * usual.contact
    elif preset == "double_speed":
        assert given.contact < 0.65 * usual.contact


def test_what_cannot_be_filmed_is_refused():
    with pytest.raises(ValueError, match="no film preset 'dusk'"):
        filmed("reach", preset="dusk")
    with pytest.raises(ValueError, match="at least 2 frames"):
        filmed("reach", frames=1)


def test_films_have_streams_of_their_own_in_every_split():
    """The split leads the words of every stream: no seed of one split meets one of another."""
    seen = set()
    for split in SPLITS:
        for family in FAMILIES:
            for seed, trial in ((0, 0), (0, 1), (1, 0), (2**40, 7)):
                task = draw_task(family, split, 3)
                words = tuple(film_stream(task, seed, trial).bit_generator.seed_seq.entropy)
                assert words[0] == SPLITS.index(split)
                assert words[3] == ROLES.index("human")
                assert words not in seen
                seen.add(words)
