import cv2
import numpy as np
import pytest

from robot_meta import few_shot_tasks
from robot_meta.data import class_folders
from robot_meta.errors import DataError

CLASSES = {"train": ("cup", "dog"), "val": ("fox", "hat"), "test": ("key", "owl")}


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for split, names in CLASSES.items():
        for name in names:
            (tmp_path / split / name).mkdir(parents=True)
            for i in range(17):
                picture = rng.integers(0, 255, (10, 12, 3), np.uint8)
                cv2.imwrite(str(tmp_path / split / name / f"{i:02d}.png"), picture)
    return tmp_path


def test_pictures_are_read_as_they_are_by_class(folder):
    splits = class_folders.load(folder)
    assert (splits.train.names, splits.test.names) == (CLASSES["train"], CLASSES["test"])
    first = cv2.imread(str(folder / "val" / "fox" / "03.png"))[..., ::-1]
    np.testing.assert_array_equal(splits.val.images[3], first)


def test_tasks_are_drawn_from_them(folder):
    tasks = few_shot_tasks.make("pictures", way=2, shot=1, query=3, data=folder)
    drawn = tasks.draws["test"](np.random.default_rng(0), 4)
    assert drawn.support.x.shape == (4, 2, 3, 10, 12)
    assert tasks.settings["encoder"]["inputs"] == [3, 10, 12]


def remove_split(folder):
    (folder / "val").rename(folder / "validation")
    return "'val'"


def empty_class(folder):
    (folder / "train" / "cup" / "empty").mkdir()
    (folder / "train" / "ant").mkdir()
    return "train/ant: no pictures"


def damage(folder):
    (folder / "test" / "owl" / "05.png").write_bytes(b"not a picture")
    return "owl/05.png: not a picture"


def other_size(folder):
    cv2.imwrite(str(folder / "test" / "owl" / "05.png"), np.zeros((9, 12, 3), np.uint8))
    return "owl/05.png: 12x9, 00.png 12x10"


def overlap(folder):
    (folder / "test" / "owl").rename(folder / "test" / "cup")
    return "'cup' is in both 'train' and 'test'"


@pytest.mark.parametrize("spoil", [remove_split, empty_class, damage, other_size, overlap])
def test_bad_folders_are_refused_by_name(folder, spoil):
    says = spoil(folder)
    with pytest.raises(DataError) as found:
        class_folders.load(folder)
    assert says in str(found.value).replace("\\", "/")


def test_without_a_folder_nothing_is_guessed():
    with pytest.raises(DataError, match="--data"):
        few_shot_tasks.make("pictures", way=2, shot=1)
