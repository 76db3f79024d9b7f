"""The environments: Gymnasium's contract, reproducible draws, streams that never cross splits."""

import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import sim
from sim import envs
from sim.attributes import SPLITS
from sim.camera import POLICY_IMAGE, Camera, on_plane
from sim.envs import SPEED_M_S, SawyerEnv
from sim.episode import Episode
from sim.sawyer import GRIPPER_MAX_M
from sim.scene import CAMERA
from sim.servo import Servo
from sim.tasks import FAMILIES, draw_task, stream


@pytest.fixture(scope="module")
def place():
    env = SawyerEnv("place", "val")
    yield env
    env.close()


@pytest.fixture(scope="module")
def blind():
    """State only."""
    return SawyerEnv("push", "val", image=None, max_steps=5)


def same(a, b):
    return a.keys() == b.keys() and all((a[k] == b[k]).all() for k in a)


# --- Gymnasium --------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_environments_are_made_by_name(family):
    name = sim._FAMILY_IDS[family]
    env = gymnasium.make(f"sim:{name}", split="test", max_steps=3)
    observation, info = env.reset(seed=1, options={"task": 2})
    assert info["task"].label == f"{family}/test/2"
    assert env.observation_space.contains(observation)
    assert observation["rgb"].shape == (*POLICY_IMAGE.size, 3)
    for step in range(3):
        observation, reward, terminated, truncated, info = env.step(np.zeros(4))
        assert env.observation_space.contains(observation)
        assert reward == float(info["success"]) == 0.0
        assert not terminated
        assert truncated is (step == 2)
    assert env.render().shape == (240, 320, 3)
    env.close()
    env.close()


def test_gymnasiums_own_checks_pass():
    with warnings.catch_warnings():
        # Its taste: metres per second need no scaling to [-1, 1], positions no bounds.
        warnings.filterwarnings("ignore", message=".*Box.*")
        env = gymnasium.make("sim:sim/SawyerReach-v0").unwrapped
        check_env(env, skip_render_check=True)
    env.close()


def test_an_unknown_family_is_refused():
    with pytest.raises(ValueError, match="no task family 'juggle'; there are reach"):
        SawyerEnv("juggle")


def test_misuse_says_what_to_do(blind):
    fresh = SawyerEnv("push", image=None)
    with pytest.raises(RuntimeError, match=r"call reset\(\) first"):
        fresh.step(np.zeros(4))
    with pytest.raises(ValueError, match=r"unknown reset options \['tsk'\]"):
        blind.reset(options={"tsk": 1})
    blind.reset(seed=0)
    for action in (np.zeros(3), np.full(4, np.nan), [0.0, 0.0, np.inf, 0.0]):
        with pytest.raises(ValueError, match="4 finite numbers"):
            blind.step(action)


# --- drawing ----------------------------------------------------------------------------------


def roll(env, *, seed, options, steps=6):
    """Observations of a fixed run of actions."""
    observation, info = env.reset(seed=seed, options=options)
    seen = [observation]
    for k in range(steps):
        action = np.array([0.1, 0.05 * np.cos(k), -0.05, 0.02 * (k % 2)])
        seen.append(env.step(action)[0])
    return seen, info["arrangement"].to_json()


def test_the_same_seed_gives_the_same_episode_to_the_bit(place):
    options = {"task": 3, "trial": 2}
    first, drawn = roll(place, seed=5, options=options)
    roll(place, seed=6, options={"task": 3, "trial": 1})
    again, redrawn = roll(place, seed=5, options=options)
    other = SawyerEnv("place", "val")
    fresh, fresh_drawn = roll(other, seed=5, options=options)
    other.close()
    assert drawn == redrawn == fresh_drawn
    for a, b, c in zip(first, again, fresh, strict=True):
        assert same(a, b)
        assert same(a, c)


def test_seed_trial_and_task_each_change_the_arrangement(blind):
    drawn = set()
    for seed in (0, 1):
        for trial in (0, 1):
            for task in (0, 1):
                _, info = blind.reset(seed=seed, options={"task": task, "trial": trial})
                drawn.add(info["arrangement"].to_json())
    assert len(drawn) == 8


def test_the_target_changes_nothing_that_can_be_seen(place):
    seen = [
        place.reset(seed=2, options={"task": 4, "trial": 1, "target": target})[0]
        for target in range(3)
    ]
    assert same(seen[0], seen[1])
    assert same(seen[0], seen[2])


def test_the_demos_places_are_avoided(place):
    _, info = place.reset(seed=0, options={"task": 9, "trial": 500})
    before = info["arrangement"].target_xy_m(info["task"])
    for trial in range(5):
        _, now = place.reset(seed=0, options={"task": 9, "trial": trial, "avoid": before})
        after = now["arrangement"].target_xy_m(now["task"])
        assert (np.linalg.norm(after - before, axis=1) >= 0.10).all()


def test_no_test_seed_meets_a_training_or_validation_stream(monkeypatch):
    """Every generator behind a reset is named by its split first, whatever the seed."""
    drawn = []

    def spy(*words):
        drawn.append((words, stream(*words)))
        return drawn[-1][1]

    monkeypatch.setattr(envs, "stream", spy)
    env = SawyerEnv("reach", "train", image=None)
    for split in SPLITS:
        for seed in (None, 0, 1, 3, 2**31 - 1, 2**40):
            for task in (0, 7):
                env.reset(seed=seed, options={"split": split, "task": task, "trial": 1})
    names = set()
    for words, rng in drawn:
        assert rng.bit_generator.seed_seq.entropy[0] == SPLITS.index(words[0])
        names.add(tuple(rng.bit_generator.seed_seq.entropy))
    assert len(drawn) == len(SPLITS) * 6 * 2
    assert len(names) == len(drawn) - len(SPLITS) * 2, "no seed is seed 0, nothing else coincides"


# --- stepping ---------------------------------------------------------------------------------


def test_a_step_is_five_servo_ticks_of_ten_physics_steps(blind):
    """The environment against its parts put together by hand, to the bit."""
    options = {"task": 6, "trial": 1}
    _, info = blind.reset(seed=3, options=options)
    episode = Episode(info["task"])
    episode.reset(stream("val", "push", 6, "trial", 3, 1))
    servo = Servo()
    servo.reset(episode.world.arm_q)
    for k in range(5):
        action = np.array([0.2, -0.3 * (k % 2), -0.02, 0.01 * k])
        blind.step(action)
        episode.world.set_gripper(action[3])
        for _ in range(5):
            servo.step(np.array([*action[:3], 0.0, 0.0, 0.0]), 0.02)
            episode.command(servo.braking_points(0.02))
            for _ in range(2):
                episode.advance(0.01)
        assert blind.episode.world.save_state() == episode.world.save_state()


def test_the_tip_moves_as_the_action_says(blind):
    velocity = np.array([0.1, -0.12, 0.05])
    start, _ = blind.reset(seed=0, options={"task": 0})
    observations = [blind.step(np.array([*velocity, 0.03]))[0] for _ in range(5)]
    moved = observations[-1]["ee_pos_m"] - observations[2]["ee_pos_m"]
    assert moved == pytest.approx(0.2 * velocity, abs=2e-3)
    assert np.linalg.norm(observations[0]["ee_pos_m"] - start["ee_pos_m"]) < 0.1 * 0.17
    assert observations[-1]["gripper_m"] == pytest.approx(0.03, abs=3e-3)


def test_applied_actions_are_what_the_limits_left(blind):
    blind.reset(seed=0, options={"task": 0})
    for _ in range(4):
        blind.step(np.array([2.0, 0.0, 0.0, 0.03]))
    assert np.linalg.norm(blind.applied_action[:3]) <= SPEED_M_S + 1e-9
    assert blind.action_space.high.tolist() == [SPEED_M_S] * 3 + [GRIPPER_MAX_M]


# --- pictures ---------------------------------------------------------------------------------


def test_an_arm_that_is_held_is_stopped_and_fails(blind):
    blind.reset(seed=1)
    *_, terminated, _, info = blind.step(np.array([0.1, 0.0, 0.0, 0.03]))
    assert (terminated, info["stopped"]) == (False, False)
    sideways = np.array([0.0, 400.0, 0.0])
    blind.episode.world.apply_wrench("right_hand", sideways, np.zeros(3), np.zeros(3), 10.0)
    ends = [blind.step(np.array([0.1, 0.0, 0.0, 0.03])) for _ in range(3)]
    _, reward, terminated, _, info = next(end for end in ends if end[2])
    assert (reward, info["success"], info["stopped"], info["chosen"]) == (0.0, False, True, None)


def test_a_picture_of_a_saved_moment_is_what_was_seen_then(place):
    observation, _ = place.reset(seed=1, options={"task": 2})
    moment = place.episode.world.save_state()
    for _ in range(4):
        place.step(np.array([0.2, 0.2, 0.0, 0.05]))
    now = place.episode.world.save_state()
    assert (place.picture(moment) == observation["rgb"]).all()
    assert place.episode.world.save_state() == now, "and the present is as it was"
    later = place.step(np.zeros(4))[0]
    assert (later["rgb"] != observation["rgb"]).any()


def test_places_are_where_the_pixels_look(place):
    """`places` against the projection of its own answer."""
    place.reset(seed=0, options={"task": 0})
    rows, columns = 20, 16
    places = place.places(rows, columns, height_m=0.02)
    assert places.shape == (rows * columns, 2)
    with Camera(place.episode.world, CAMERA) as camera:
        position, rotation = camera.pose()
        points = np.c_[places, np.full(len(places), 0.02)]
        x, y, z = rotation.T @ (points - position).T
        pixels = (camera.intrinsics() @ [x / z, y / z, np.ones_like(z)])[:2].T
        again = on_plane(pixels, camera.intrinsics(), position, rotation, 0.02)
    step_y, step_x = 80 / rows, 80 / columns
    i, j = np.indices((rows, columns)).reshape(2, -1)
    expected = POLICY_IMAGE.source_pixels(i * step_y, j * step_x)
    assert pixels == pytest.approx(expected, abs=1e-9)
    assert again == pytest.approx(places, abs=1e-12)
    # Leaving out the upper pixels leaves out those rows and moves no other.
    below = place.places(rows - 4, columns, height_m=0.02, top=16)
    assert below == pytest.approx(places[4 * columns :], abs=1e-12)


def test_a_thing_shows_in_the_cell_of_its_place():
    """Hide a thing and see which pixels of the policy's picture change."""
    env = SawyerEnv("reach", "val", preset="none")
    env.reset(seed=0, options={"task": 1})
    world, xy = env.episode.world, env.episode.arrangement.objects[0, :2]
    shown = env.image.apply(env.render()).astype(int)
    world.set_free_joint("object0", np.array([0.0, 3.0, 0.0]), np.array([1.0, 0, 0, 0]))
    changed = np.abs(env.image.apply(env.render()).astype(int) - shown).sum(-1) > 40
    places = env.places(80, 80, height_m=0.03).reshape(80, 80, 2)
    assert places[changed].mean(0) == pytest.approx(xy, abs=0.012)
    env.close()


@pytest.mark.parametrize("family", FAMILIES)
def test_markers_are_thing_and_destination(family):
    env = SawyerEnv(family, "val", image=None)
    _, info = env.reset(seed=0, options={"task": 3})
    drawn, task = info["arrangement"], info["task"]
    thing, destination = env.markers()
    if family == "place":
        assert thing == pytest.approx(drawn.containers[task.target, :2])
    else:
        assert thing == pytest.approx(drawn.objects[task.target_object, :2], abs=2e-3)
    expected = {
        "push": drawn.goal_xy_m,
        "pick_place": drawn.containers[task.target_container, :2] if drawn.containers.size else 0,
    }.get(family, thing)
    assert destination == pytest.approx(expected)


def test_without_pictures_there_are_none(blind):
    observation, _ = blind.reset(seed=0, options={"task": 0})
    assert set(observation) == {"q_rad", "ee_pos_m", "gripper_m"}
    assert set(blind.observation_space.spaces) == set(observation)


def test_a_new_task_is_a_new_scene(place):
    first, _ = place.reset(seed=0, options={"task": 0})
    other, info = place.reset(seed=0, options={"task": 1})
    assert info["task"] == draw_task("place", "val", 1)
    assert (first["rgb"] != other["rgb"]).any()


def test_a_person_shows_what_the_robot_is_to_do():
    env = SawyerEnv("place", "test", image=None)
    shown = env.film(3, seed=1, trial=2, frames=3)
    assert shown.task == draw_task("place", "test", 3)
    assert shown.rgb.shape == (3, 80, 80, 3)
    wrong = env.film(
        draw_task("place", "test", 3, target=0), arrangement=shown.arrangement, frames=2
    )
    assert wrong.arrangement == shown.arrangement
    _, info = env.reset(options={"task": 3, "avoid": shown.arrangement.target_xy_m(shown.task)})
    apart = info["arrangement"].target_xy_m(shown.task) - shown.arrangement.target_xy_m(shown.task)
    assert np.hypot(*apart[0]) >= 0.10
    whole = env.film(3, seed=1, trial=2, frames=3, whole=True)
    assert whole.rgb.shape == (3, 240, 320, 3)
    assert np.array_equal([POLICY_IMAGE.apply(rgb) for rgb in whole.rgb], shown.rgb)
    env.close()


@pytest.mark.parametrize("pixels", [0, 241])
def test_a_size_that_the_camera_does_not_have_is_refused(pixels):
    with pytest.raises(ValueError, match="need 1 to 240"):
        SawyerEnv("reach", pixels=pixels)


def test_another_size_is_the_same_view():
    fine, coarse = SawyerEnv("reach", "val", pixels=160), SawyerEnv("reach", "val")
    seen = [env.reset(seed=0)[0]["rgb"] for env in (fine, coarse)]
    assert fine.observation_space["rgb"].shape == seen[0].shape == (160, 160, 3)
    means = seen[0].reshape(80, 2, 80, 2, 3).mean((1, 3))
    assert np.abs(means - seen[1]).max() <= 1.0
    saved = fine.episode.world.save_state()
    assert np.array_equal(fine.picture(saved), seen[0])
    assert fine.film(3, frames=2).rgb.shape == (2, 160, 160, 3)
    # The middle of the first of 2 x 2 fine pixels lies half a fine pixel from the coarse one's.
    apart = np.abs(fine.places(16, 20, top=32) - coarse.places(16, 20, top=16))
    assert apart.max() < 0.005
    fine.close()
    coarse.close()
