import numpy as np
import pytest

from robot_meta.data.stored_frames import LabelTasks, stored
from robot_meta.errors import DataError


def plain(values, size=4):
    """Frames of one grey each."""
    return np.stack([np.full((size, size, 3), value, np.uint8) for value in values])


def test_frames_are_halved_by_means_and_know_their_episode():
    frames = stored([plain([10, 20]), plain([30])], ["cup", ""])
    assert frames.images.shape == (3, 2, 2, 3)
    assert frames.episode.tolist() == [0, 0, 1]
    checker = np.indices((4, 4)).sum(0)[None, ..., None] % 2 * np.full(3, 200)
    assert (stored([checker.astype(np.uint8)], [""]).images == 100).all()
    assert frames.of([1]).images[0, 0, 0, 0] == 30


def test_labels_of_one_episode_cannot_be_judged_by():
    frames = stored([plain([i]) for i in range(5)], ["cup", "bowl", "cup", "", ""])
    assert frames.by_label() == {"cup": [0, 2]}


def test_a_query_is_of_another_episode_than_what_was_shown():
    labels = ["a", "a", "b", "b", "c", "c"]
    frames = stored([plain([10 * e, 10 * e + 1]) for e in range(6)], labels)
    tasks = LabelTasks(frames, frames.by_label(), way=2, query=3).draw(np.random.default_rng(0), 9)
    shown, asked = (part.x.mul(255).round().amax((-3, -2, -1)).int() for part in tasks)
    assert tasks.support.y.tolist() == [[0, 1]] * 9
    assert tasks.query.y.tolist() == [[0, 0, 0, 1, 1, 1]] * 9
    for one, others in zip(shown, asked, strict=True):
        assert (others.view(2, 3) // 20 == one[:, None] // 20).all()  # the same label
        assert (others.view(2, 3) // 10 != one[:, None] // 10).all()


def test_frames_of_different_sizes_are_refused():
    with pytest.raises(DataError, match="2 episodes with frames"):
        stored([plain([0]), plain([0], 6)], ["", ""])
    with pytest.raises(DataError, match="0 episodes"):
        stored([], [])
