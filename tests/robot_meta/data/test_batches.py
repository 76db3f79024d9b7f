"""What a meta-step is drawn from: evidence has what its kind has, and nothing else."""

import numpy as np
import pytest

from robot_meta.data.batches import EVIDENCE, augment, mirror, sample_shown, shares
from robot_meta.data.legs import LEG, LEGS, legs
from robot_meta.data.video_set import VideoSet
from tests import blobs


@pytest.fixture(scope="module")
def robots():
    return blobs.demo_set(0, tasks=5)


@pytest.fixture(scope="module")
def films(robots):
    return VideoSet(255 - robots.rgb, robots.marker + 1.0)


def drawn(films, robots, kind, seed=0, tasks=3):
    return sample_shown(films, robots, (4, 3), {kind: 1.0}, tasks, np.random.default_rng(seed))


@pytest.mark.parametrize("kind", EVIDENCE)
def test_evidence_has_what_its_kind_has(films, robots, kind):
    batch = drawn(films, robots, kind)
    m = batch.support
    assert m == 4
    assert batch.rgb.shape[:2] == (3, 7)
    state, action = np.abs(batch.state[:, :m]).max(), np.abs(batch.action[:, :m]).max()
    assert (state > 0, action > 0) == (kind in ("robot", "state"), kind == "robot")
    assert batch.known.tolist() == [[float(state > 0), float(action > 0)]] * 3
    assert (np.abs(batch.state[:, m:]).max((1, 2)) > 0).all(), "the judged frames are a robot's"
    shift = 1.0 if kind == "human" else 0.0
    assert batch.marker[:, :m, :, 0].mean() - batch.marker[:, m:, :, 0].mean() == pytest.approx(
        shift, abs=0.3
    )


def test_the_shares_are_odds():
    assert shares(1.0)["human"] == 1.0
    assert sum(shares(0.3).values()) == pytest.approx(1.0)


def test_every_frame_brings_the_legs_of_its_demonstration(robots):
    batch = drawn(None, robots, "robot")
    whole = np.abs(legs(robots.state, robots.action, robots.before, robots.keypose))
    # Mirrored or not: a state is known by its size.
    for now, given in zip(
        np.abs(batch.state).reshape(-1, 4), np.abs(batch.legs).reshape(-1, LEGS, LEG), strict=True
    ):
        if not now.any():
            continue  # a picture alone shows the task
        task, demo, _ = np.argwhere(np.isclose(np.abs(robots.state), now, atol=1e-6).all(-1))[0]
        assert np.allclose(whole[task, demo], given, atol=1e-6)


def test_a_mirror_turns_everything_that_has_a_side(films, robots):
    batch = drawn(films, robots, "robot", tasks=16)
    turned = mirror(batch, np.random.default_rng(3))
    m = batch.support
    for part in (slice(0, m), slice(m, None)):
        flipped = (turned.rgb[:, part] != batch.rgb[:, part]).any((1, 2, 3, 4))
        assert 0 < flipped.sum() < 16
        for name in ("state", "action"):
            y = getattr(turned, name)[:, part, 1]
            assert np.allclose(
                y, np.where(flipped[:, None], -1, 1) * getattr(batch, name)[:, part, 1]
            )
        for name in ("key", "marker", "legs"):
            y, was = (getattr(b, name)[:, part, :, 1] for b in (turned, batch))
            assert np.allclose(y, np.where(flipped[:, None, None], -1, 1) * was)
    assert (turned.rgb[0, 0] == batch.rgb[0, 0]).all() or (
        turned.rgb[0, 0] == batch.rgb[0, 0, :, ::-1]
    ).all()


def test_the_same_draws_give_the_same_batch(films, robots):
    one, two = drawn(films, robots, "human", 7), drawn(films, robots, "human", 7)
    other = drawn(films, robots, "human", 8)
    assert np.array_equal(one.rgb, two.rgb)
    assert not np.array_equal(one.rgb, other.rgb)
    again = augment(one, np.random.default_rng(0))
    assert np.array_equal(again.rgb, augment(one, np.random.default_rng(0)).rgb)
