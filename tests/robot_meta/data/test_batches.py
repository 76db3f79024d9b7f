"""What a meta-step is drawn from: evidence has what its kind has, and nothing else."""

import numpy as np
import pytest

from robot_meta.data.batches import AHEAD, EVIDENCE, augment, mirror, sample_shown, shares
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


def test_waypoints_are_the_frames_that_follow(robots):
    batch = drawn(None, robots, "robot")
    # Mirrored or not: a state is known by its size.
    paths = np.abs(robots.state).reshape(-1, *robots.state.shape[2:])
    wishes = robots.action[..., 3].reshape(len(paths), -1)
    judged = slice(batch.support, None)
    states, ahead = batch.state[:, judged].reshape(-1, 4), batch.ahead[:, judged]
    for now, later in zip(np.abs(states), np.abs(ahead).reshape(-1, AHEAD, 4), strict=True):
        found = [
            np.c_[
                path[np.minimum(t + 1 + np.arange(AHEAD), len(path) - 1), :3],
                np.abs(wish[np.minimum(t + np.arange(AHEAD), len(path) - 1)]),
            ]
            for path, wish in zip(paths, wishes, strict=True)
            for t in range(len(path))
            if np.allclose(path[t], now, atol=1e-6)
        ]
        assert any(np.allclose(one, later, atol=1e-6) for one in found)


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
        for name in ("key", "marker", "ahead"):
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
