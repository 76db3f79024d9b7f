"""The bench of meta-training as a user runs it, briefly."""

import pytest

from robot_meta.errors import ConfigError, SessionError
from robot_meta.results import read_result
from ros_nodes.commands import bench_train


@pytest.mark.slow
def test_the_bench_writes_every_figure(tmp_path):
    path = tmp_path / "bench-train.json"
    assert bench_train.train(steps=20, rounds=1, json=path) == 0
    result = read_result(path)
    assert result["name"] == "bench-train"
    metrics = {key: metric["value"] for key, metric in result["metrics"].items()}
    assert set(metrics) == {"steps_per_s_1", "steps_per_s_2", "speedup"}
    assert min(metrics.values()) > 0
    assert metrics["speedup"] == pytest.approx(metrics["steps_per_s_2"] / metrics["steps_per_s_1"])


@pytest.mark.parametrize("wrong", [{"steps": 19}, {"rounds": 0}])
def test_too_little_to_measure_is_refused(wrong):
    with pytest.raises(ConfigError, match="need at least 20 and 1"):
        bench_train.train(**wrong)


def test_a_run_that_fails_says_why(tmp_path):
    with pytest.raises(SessionError, match=r"a run with 1 processes failed:[\s\S]*robots"):
        bench_train._rate(tmp_path, 1, 20, 8, 0)
