import dataclasses

import pytest

from robot_meta import checkpoint
from robot_meta.errors import CheckpointError, ConfigError, DataError
from robot_meta.learners import mil
from robot_meta.options import TrainOptions
from robot_meta.versions import Versions
from ros_nodes.cli import main
from ros_nodes.commands.train import train
from tests.ros_nodes.recordings import CONTRACT, stream, write_episode

NET = {
    "image": list(CONTRACT.camera.size),
    "skip_rows": 64,
    "channels": [4, 4],
    "kernels": [3, 3],
    "strides": [2, 2],
    "groups": 2,
    "embed": 8,
    "hidden": 8,
}
LEARNER = mil.make({"net": NET, "steps": 1, "query_frames": 4})


@pytest.fixture
def episodes(tmp_path):
    for number in range(6):
        task = f"task {number % 2}"
        write_episode(tmp_path / "episodes" / f"2026010{number}", stream(6), task=task)
    return tmp_path / "episodes"


@pytest.fixture
def options(tmp_path):
    start = tmp_path / "start.safetensors"
    checkpoint.save(start, LEARNER.init(0), LEARNER.config, LEARNER.name)
    return TrainOptions(start=start, out=tmp_path / "thetas", batch=2, rate=3e-3, average=0.5)


def again(options):
    return dataclasses.replace(options, start=None)


def test_theta_moves_in_versions_and_back(episodes, options, capsys):
    assert train("ftml", options=options, from_store=episodes, round_steps=8) == 0
    told = capsys.readouterr().out
    assert "task task 1: 3 demonstrations" in told
    assert "in use" in told
    versions = Versions(options.out)
    first, second = (checkpoint.load(versions.path(n)) for n in (1, 2))
    assert versions.in_use == [1, 2]
    assert second.parents == (first.sha256,)
    assert second.notes["tasks"] == {"task 0": 3, "task 1": 3}
    before, after = second.notes["held_out_loss"]
    assert after < before
    words = ["train", "ftml", "--from-store", str(episodes), "--round-steps", "2", "--batch", "2"]
    assert main([*words, "--out", str(options.out)]) == 0
    assert versions.numbers == [1, 2, 3]
    assert train("ftml", options=again(options), roll_back=True) == 0
    assert len(versions.numbers) == 3


def test_a_theta_that_is_worse_where_held_out_is_kept_but_not_used(episodes, options, capsys):
    wild = dataclasses.replace(options, rate=30.0)
    assert train("ftml", options=wild, from_store=episodes, round_steps=3) == 0
    assert "not better" in capsys.readouterr().out
    versions = Versions(options.out)
    assert (versions.numbers, versions.in_use) == ([1, 2], [1])


def test_bad_requests_are_refused(episodes, options, tmp_path):
    with pytest.raises(ConfigError, match="give --start"):
        train("ftml", options=again(options), from_store=episodes)
    with pytest.raises(ConfigError, match="give --from-store"):
        train("ftml", options=options)
    with pytest.raises(ConfigError, match="are for ftml"):
        train("mil", "place", options=options, from_store=episodes)
    with pytest.raises(ConfigError, match="on which task"):
        train("mil")
    with pytest.raises(CheckpointError, match="no version is in use"):
        train("ftml", options=options, roll_back=True)
    with pytest.raises(DataError, match="task buffer: tasks of \\[\\]"):
        train("ftml", options=options, from_store=tmp_path / "nothing")
    with pytest.raises(ConfigError, match="leave out --start"):
        train("ftml", options=options, from_store=episodes)
