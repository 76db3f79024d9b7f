"""Demonstrations and trials in an environment, as a robot would record them."""

import gymnasium
import numpy as np
import pytest

from robot_meta import rollout
from robot_meta.rollout import TICK_NS
from robot_meta.types import Demo

OPTIONS = {"task": 4, "split": "val", "trial": 7}


@pytest.fixture(scope="module")
def env():
    made = gymnasium.make("sim:sim/SawyerPlace-v0", split="val", max_steps=90).unwrapped
    yield made
    made.close()


@pytest.fixture(scope="module")
def shown(env):
    return rollout.demonstrate(env, seed=3, options=OPTIONS)


def still(_frame):
    """Holds its hand still and shut."""
    return np.zeros(4)


def test_a_demonstration_is_what_a_robot_records(shown, env):
    demo, arrangement = shown
    assert isinstance(demo, Demo)
    assert (demo.kind, demo.task) == ("robot", "place/val/4")
    assert demo.rgb.shape[1:] == (80, 80, 3)
    assert demo.actions.shape == (len(demo), 4)
    assert (np.diff(demo.stamp_ns) == TICK_NS).all()
    assert demo.stamp_ns[0] > 0, "a zero stamp means none"
    observation, info = env.reset(seed=3, options=OPTIONS)
    assert info["arrangement"] == arrangement
    assert (demo.frames[0].rgb == observation["rgb"]).all()
    assert (demo.frames[0].q_rad == observation["q_rad"]).all()


def test_actions_come_after_their_frames(shown):
    """The tip moves between frames as the action between them says."""
    demo, _ = shown
    moved = np.diff(demo.ee_pos_m, axis=0) / 0.1
    said = demo.actions[:-1, :3]
    assert np.abs(moved - said).mean() < 0.02
    assert np.abs(moved[1:] - said[:-1]).mean() > np.abs(moved - said).mean()


def test_the_same_seed_gives_the_same_demonstration(shown, env):
    demo, _ = shown
    again, _ = rollout.demonstrate(env, seed=3, options=OPTIONS)
    assert len(again) == len(demo)
    assert all(a.same_as(b) for a, b in zip(demo.frames, again.frames, strict=True))
    assert (again.actions == demo.actions).all()
    other, _ = rollout.demonstrate(env, seed=4, options=OPTIONS)
    assert not other.frames[0].same_as(demo.frames[0])


def test_replayed_where_it_was_shown_a_demonstration_succeeds(shown, env):
    demo, _ = shown
    outcome = rollout.run(env, rollout.replay(demo), seed=3, options=OPTIONS)
    assert outcome.success
    assert outcome.loose_success
    assert outcome.chosen == env.episode.task.target
    assert outcome.error_m < 0.03
    assert abs(outcome.steps - len(demo)) <= 3


def test_replayed_elsewhere_it_does_not_follow_the_target(shown, env):
    demo, arrangement = shown
    avoid = arrangement.target_xy_m(env.episode.task)
    outcomes = [
        rollout.run(
            env,
            rollout.replay(demo),
            seed=3,
            options={"task": 4, "split": "val", "trial": k, "avoid": avoid},
        )
        for k in range(2)
    ]
    assert all(outcome.error_m > 0.05 for outcome in outcomes)
    assert not any(outcome.success for outcome in outcomes)


def test_the_final_pose_is_copied_where_it_was_shown(shown, env):
    demo, _ = shown
    outcome = rollout.run(env, rollout.copy_final_pose(demo), seed=3, options=OPTIONS)
    assert outcome.success


def test_copying_the_final_pose_is_blind(shown):
    demo, _ = shown
    one, other = rollout.copy_final_pose(demo), rollout.copy_final_pose(demo)
    for frame in demo.frames:
        dark = type(frame)(**{**frame.__dict__, "rgb": np.zeros_like(frame.rgb)})
        assert (one(frame) == other(dark)).all()


def test_a_policy_that_does_nothing_runs_out_of_time(env):
    outcome = rollout.run(env, still, seed=3, options=OPTIONS)
    assert not outcome.success
    assert outcome.chosen is None
    assert outcome.steps == env.max_steps
    assert outcome.error_m > 0.05


def test_an_expert_that_never_succeeds_is_an_error():
    short = gymnasium.make("sim:sim/SawyerReach-v0", split="val", max_steps=2).unwrapped
    with pytest.raises(RuntimeError, match="failed 20 arrangements of reach/val/4"):
        rollout.demonstrate(short, seed=0, options={"task": 4})
    short.close()


def test_frames_can_carry_another_picture(env):
    observation, _ = env.reset(seed=0, options={"task": 0})
    black = np.zeros((80, 80, 3), np.uint8)
    frame = rollout.frame_of(observation, 4, black)
    assert frame.rgb is black
    assert frame.stamp_ns == 5 * TICK_NS
    assert frame.gripper_m == observation["gripper_m"][0]


# --- people -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def filmed(env):
    return rollout.film(env, seed=3, options=OPTIONS)


@pytest.fixture(scope="module")
def by_phone(env):
    return rollout.film(env, seed=3, options=OPTIONS, preset=rollout.PHONE)


def test_a_film_knows_nothing_of_a_robot(filmed):
    demo, _ = filmed
    assert (demo.kind, demo.task, demo.actions) == ("human", "place/val/4", None)
    assert demo.rgb.shape == (len(demo), 80, 80, 3)
    assert np.isnan(demo.q_rad).all()
    assert np.isnan(demo.ee_pos_m).all()


def test_a_phone_shows_the_same_film_worse_and_a_little_off(filmed, by_phone):
    (plain, placed), (phone, other) = filmed, by_phone
    assert other == placed, "the same person does the same task"
    assert phone.rgb.shape == plain.rgb.shape
    assert phone.rgb.dtype == np.uint8
    apart = [np.abs(plain.rgb.astype(int) - rgb).mean((1, 2, 3)) for rgb in phone.rgb]
    assert 1 < np.mean(np.diag(apart)) < 20
    # A frame is most like itself, or like its neighbours where the hand rests.
    nearest = np.argmin(apart, axis=1)
    assert np.median(np.abs(nearest - np.arange(len(phone)))) <= 1
    tone = [rgb.mean((0, 1, 2)) for rgb in (plain.rgb, phone.rgb)]
    assert np.abs(tone[0] - tone[1]).max() < 12, "colours stay in their places"


def test_a_phones_film_is_drawn_by_seed_task_and_trial(env, by_phone):
    again, _ = rollout.film(env, seed=3, options=OPTIONS, preset=rollout.PHONE)
    assert np.array_equal(again.rgb, by_phone[0].rgb)


def test_films_that_do_not_exist_are_refused(env):
    with pytest.raises(ValueError, match="no film preset 'cinema'; there are train"):
        rollout.film(env, seed=3, options=OPTIONS, preset="cinema")
