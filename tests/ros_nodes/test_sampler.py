import random

import numpy as np
import pytest

from robot_meta.errors import ObservationError
from ros_nodes.sampler import MAX_WAITING_IMAGES, Sampler
from sim.sawyer import Kinematics
from tests.ros_nodes.recordings import (
    CONTRACT,
    IMAGE_STEP,
    JOINT_STEP,
    MS,
    START_NS,
    image,
    joint_state,
    picture,
    q_at,
    stream,
)


def feed(sampler, messages):
    frames = []
    for topic, _, msg in messages:
        sampler.feed(topic.removeprefix("/"), msg)
        frames += sampler.ready()
    return frames


@pytest.fixture
def sampler():
    return Sampler(CONTRACT)


def test_one_frame_for_each_image(sampler):
    frames = feed(sampler, stream(5))
    assert [f.stamp_ns for f in frames] == [START_NS + i * IMAGE_STEP for i in range(5)]
    assert sampler.ready() == []
    assert sampler.lost == 0


def test_values_are_those_of_the_image_stamp(sampler):
    frame = feed(sampler, stream(3))[2]
    stamp = START_NS + 2 * IMAGE_STEP
    pos, quat = Kinematics().forward(q_at(stamp))
    np.testing.assert_array_equal(frame.q_rad, q_at(stamp))
    np.testing.assert_array_equal(frame.ee_pos_m, pos)
    np.testing.assert_array_equal(frame.ee_quat_wxyz, quat)
    np.testing.assert_array_equal(frame.rgb, CONTRACT.camera.spec.apply(picture(stamp)))
    assert frame.gripper_m == pytest.approx(0.03)
    assert frame.rgb.shape == (80, 80, 3)


@pytest.mark.parametrize("seed", range(5))
def test_order_of_arrival_does_not_matter(sampler, seed):
    messages = stream(6)
    expected = feed(Sampler(CONTRACT), messages)
    shuffled = random.Random(seed)
    # Topics race each other, but each keeps its own order: what a middleware may do.
    queues = {t: [m for m in messages if m[0] == t] for t in {m[0] for m in messages}}
    mixed = []
    while any(queues.values()):
        mixed.append(queues[shuffled.choice([t for t, q in sorted(queues.items()) if q])].pop(0))
    came = feed(sampler, mixed)
    assert all(a.same_as(b) for a, b in zip(came, expected, strict=True))


def test_between_two_joint_states_is_the_straight_line(sampler):
    stamp = START_NS + 3 * MS
    sampler.feed("joint_states", joint_state(START_NS))
    sampler.feed("front/image_raw", image(stamp))
    assert sampler.ready() == []
    assert sampler.waiting
    assert "3 ms older than the image" in sampler.why
    sampler.feed("joint_states", joint_state(START_NS + JOINT_STEP))
    (frame,) = sampler.ready()
    np.testing.assert_allclose(frame.q_rad, q_at(stamp), atol=1e-12)


def test_a_frame_needs_joints_from_before_the_image(sampler):
    sampler.feed("front/image_raw", image(START_NS))
    sampler.feed("joint_states", joint_state(START_NS + JOINT_STEP))
    assert sampler.ready() == []
    assert (sampler.lost, sampler.waiting) == (1, False)
    assert "none from before the image" in sampler.why


def test_joints_over_their_age_are_not_used(sampler):
    sampler.feed("joint_states", joint_state(START_NS))
    sampler.feed("front/image_raw", image(START_NS + 101 * MS))
    sampler.feed("joint_states", joint_state(START_NS + 110 * MS))
    assert sampler.ready() == []
    assert sampler.why == "joint_states: a gap of 110 ms at the image, at most 100"
    assert sampler.lost == 1


def test_a_dead_joint_topic_holds_no_images(sampler):
    for i in range(MAX_WAITING_IMAGES + 3):
        sampler.feed("front/image_raw", image(START_NS + i * IMAGE_STEP))
    assert sampler.ready() == []
    assert sampler.lost == 3
    assert sampler.why == "joint_states: nothing came yet"


def test_frame_by_stamp(sampler):
    assert sampler.frame(START_NS) is None
    assert "no image with stamp" in sampler.why
    sampler.feed("joint_states", joint_state(START_NS))
    sampler.feed("front/image_raw", image(START_NS))
    assert sampler.frame(START_NS).same_as(sampler.ready()[0])


def test_repeated_messages_change_nothing(sampler):
    messages = stream(3)
    once = feed(Sampler(CONTRACT), messages)
    twice = feed(sampler, [m for m in messages for _ in range(2)])
    assert all(a.same_as(b) for a, b in zip(twice, once, strict=True))


def test_another_run_of_the_clock_starts_afresh(sampler):
    later = 10**12
    sampler.feed("joint_states", joint_state(later))
    sampler.feed("front/image_raw", image(later))
    assert len(feed(sampler, stream(2))) == 2


def test_without_proprioception_frames_need_images_alone():
    sampler = Sampler(CONTRACT, proprioception=False)
    sampler.feed("front/image_raw", image(START_NS))
    (frame,) = sampler.ready()
    assert np.isnan(frame.q_rad).all()
    assert np.isnan(frame.ee_pos_m).all()
    assert np.isnan(frame.gripper_m)


def test_other_topics_are_left_alone(sampler):
    assert not sampler.feed("policy/status", object())


@pytest.mark.parametrize(
    ("topic", "msg", "message"),
    [
        (
            "front/image_raw",
            image(1, picture(1, 480, 640)),
            r"\(480, 640, 3\) uint8, but robot saw",
        ),
        ("front/image_raw", image(1, encoding="32FC3"), "front/image_raw: image encoding '32FC3'"),
        ("front/image_raw", image(0), "front/image_raw: stamp 0 ns; need the time of capture"),
        ("joint_states", joint_state(0), "joint_states: stamp 0 ns"),
        ("joint_states", joint_state(1, list(CONTRACT.arm.joints), range(7)), "l_finger_joint"),
    ],
)
def test_bad_messages_are_named_and_change_nothing(sampler, topic, msg, message):
    with pytest.raises(ObservationError, match=message):
        sampler.feed(topic, msg)
    assert len(feed(sampler, stream(2))) == 2


def test_pictures_of_another_frame_are_refused(sampler):
    msg = image(1)
    msg.header.frame_id = "wrist"
    with pytest.raises(ObservationError, match=r"frame_id 'wrist', need one of \['front_opt"):
        sampler.feed("front/image_raw", msg)


@pytest.mark.parametrize(
    ("stream_name", "value", "message"),
    [
        ("rgb", np.full((240, 320, 3), np.nan, np.float32), "float32, but robot"),
        ("rgb", None, "NoneType"),
        ("joints", np.full(7, np.nan), "need 7 finite values"),
        ("joints", np.zeros(6), "need 7 finite values"),
        ("gripper", np.inf, "need 1 finite values"),
    ],
)
def test_pushing_nonsense_is_refused(sampler, stream_name, value, message):
    with pytest.raises(ObservationError, match=message):
        sampler.push(stream_name, START_NS, value)


def test_unknown_streams_and_robots_are_named(sampler):
    with pytest.raises(ValueError, match="stream 'depth', need one of"):
        sampler.push("depth", 1, 0)
