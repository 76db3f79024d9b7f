from dataclasses import replace

import numpy as np
import pytest

from robot_meta import place_sequence_experiment as experiment
from robot_meta import report
from robot_meta.errors import ConfigError
from robot_meta.online_learning.protocol import Outcome
from robot_meta.place_sequence_experiment import QUICK, Settings, coming, metrics, picture
from robot_meta.results import read_result

SETTINGS = Settings(begun=2, tasks=10, last=4)


def rows(rises):
    """Tasks differ in how hard they are; FTML's success also rises with the index."""
    hard = dict(enumerate(np.random.default_rng(0).uniform(0, 0.5, 12)))
    ftml, frozen = [], []
    for order in SETTINGS.orders:
        for index, task in enumerate(coming(SETTINGS, order)):
            easy = float(hard[task])
            ftml.append(Outcome("ftml", index, str(task), (), easy + rises * index))
            frozen.append(Outcome("frozen", index, str(task), (), easy))
    return {"ftml": ftml, "frozen": frozen}


def test_every_task_comes_once_in_an_order_and_at_other_places_in_others():
    orders = [coming(SETTINGS, order) for order in SETTINGS.orders]
    assert all(sorted(order) == list(range(2, 12)) for order in orders)
    for task in range(2, 12):
        places = sorted(order.index(task) for order in orders)
        assert np.diff(places).tolist() == [2, 2, 2, 2]


def test_a_slope_is_found_under_what_tasks_differ_by_and_not_where_there_is_none():
    found = metrics(rows(0.04), SETTINGS)
    assert found["slope_ftml_minus_frozen"].value == pytest.approx(0.04)
    assert found["slope_ftml"].ci95[0] > 0
    assert found["success_last_ftml_minus_frozen"].value == pytest.approx(0.04 * 7.5)
    low, high = metrics(rows(0.0), SETTINGS)["slope_ftml"].ci95
    assert low <= 0 <= high


def test_there_is_a_picture(tmp_path):
    picture(rows(0.02), tmp_path / "sequence.png")
    assert (tmp_path / "sequence.png").stat().st_size > 1000


@pytest.mark.parametrize("wrong", [{"begun": 0}, {"tasks": 1}, {"orders": ()}, {"last": 0}])
def test_bad_settings_are_refused(wrong):
    with pytest.raises(ConfigError, match="place-sequence"):
        Settings(**wrong)


@pytest.mark.slow
def test_the_whole_of_it_on_two_tasks(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    net = {"channels": [4, 4], "kernels": [3, 3], "strides": [2, 2], "groups": 2}
    small = replace(QUICK, begun=1, tasks=2, mil={"steps": 1, "net": {**net, "hidden": 8}})
    found = experiment.run(quick=True, settings=small)
    assert found["success_ftml"].n == found["success_frozen"].n == 2
    assert read_result(tmp_path / "place-sequence-quick.json")["name"] == "place-sequence"
    assert (tmp_path / "place-sequence-quick.png").exists()
