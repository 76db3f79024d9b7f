"""The node graph as data: what is started for what a user typed."""

from __future__ import annotations

import pytest
import yaml

from robot_meta.errors import ConfigError
from ros_nodes.graph import CAMERA, DEPLOY, GRAPHS, RECORD, SIM, resolve


def parameters(process) -> dict[str, object]:
    """The ROS parameters of a process, read as ROS reads them: as YAML."""
    words = process.ros_args
    pairs = [words[i + 1].split(":=", 1) for i, w in enumerate(words) if w == "-p"]
    return {name: yaml.safe_load(text) for name, text in pairs}


def executables(graph, **given: str) -> list[str]:
    return [process.executable for process in resolve(graph, given)]


def test_each_graph_has_its_nodes():
    assert executables(SIM) == ["sim", "command_gate"]
    assert executables(SIM, teleop="keyboard") == ["sim", "command_gate", "teleop"]
    assert executables(RECORD) == ["sim", "command_gate", "teleop", "recorder"]
    assert executables(DEPLOY) == ["sim", "command_gate", "recorder", "policy"]
    assert executables(CAMERA) == ["camera", "recorder"]


def test_a_real_robot_has_no_simulator_and_no_simulated_time():
    processes = resolve(RECORD, {"real": "true"})
    assert [p.executable for p in processes] == ["command_gate", "teleop", "recorder"]
    assert parameters(processes[0])["real"] is True
    assert not any(parameters(p)["use_sim_time"] for p in processes)


@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
def test_every_node_uses_the_simulators_time_if_there_is_one_and_starts_by_itself(graph):
    processes = resolve(graph, {})
    simulated = any(process.executable == "sim" for process in processes)
    for process in processes:
        assert parameters(process)["use_sim_time"] is simulated
        assert parameters(process)["autostart"] is True


@pytest.mark.parametrize("graph", [SIM, RECORD, DEPLOY], ids=lambda graph: graph.name)
def test_the_gates_end_is_the_end_of_all(graph):
    assert [p.required for p in resolve(graph, {}) if p.executable == "command_gate"] == [True]


def test_a_real_robot_may_have_a_camera_of_ours():
    given = {"real": "true", "camera": "/dev/video2", "calibration": "c.yaml"}
    for graph in (RECORD, DEPLOY):
        (camera,) = [p for p in resolve(graph, given) if p.executable == "camera"]
        assert parameters(camera)["source"] == "/dev/video2"
        assert parameters(camera)["calibration"] == "c.yaml"
        with pytest.raises(ConfigError, match="camera:=/dev/video2 needs real:=true"):
            resolve(graph, {**given, "real": "false"})


def test_a_device_number_stays_text():
    assert parameters(resolve(CAMERA, {"source": "1"})[0])["source"] == "1"


def test_arguments_reach_parameters_with_their_types():
    sim, gate = resolve(SIM, {"seed": "7", "task": "push", "lockstep": "true", "rate": "0"})
    assert parameters(sim) == {
        "autostart": True,
        "task": "push",
        "split": "test",
        "index": 0,
        "seed": 7,
        "lockstep": True,
        "rate": 0.0,
        "use_sim_time": True,
    }
    assert "rate:=0.0" in sim.ros_args, "a double must not look like an integer to ROS"
    assert parameters(gate)["lockstep"] is True


def test_text_stays_text():
    policy = resolve(DEPLOY, {"checkpoint": "2024"})[-1]
    assert parameters(policy)["checkpoint"] == "2024"


def test_a_namespace_has_its_own_clock_and_frames():
    for process in resolve(SIM, {"namespace": "/left/"}):
        assert process.namespace == "left"
        assert "__ns:=/left" in process.arguments
        assert {"/clock:=clock", "/tf:=tf", "/tf_static:=tf_static"} <= set(process.arguments)
    assert not any("clock" in word for p in resolve(SIM, {}) for word in p.arguments)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"sed": "3"}, ["sed:=3", "did you mean seed?", "namespace", "log_level"]),
        ({"checkpoint": "a"}, ["checkpoint:=a", "sim takes"]),
        ({"seed": "three"}, ["seed:=three", "whole number"]),
        ({"lockstep": "yes"}, ["lockstep:=yes", "true or false"]),
        ({"rate": "fast"}, ["rate:=fast", "a number"]),
        ({"task": "dance"}, ["task:=dance", "reach, push, place, pick_place"]),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(given, words):
    with pytest.raises(ConfigError) as error:
        resolve(SIM, given)
    for word in words:
        assert word in str(error.value)
