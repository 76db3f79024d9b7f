"""Demonstrations as arrays: saved whole, read back equal, and the evidence that a demo gives."""

from dataclasses import fields, replace

import numpy as np
import pytest

from robot_meta.data.demo_set import (
    MOVING_Z_M,
    DemoSet,
    evidence,
    keyposes,
    spread,
    touch_down,
)
from robot_meta.data.shards import FORMAT
from robot_meta.errors import DataError, DemoFormatError
from robot_meta.types import Demo
from tests import linear


def drawn(rng, tasks=3, demos=2, frames=4, size=6):
    n = (tasks, demos, frames)
    return DemoSet(
        rgb=rng.integers(0, 256, (*n, size, size, 3), np.uint8),
        state=rng.normal(size=(*n, 4)).astype(np.float32),
        action=rng.normal(size=(*n, 4)).astype(np.float32),
        before=rng.random(n) < 0.5,
        keypose=rng.normal(size=(tasks, demos, 2, 3)).astype(np.float32),
        marker=rng.normal(size=(*n, 2, 2)).astype(np.float32),
    )


def equal(a, b):
    return all(np.array_equal(getattr(a, f.name), getattr(b, f.name)) for f in fields(DemoSet))


# --- files ------------------------------------------------------------------------------------


def test_what_is_saved_comes_back_in_the_order_of_the_shards(rng, tmp_path):
    parts = [drawn(rng, tasks=n) for n in (2, 3)]
    for start, part in zip((50, 0), reversed(parts), strict=True):
        part.save(tmp_path / f"shard-{start:06d}.npz")
    whole = DemoSet.load(tmp_path)
    assert len(whole) == 5
    assert np.array_equal(whole.rgb, np.concatenate([parts[0].rgb, parts[1].rgb]))
    for f in fields(DemoSet):
        assert getattr(whole, f.name).dtype == getattr(parts[0], f.name).dtype


def test_a_limit_takes_the_first_tasks(rng, tmp_path):
    for start in (0, 50):
        drawn(rng, tasks=3).save(tmp_path / f"shard-{start:06d}.npz")
    whole = DemoSet.load(tmp_path)
    for limit in (2, 3, 4):
        some = DemoSet.load(tmp_path, limit)
        assert len(some) == limit
        assert np.array_equal(some.state, whole.state[:limit])


def test_a_shard_is_written_whole_or_not_at_all(rng, tmp_path):
    data = drawn(rng)
    data.save(tmp_path / "shard-000000.npz")
    assert [p.name for p in tmp_path.iterdir()] == ["shard-000000.npz"]
    (tmp_path / "shard-000050.part.npz").write_bytes(b"cut")
    (tmp_path / "shard-000050.part.npz").rename(tmp_path / "other.part.npz")
    assert equal(DemoSet.load(tmp_path), data)


def test_a_folder_without_demonstrations_says_how_to_make_them(tmp_path):
    with pytest.raises(DataError, match="no demonstrations; make them with `robot-meta collect`"):
        DemoSet.load(tmp_path)


def test_another_format_is_refused(rng, tmp_path):
    path = tmp_path / "shard-000000.npz"
    drawn(rng).save(path)
    with np.load(path) as arrays:
        changed = {**arrays, "format": FORMAT + 1}
    np.savez(path, **changed)
    with pytest.raises(DataError, match=f"format {FORMAT + 1}, this version reads {FORMAT}"):
        DemoSet.load(tmp_path)


# --- evidence ---------------------------------------------------------------------------------


def descending(length, down, low=0.03, high=0.2):
    """A demo whose tip comes down at frame `down`, stays a while, and rises."""
    demo = linear.demo(length=length)
    z = np.full(length, high)
    z[down:] = np.linspace(low, low + 0.1, length - down)
    frames = tuple(
        replace(frame, ee_pos_m=np.array([0.01 * i, 0.02, z[i]]))
        for i, frame in enumerate(demo.frames)
    )
    return replace(demo, frames=frames)


@pytest.mark.parametrize("down", [0, 1, 7, 11])
def test_touch_down_is_the_first_low_frame(down):
    tip = descending(12, down).ee_pos_m
    assert touch_down(tip) == down
    assert keyposes(tip) == pytest.approx(np.stack([tip[down], tip[-1]]))


def test_a_slow_descent_has_come_down_near_its_lowest_point():
    z = np.array([0.2, 0.1, 0.03 + MOVING_Z_M, 0.03, 0.031, 0.2])
    assert touch_down(np.c_[np.zeros((6, 2)), z]) == 2


def test_spread_keeps_both_ends():
    assert spread(10, 4).tolist() == [0, 3, 6, 9]
    assert spread(1, 3).tolist() == [0, 0, 0]
    assert spread(2, 5)[[0, -1]].tolist() == [0, 1]


def test_evidence_is_frames_of_the_demo():
    demo = descending(20, 12)
    seen = evidence([demo], (5, 3))
    assert seen.rgb.shape == (1, 8, 8, 8, 3)
    assert seen.before.tolist() == [[True] * 5 + [False] * 3]
    frames = [0, 3, 6, 9, 12, 13, 16, 19]
    assert np.array_equal(seen.rgb[0], demo.rgb[frames])
    assert seen.state[0, :, :3] == pytest.approx(demo.ee_pos_m[frames])
    assert seen.state[0, :, 3] == pytest.approx(demo.gripper_m[frames])
    assert np.array_equal(seen.action[0], demo.actions[frames])
    assert seen.keypose[0] == pytest.approx(demo.ee_pos_m[[12, 19]])


@pytest.mark.parametrize(("length", "down"), [(1, 0), (2, 0), (2, 1), (5, 4)])
def test_the_shortest_demos_are_evidence_too(length, down):
    seen = evidence([descending(length, down)], (4, 2))
    assert seen.rgb.shape[:2] == (1, 6)
    assert seen.before[0, :4].all()
    assert seen.state.dtype == np.float32


def test_several_demos_stack_in_order():
    demos = [descending(9, 4), descending(15, 10)]
    both = evidence(demos, (3, 2))
    for i, demo in enumerate(demos):
        alone = evidence([demo], (3, 2))
        assert np.array_equal(both.rgb[i], alone.rgb[0])
        assert np.array_equal(both.keypose[i], alone.keypose[0])


def test_without_recorded_actions_there_are_none():
    video = Demo(frames=descending(9, 4).frames, actions=None, kind="human")
    assert evidence([video], (3, 2)).action is None
    assert evidence([video, descending(9, 4)], (3, 2)).action is None
    assert np.array_equal(evidence([video], (3, 2)).rgb, evidence([descending(9, 4)], (3, 2)).rgb)


def test_a_video_without_tip_positions_is_refused():
    unknown = [replace(f, ee_pos_m=np.full(3, np.nan)) for f in descending(9, 4).frames]
    video = Demo(frames=tuple(unknown), actions=None, kind="human", task="filmed")
    with pytest.raises(DemoFormatError, match="'filmed' of kind human has pictures but no tip"):
        evidence([video], (3, 2))


def test_the_label_is_not_evidence():
    demo = descending(9, 4)
    renamed = replace(demo, task="something else")
    for name, value in evidence([demo], (3, 2)).__dict__.items():
        assert np.array_equal(getattr(evidence([renamed], (3, 2)), name), value)
