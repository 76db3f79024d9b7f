import pytest
import torch

from robot_meta import checkpoint
from robot_meta.errors import CheckpointError
from robot_meta.session import Session
from robot_meta.versions import CURRENT, Versions, meant
from tests import linear


@pytest.fixture
def versions(tmp_path):
    return Versions(tmp_path / "thetas")


def add(versions, seed, **more):
    linear.register()
    learner = linear.LinearLearner()
    return versions.add(learner.init(seed), learner.config, learner.name, **more)


def test_a_new_version_is_beside_the_old_one_and_not_in_use(versions):
    assert [add(versions, 0), add(versions, 1)] == [1, 2]
    assert versions.numbers == [1, 2]
    with pytest.raises(CheckpointError, match="no version is in use"):
        versions.path()
    versions.use(1)
    assert versions.path().name == "theta-0001.safetensors"


def test_roll_back_goes_to_what_was_in_use_before_and_keeps_every_file(versions):
    for seed in range(3):
        add(versions, seed)
    versions.use(1)
    versions.use(3)  # 2 was no better, and never in use
    assert versions.roll_back() == 1
    assert versions.numbers == [1, 2, 3]
    assert add(versions, 3) == 4  # numbers are not given twice
    with pytest.raises(CheckpointError, match="nothing before it"):
        versions.roll_back()
    assert versions.in_use == [1]


def test_the_folder_is_a_policy(versions):
    add(versions, 0)
    add(versions, 1, parent="0" * 64)
    versions.use(1)
    versions.use(2)
    wanted = checkpoint.load(versions.path(2))
    assert wanted.parents == ("0" * 64,)
    assert torch.equal(Session.load(versions.folder).theta["weight"], wanted.params["weight"])
    assert meant(versions.path(1)) == versions.path(1)


def test_an_unknown_version_and_a_damaged_pointer_are_told(versions):
    add(versions, 0)
    with pytest.raises(CheckpointError, match=r"no version 7; there are \[1\]"):
        versions.use(7)
    for text in ("{", '{"in_use": []}', '{"in_use": ["a"]}', "[]"):
        (versions.folder / CURRENT).write_text(text)
        with pytest.raises(CheckpointError, match=CURRENT):
            versions.path()
