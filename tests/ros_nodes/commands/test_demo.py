"""`robot-meta demo` and `eval --through-ros`, whole: every node, bags, film, results."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import av
import pytest

pytest.importorskip("rclpy")

from robot_meta.results import read_result
from ros_nodes.bag import read_demo
from tests.ros_nodes import untrained
from tests.ros_nodes.recordings import CONTRACT

pytestmark = pytest.mark.ros
LIMIT_S = 240.0


@pytest.fixture
def demo(nodes, tmp_path):
    """Starts `robot-meta demo` with an untrained policy and everything it writes in `tmp_path`."""
    theta = untrained.save(tmp_path)
    files = {"json": "demo.json", "video": "demo.mp4", "episodes": "episodes"}
    words = [w for name, file in files.items() for w in (f"--{name}", str(tmp_path / file))]

    def start(*more):
        command = ("-m", "ros_nodes.cli", "demo", "--checkpoint", str(theta), *words, *more)
        return nodes.python(*command, COLUMNS="200", TMPDIR=str(tmp_path))

    return start


def children(pid: int) -> dict[int, str]:
    """Pid -> command line of a process's children."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(child): Path(f"/proc/{child}/cmdline").read_text() for child in found}


def gone(pid: int) -> bool:
    """Whether a process has ended; nobody may have asked a killed one's child for its code."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_one_task_shown_once_and_tried_once(demo, tmp_path):
    process = demo("--tasks", "1", "--trials", "1", "--lockstep")
    assert process.wait(LIMIT_S) == 0, process.output
    last = process.output.splitlines()[-3:]
    assert last[0] in ("one-shot success: 0/1", "one-shot success: 1/1")
    assert last[1:] == [f"film: {tmp_path / 'demo.mp4'}", f"result: {tmp_path / 'demo.json'}"]
    told = read_result(tmp_path / "demo.json")
    assert told["name"] == "demo"
    assert told["metrics"]["success"]["n"] == 1
    [lesson] = told["config"]["lessons"]
    assert (tmp_path / "episodes" / lesson["episode"] / "episode.mcap").is_file()
    assert lesson["loss_after"] < lesson["loss_before"]
    with av.open(str(tmp_path / "demo.mp4")) as film:
        assert sum(1 for _ in film.decode(video=0)) >= lesson["demo_steps"]
    log = (tmp_path / "test-log.jsonl").read_text().splitlines()
    assert [json.loads(line)["command"] for line in log] == ["demo place"]


def test_ctrl_c_ends_every_process(demo, tmp_path):
    process = demo("--lockstep", "--trials", "50")
    process.wait_for("trial 1:", LIMIT_S)
    nodes = children(process.popen.pid)
    assert len(nodes) == 5
    process.send(signal.SIGINT)
    assert process.wait(LIMIT_S) == 130, process.output
    assert "stopped" in process.output
    assert all(gone(pid) for pid in nodes)
    assert not (tmp_path / "demo.mp4").exists()


def test_a_node_that_dies_is_named_with_its_last_words(demo):
    process = demo("--lockstep", "--trials", "50")
    process.wait_for("trial 1:", LIMIT_S)
    nodes = children(process.popen.pid)
    [policy] = [pid for pid, line in nodes.items() if "policy_node" in line]
    os.kill(policy, signal.SIGKILL)
    assert process.wait(LIMIT_S) == 1
    assert "node policy ended with signal SIGKILL" in process.output
    assert "[policy]: adapted in" in process.output
    assert all(gone(pid) for pid in nodes)


def test_a_wrong_option_is_refused_before_anything_starts(nodes, tmp_path):
    for words, told in [
        (("--checkpoint", str(tmp_path / "nowhere.safetensors")), "no such checkpoint"),
        (("--tasks", "0"), "need at least one task"),
    ]:
        process = nodes.python("-m", "ros_nodes.cli", "demo", *words)
        assert process.wait(60.0) == 1
        assert told in process.output


def test_evaluation_over_the_nodes_agrees_with_the_one_in_process(nodes, tmp_path):
    theta, result = untrained.save(tmp_path), tmp_path / "result.json"
    words = ("eval", "mil", "place", "--checkpoint", str(theta), "--through-ros", "--trials", "2",
             "--workers", "1", "--split", "val", "--json", str(result))  # fmt: skip
    process = nodes.python("-m", "ros_nodes.cli", *words)
    assert process.wait(LIMIT_S) == 0, process.output
    metrics = read_result(result)["metrics"]
    assert metrics["agreement"]["value"] == metrics["identical"]["value"] == 1.0
    assert metrics["demos_identical"]["value"] == 1.0
    assert metrics["success"]["n"] == metrics["agreement"]["n"] == 2


def test_a_person_on_video_shows_a_task(nodes, tmp_path):
    theta, result = untrained.save(tmp_path, "daml"), tmp_path / "result.json"
    words = ("--from", "human", "--tasks", "1", "--trials", "1", "--lockstep",
             "--checkpoint", str(theta), "--json", str(result),
             "--episodes", str(tmp_path / "episodes"))  # fmt: skip
    process = nodes.python(
        "-m", "ros_nodes.cli", "demo", *words, COLUMNS="200", TMPDIR=str(tmp_path)
    )
    assert process.wait(LIMIT_S) == 0, process.output
    told = read_result(result)
    assert told["name"] == "demo-human"
    [lesson] = told["config"]["lessons"]
    episode = tmp_path / "episodes" / lesson["episode"]
    recorded = read_demo(episode, CONTRACT)
    assert (recorded.kind, len(recorded)) == ("human", lesson["demo_steps"])
    [film] = (tmp_path / "episodes" / "films").glob("*.mp4")
    with av.open(str(film)) as container:
        assert container.streams.video[0].codec_context.name in ("h264", "mpeg4")
        assert sum(1 for _ in container.decode(video=0)) == lesson["demo_steps"]
    assert result.with_suffix(".mp4").stat().st_size > 10_000
