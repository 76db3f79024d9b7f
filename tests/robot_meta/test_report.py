from pathlib import Path

import pytest

from robot_meta import report
from robot_meta.errors import CheckpointError
from robot_meta.versions import Versions
from tests import linear


def test_what_was_given_is_chosen_before_what_is_shipped():
    given = Path("mine.safetensors")
    assert report.chosen(given, "mil", "place") == given
    assert report.chosen(None, "mil", "place") == report.shipped("mil", "place")


def test_of_a_folder_of_versions_the_one_in_use_is_chosen(tmp_path):
    linear.register()
    learner = linear.LinearLearner()
    thetas = Versions(tmp_path)
    with pytest.raises(CheckpointError, match="no version is in use"):
        report.chosen(tmp_path, "linear", "place")
    for seed in (0, 1):
        thetas.add(learner.init(seed), learner.config, learner.name)
    thetas.use(1)
    assert report.chosen(tmp_path, "linear", "place") == thetas.path(1)
