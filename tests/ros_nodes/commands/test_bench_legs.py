import json

import pytest

from ros_nodes.commands import bench_legs
from ros_nodes.commands.bench_sim import sim_bench


@pytest.mark.filterwarnings("ignore")
def test_measures_every_variant_that_is_there(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench_legs, "STEPS", 3)
    assert sim_bench("half_cheetah", 1, count=4, threads=1, json=tmp_path / "a.json") == 0
    metrics = json.loads((tmp_path / "a.json").read_text())["metrics"]
    for key in ("rollout", "bare_mj_step", "gymnasium"):
        name = f"{key}_per_s" if key == "bare_mj_step" else f"{key}_steps_per_s"
        assert metrics[name]["value"] > 0
    ratio = metrics["rollout_steps_per_s"]["value"] / metrics["gymnasium_steps_per_s"]["value"]
    assert metrics["rollout_over_gymnasium_ratio"]["value"] == pytest.approx(ratio)
    assert "half_cheetah" not in capsys.readouterr().err
