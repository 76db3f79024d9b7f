import json

import pytest

from robot_meta.errors import ConfigError, SessionError
from ros_nodes.commands import demo_legs
from ros_nodes.commands.demo import demo
from tests.ros_nodes.test_leg_policy_core import saved


@pytest.mark.ros
def test_a_walk_is_told_with_adaptation_off_and_on(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(demo_legs, "BEFORE_S", 0.5)
    monkeypatch.setattr(demo_legs, "AFTER_S", 0.5)
    theta = saved(tmp_path / "theta.safetensors")
    demo(
        robot="half_cheetah",
        seeds=1,
        checkpoint=tmp_path / "theta.safetensors",
        json=tmp_path / "demo.json",
    )
    assert theta
    told = json.loads((tmp_path / "demo.json").read_text())
    assert set(told["config"]["walks"]) == {"off", "step"}
    assert told["metrics"]["distance_before_m"]["n"] == 1
    out = capsys.readouterr().out
    assert "adaptation off" in out
    assert "adaptation on" in out


def test_where_no_walk_began_it_says_how_to_see_why(tmp_path, monkeypatch):
    none = demo_legs.Walk(0.0, 0.0, "error")
    monkeypatch.setattr(demo_legs, "_walks", lambda *_: [none, none])
    theta = tmp_path / "theta.safetensors"
    theta.touch()
    with pytest.raises(SessionError, match="no walk with online=off began; `robot-meta launch"):
        demo(robot="go1", checkpoint=theta, json=tmp_path / "demo.json")
    assert not (tmp_path / "demo.json").exists()


def test_without_parameters_it_says_how_to_get_some(tmp_path):
    with pytest.raises(ConfigError, match="robot-meta train grbal ant --fault crippled_leg"):
        demo(robot="ant", checkpoint=tmp_path / "none.safetensors")
