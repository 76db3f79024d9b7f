import pytest

from robot_meta.errors import ConfigError
from robot_meta.results import read_result
from ros_nodes.commands.bench_meta_step import meta_step


@pytest.mark.slow
def test_the_bench_writes_every_figure(tmp_path):
    path = tmp_path / "bench.json"
    assert meta_step(rounds=4, nets=("sinusoid",), json=path) == 0
    metrics = read_result(path)["metrics"]
    for key in ("ours_steps_per_s", "loop_steps_per_s", "anil_steps_per_s", "peak_mb"):
        assert metrics[f"sinusoid_{key}"]["value"] > 0
    assert metrics["sinusoid_max_grad_diff"]["value"] < 1e-10


@pytest.mark.parametrize("wrong", [{"rounds": 3}, {"nets": ("cifar",)}])
def test_too_little_to_measure_is_refused(wrong):
    with pytest.raises(ConfigError, match="need at least 4"):
        meta_step(**wrong)
