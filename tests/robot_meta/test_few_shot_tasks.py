"""Task distributions by name: warps bend what is trained on, and nothing that is judged."""

import numpy as np
import pytest

from robot_meta import few_shot_commands, few_shot_tasks
from robot_meta.data.classes import ClassSet, Splits
from robot_meta.data.warps import WarpConfig
from robot_meta.errors import ConfigError
from robot_meta.options import TrainOptions


def dots(name):
    images = np.zeros((6 * 20, 12, 12), np.uint8)
    images[:, 3:8, 4:7] = 200
    images[:, 0, 0] = np.arange(len(images))
    return ClassSet(images, np.repeat(np.arange(6), 20), tuple(f"{name}{i}" for i in range(6)))


def test_warps_bend_the_training_tasks_alone():
    splits = Splits(train=dots("a"), val=dots("b"), test=dots("c"))
    told = {"way": 5, "shot": 1, "query": 2}
    plain = few_shot_tasks.pictures("dots", splits, **told)
    bent = few_shot_tasks.pictures("dots", splits, **told, warps=WarpConfig())
    for split in few_shot_tasks.SPLITS:
        one, other = (
            tasks.draws[split](np.random.default_rng(0), 1).support.x for tasks in (plain, bent)
        )
        assert (one == other).all() == (split != "train")


def test_warps_are_refused_where_classes_are_warps_themselves():
    options = TrainOptions(tasks_from="augmented", warp=0.4)
    with pytest.raises(ConfigError, match="with --tasks-from augmented a class is"):
        few_shot_commands.train("maml", "omniglot", options)


def test_rendered_objects_are_tasks_for_who_has_no_omniglot(tmp_path, monkeypatch):
    monkeypatch.setattr(few_shot_tasks, "OBJECTS", {"train": 4, "val": 3, "test": 3})
    monkeypatch.setattr(few_shot_tasks, "OBJECT_PICTURES", 17)
    tasks = few_shot_tasks.make("objects", way=3, shot=1, query=2, data=tmp_path)
    assert tasks.settings["encoder"]["inputs"] == [3, 32, 32]
    support, query = tasks.draws["test"](np.random.default_rng(0), 2)
    assert support.x.shape == (2, 3, 3, 32, 32)
    assert query.x.shape == (2, 3 * few_shot_tasks.TEST_QUERIES, 3, 32, 32)
    splits = few_shot_tasks._splits("objects", tmp_path)
    assert not set(splits.train.names) & set(splits.test.names)


def test_what_has_no_pictures_is_not_warped():
    with pytest.raises(ConfigError, match=r"no pictures that warp=0.5 could bend"):
        few_shot_tasks.make("sinusoid", way=1, shot=5, warp=0.5)
