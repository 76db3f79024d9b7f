"""`robot-meta launch`: starting, watching and ending real node processes."""

from __future__ import annotations

import os
import signal

import pytest

from robot_meta.errors import ConfigError
from ros_nodes import launcher
from ros_nodes.graph import GRAPHS

TOYS = """
import dataclasses, sys
from ros_nodes import graph, launcher
toy = graph.Process("toy", "tests.ros_nodes.toy_node", "", (), required=False)
gate = dataclasses.replace(toy, executable="gate", ros_args=tuple(sys.argv[1:]), required=True)
sys.exit(launcher.run([toy, gate]))
"""
DEAF = """
import signal
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
print("deaf", flush=True)
signal.pause()
"""


def process_id(line: str) -> int:
    return int(line.rsplit(" ", 1)[1])


def has_ended(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize("name", GRAPHS)
def test_show_args_tells_each_argument_with_its_choices(name, capsys):
    assert launcher.main([name, "--show-args"]) == 0
    text = capsys.readouterr().out
    for argument in GRAPHS[name].arguments:
        assert f"  {argument.name}  (default: " in text
        assert argument.description in text
        if argument.choices:
            assert f"One of: {', '.join(argument.choices)}." in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sim", "sed:=3"], "unknown argument sed:=3; did you mean seed?"),
        (["sim", "seed=3"], "'seed=3' is not an argument; write name:=value"),
        (["sim", "params_file:=no.yaml"], "params_file:=no.yaml; no such file"),
        (["dance"], "unknown graph 'dance'; there are sim, record, deploy"),
    ],
)
def test_a_wrong_command_line_starts_nothing_and_says_why(words, message, capsys):
    assert launcher.main(words) == 2
    assert message in capsys.readouterr().err


def test_a_word_twice_is_refused():
    with pytest.raises(ConfigError, match="seed is given twice"):
        launcher.parse_arguments(["seed:=1", "seed:=2"])


@pytest.mark.ros
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_that_was_asked_for_ends_all_with_zero(nodes, number):
    launch = nodes.python("-c", TOYS)
    toy = process_id(launch.wait_for("[toy] started"))
    launch.wait_for("did:start")
    launch.wait_for("did:start")
    assert launch.end(number) == 0
    assert launch.lines.count("did:teardown") == 2
    assert has_ended(toy)


@pytest.mark.ros
def test_the_end_of_a_required_node_is_the_end_of_all(nodes):
    launch = nodes.python("-c", TOYS)
    toy = process_id(launch.wait_for("[toy] started"))
    gate = process_id(launch.wait_for("[gate] started"))
    launch.wait_for("did:start")
    launch.wait_for("did:start")
    os.kill(gate, signal.SIGKILL)
    assert launch.wait() == 1
    assert "[gate] ended with signal SIGKILL" in launch.output
    assert "[gate] is required: everything ends" in launch.output
    assert has_ended(toy)


@pytest.mark.ros
def test_the_end_of_another_node_is_reported_and_the_rest_goes_on(nodes):
    launch = nodes.python("-c", TOYS)
    toy = process_id(launch.wait_for("[toy] started"))
    launch.wait_for("did:start")
    launch.wait_for("did:start")
    os.kill(toy, signal.SIGKILL)
    launch.wait_for("[toy] ended with signal SIGKILL")
    assert launch.end() == 1


@pytest.mark.ros
def test_a_node_that_cannot_start_ends_the_launch_with_its_reason(nodes):
    launch = nodes.python("-c", TOYS, "-p", "mood:=sad")
    assert launch.wait() == 1
    assert "parameter mood is 'sad'" in launch.output


@pytest.mark.ros
def test_nodes_end_when_the_launcher_is_killed(nodes, ros_client):
    launch = nodes.python("-c", TOYS)
    ids = [process_id(launch.wait_for(f"[{name}] started")) for name in ("toy", "gate")]
    launch.wait_for("did:start")
    launch.wait_for("did:start")
    os.kill(launch.popen.pid, signal.SIGKILL)
    ros_client.until(lambda: all(has_ended(pid) for pid in ids), what="the nodes' end")


def test_a_node_that_does_not_listen_is_killed(nodes, monkeypatch, capfd, tmp_path):
    (tmp_path / "deaf_node.py").write_text(DEAF)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(launcher, "ESCALATION", [(n, 0.2) for n, _ in launcher.ESCALATION])
    deaf = launcher.Process("deaf", "deaf_node", "", (), required=False)
    running = launcher.start([deaf])
    while "deaf\n" not in capfd.readouterr().out:
        assert not running[0].ended
    assert launcher.end(running) == 1
    assert running[0].popen.returncode == -signal.SIGKILL
    assert "[deaf] ended with signal SIGKILL" in capfd.readouterr().err
