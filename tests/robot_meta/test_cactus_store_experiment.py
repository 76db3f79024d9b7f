import numpy as np
import pytest

from robot_meta import cactus_store_experiment as experiment
from robot_meta.cactus_store_experiment import Size, held_out
from robot_meta.data.stored_frames import stored
from robot_meta.errors import DataError
from robot_meta.results import read_result

TINY = Size(embed=4, learn=4, tasks=20, partitions=2, widths=(4, 4))


def frames(labels, each=8, side=16):
    """A disc of the label's colour, somewhere else in each episode."""
    colours = {
        label: np.random.default_rng(i).integers(0, 256, 3) for i, label in enumerate("abcd")
    }
    episodes = []
    for number, label in enumerate(labels):
        rgb = np.full((each, side, side, 3), 120, np.uint8)
        at = np.random.default_rng([9, number]).integers(0, side // 2, 2)
        rgb[:, at[0] : at[0] + 8, at[1] : at[1] + 8] = colours.get(label, 0)
        episodes.append(rgb)
    return stored(episodes, labels)


def test_labels_are_held_out_whole():
    data = frames("aabbccd")
    assert held_out(data) == {"b": [2, 3]}


def test_without_labels_there_are_clusters_and_a_picture(tmp_path):
    path = tmp_path / "out.json"
    found = experiment.run(frames([""] * 6), out=path, size=TINY)
    assert "accuracy" not in found
    assert found["neighbours_in_one_cluster"].value > found["any_two_in_one_cluster"].value
    assert "no labels" in read_result(path)["protocol"]
    assert path.with_suffix(".png").exists()


def test_with_labels_learner_and_nearest_code_are_judged(tmp_path):
    found = experiment.run(frames("aaabbbcccddd"), out=tmp_path / "out.json", size=TINY)
    assert found["chance"].value == 0.5
    assert found["accuracy"].n == found["accuracy_knn"].n == 20
    assert found["frames"].value == 48  # those of the labels b and d are held out


def test_too_few_frames_are_told(tmp_path):
    with pytest.raises(DataError, match="32 frames to learn from, need 40"):
        experiment.run(frames([""] * 4), out=tmp_path / "out.json", size=TINY)
