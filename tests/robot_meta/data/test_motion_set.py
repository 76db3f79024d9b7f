import numpy as np
import pytest
import torch

from robot_meta.data.motion_set import MotionSet
from robot_meta.errors import DataError
from robot_meta.nets.dynamics import Normal


def made(episodes=4, steps=20):
    """Episode e at step t is in the state (100 e + t, ...), so that a window tells where it is."""
    clock = 100.0 * np.arange(episodes)[:, None] + np.arange(steps + 1)
    states = np.stack([clock, -clock], -1).astype(np.float32)
    return MotionSet(states, clock[:, :-1, None].astype(np.float32))


def test_a_window_is_a_piece_of_one_episode_and_the_future_follows_the_past():
    chunk = made().draw(3, 4, 200, np.random.default_rng(0))
    whole = torch.cat([chunk.past.state, chunk.future.state], 1)[..., 0]
    assert (whole.diff(dim=1) == 1.0).all()
    after = torch.cat([chunk.past.after, chunk.future.after], 1)[..., 0]
    assert torch.equal(after, whole + 1.0)
    assert torch.equal(chunk.past.action[..., 0], chunk.past.state[..., 0])


def test_every_place_is_drawn():
    chunk = made(2, 6).draw(2, 2, 500, np.random.default_rng(0))
    firsts = set(chunk.past.state[:, 0, 0].tolist())
    assert firsts == {0.0, 1.0, 2.0, 100.0, 101.0, 102.0}


def test_figures_are_of_all_motion_not_of_the_newest():
    old, new = made(), made()
    new = MotionSet(new.states * 3.0, new.actions)
    both, newest = (Normal.of(*each.transitions()) for each in (old + new, new))
    before = np.concatenate([old.states[:, :-1], new.states[:, :-1]]).reshape(-1, 2)
    assert both.input_mean[:2] == pytest.approx(tuple(before.mean(0)), rel=1e-5)
    assert both.input_mean != newest.input_mean
    assert both.delta_mean[0] == pytest.approx(2.0)  # steps of 1 and of 3


def test_what_hardly_varies_is_not_blown_up():
    still = MotionSet(np.zeros((2, 5, 3), np.float32), np.zeros((2, 4, 1), np.float32))
    assert min(Normal.of(*still.transitions()).delta_std) >= 1e-3


def test_validation_episodes_are_not_trained_on():
    train, held = made(20).split(0.1)
    assert len(held.states) == 2
    a, b = (set(s.states[:, 0, 0].tolist()) for s in (train, held))
    assert not a & b
    assert len(a | b) == 20


def test_neighbours_of_many_pieces_are_on_one_side():
    pieces = made(100, 21).pieces(5)
    assert pieces.actions.shape == (400, 5, 1)
    train, held = pieces.split(0.1)
    of_train, of_held = ({int(x) // 100 for x in s.states[:, 0, 0]} for s in (train, held))
    assert not of_train & of_held  # four pieces of one episode stay together
    assert len(of_held) == 10


def test_pieces_are_motion_and_join():
    whole, pieces = made(2, 7), made(2, 7).pieces(3)
    assert np.array_equal(pieces.states[:2, :, 0], [[0, 1, 2, 3], [3, 4, 5, 6]])
    assert np.array_equal(pieces.actions[2], whole.actions[1, :3])
    with pytest.raises(DataError, match="pieces of 8"):
        whole.pieces(8)


def test_round_trip(tmp_path):
    made().save(tmp_path / "deep" / "a.npz")
    again = MotionSet.load(tmp_path / "deep" / "a.npz")
    assert np.array_equal(again.states, made().states)
    assert len(again) == 80


def test_what_is_no_motion_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"\(E, T \+ 1, S\)"):
        MotionSet(np.zeros((2, 5, 3), np.float32), np.zeros((2, 5, 1), np.float32))
    with pytest.raises(DataError, match="not finite"):
        MotionSet(np.full((1, 3, 2), np.nan, np.float32), np.zeros((1, 2, 1), np.float32))
    with pytest.raises(DataError, match="windows of 30"):
        made().draw(10, 20, 1, np.random.default_rng(0))
    (tmp_path / "bad.npz").write_bytes(b"PK")
    for name in ("bad.npz", "none.npz"):
        with pytest.raises(DataError, match=name):
            MotionSet.load(tmp_path / name)
