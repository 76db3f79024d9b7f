from functools import partial

import pytest

from robot_meta import cactus_store_experiment
from robot_meta.cactus_store_experiment import Size
from robot_meta.errors import ConfigError, DataError
from robot_meta.options import ExperimentOptions
from robot_meta.results import read_result
from ros_nodes.commands.experiment import experiment
from tests.ros_nodes.recordings import image, picture, write_episode


def another_picture(number, topic, ns, msg):
    return image(ns, picture(ns + number)) if "image" in topic else msg


def test_cactus_learns_from_the_frames_of_a_store(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cactus_store_experiment, "QUICK", Size(2, 2, 10, 1, (4, 4)))
    store, out = tmp_path / "episodes", tmp_path / "out.json"
    for number, kind in enumerate(["robot", "human", "robot", "human"]):
        other = partial(another_picture, number)
        write_episode(store / f"{number}", kind=kind, task="", change=other)
    write_episode(store / "cut", finish=False)
    assert experiment("cactus", ExperimentOptions(quick=True, json=out), from_store=store) == 0
    assert "left out cut" in capsys.readouterr().out
    assert read_result(out)["metrics"]["frames"]["value"] == 48


def test_bad_requests_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="--from-store is for cactus"):
        experiment("sinusoid", from_store=tmp_path)
    with pytest.raises(DataError, match="0 episodes"):
        experiment("cactus", from_store=tmp_path)
    with pytest.raises(ConfigError, match="nothing"):
        experiment("nothing")
