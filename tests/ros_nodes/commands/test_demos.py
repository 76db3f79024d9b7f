"""`robot-meta demos`, as a person types it, without ROS."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin
from rosbags.rosbag2 import Writer as ForeignWriter

from ros_nodes.bag import read_demo
from ros_nodes.cli import main
from ros_nodes.store import Store
from tests.ros_nodes.recordings import CONTRACT, STORE, stream, write_episode


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "episodes")


@pytest.fixture
def demos(store, capsys):
    def call(*words):
        code = main(["demos", *map(str, words), "--directory", str(store.root)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def record(store, label="place/test/0", **changes):
    return write_episode(store.new_folder(label), stream(3), **changes)


def foreign_bag(folder, storage, messages, topics=None):
    """What another recorder writes: no episode.json, other names."""
    topics = topics or {}
    with ForeignWriter(folder, version=9, storage_plugin=storage) as writer:
        connections = {}
        for topic, ns, msg in messages:
            name = topics.get(topic, topic)
            if name not in connections:
                connections[name] = writer.add_connection(name, msg.__msgtype__, typestore=STORE)
            writer.write(connections[name], ns, STORE.serialize_cdr(msg, msg.__msgtype__))
    return folder


def test_ls_of_nothing(demos):
    code, out, _ = demos("ls")
    assert code == 0
    assert "no episodes in" in out


def test_ls_lists_and_names_the_cut(demos, store, tmp_path):
    record(store)
    record(store, "cut", finish=False)
    code, out, _ = demos("ls", "--json", tmp_path / "ls.json")
    assert code == 0
    assert "place_test_0" in out
    assert "1 cut off: `robot-meta demos recover`" in out
    listed = json.loads((tmp_path / "ls.json").read_text())
    assert sorted(entry["cut"] for entry in listed) == [False, True]


def test_show_tells_what_is_in_it(demos, store, tmp_path):
    record(store)
    code, out, _ = demos("show", "--json", tmp_path / "show.json")
    assert code == 0
    assert "/front/image_raw" in out
    assert "usable as a demo of sawyer" in out
    facts = json.loads((tmp_path / "show.json").read_text())
    assert facts["topics"]["/joint_states"] == {
        "type": "sensor_msgs/msg/JointState",
        "messages": 30,
    }
    assert facts["usable"]


def test_show_tells_why_it_is_no_demo(demos, store):
    write_episode(store.new_folder("x"), stream(1)[:1])
    _, out, _ = demos("show")
    assert "not usable as a demo of sawyer" in out
    assert "no messages on '/joint_states'" in out


def test_recover_finishes_what_was_cut(demos, store):
    folder = record(store, "cut", finish=False)
    code, out, _ = demos("recover")
    assert code == 0
    assert "recovered: 48 messages" in out
    assert len(read_demo(folder, CONTRACT)) == 3
    assert demos("recover")[1].startswith("nothing was cut off")


def test_recover_one_by_path(demos, store):
    folder = record(store, "cut", finish=False)
    assert demos("recover", folder)[0] == 0
    code, _, err = demos("recover", folder)
    assert code == 1
    assert "was finished, nothing to recover" in err


def test_lint_names_the_bad_and_fails(demos, store, tmp_path):
    record(store)
    assert demos("lint")[0] == 0
    bad = record(store, "bad")
    (bad / "episode.mcap").write_bytes(b"\x89MCAP")
    code, out, _ = demos("lint", "--json", tmp_path / "lint.json")
    assert code == 1
    assert "damaged or no MCAP file" in out
    assert len(json.loads((tmp_path / "lint.json").read_text())[str(bad)]) == 1


def test_import_copies_an_episode(demos, store, tmp_path):
    source = write_episode(tmp_path / "usb" / "mine", stream(3))
    before = (source / "episode.mcap").read_bytes()
    for name in ("mine", "mine-2"):
        code, out, _ = demos("import", source)
        assert code == 0
        assert out.strip() == str(store.root / name)
        assert (store.root / name / "episode.mcap").read_bytes() == before


@pytest.mark.parametrize("storage", list(StoragePlugin))
def test_import_writes_foreign_bags_anew(demos, store, tmp_path, storage):
    source = foreign_bag(
        tmp_path / "bag", storage, stream(3), {"/front/image_raw": "/camera/color/image"}
    )
    renamed = "/camera/color/image:=/front/image_raw"
    code, out, err = demos(
        "import", source, "--kind", "robot", "--task", "mine", "--remap", renamed
    )
    assert code == 0, err
    demo = read_demo(out.strip(), CONTRACT)
    expected = read_demo(write_episode(tmp_path / "e", stream(3)), CONTRACT)
    assert all(a.same_as(b) for a, b in zip(demo.frames, expected.frames, strict=True))
    np.testing.assert_array_equal(demo.actions, expected.actions)
    assert demo.task == "mine"


def test_import_of_an_mcap_file(demos, tmp_path):
    source = write_episode(tmp_path / "e", stream(2)) / "episode.mcap"
    code, out, err = demos("import", source, "--kind", "human")
    assert code == 0, err
    assert read_demo(out.strip(), CONTRACT).kind == "human"


def test_import_warns_of_what_is_no_demo(demos, tmp_path):
    source = foreign_bag(tmp_path / "bag", StoragePlugin.MCAP, stream(1)[:1])
    code, _, err = demos("import", source, "--kind", "robot")
    assert code == 0
    assert "not usable as a demo of sawyer: " in err


@pytest.mark.parametrize(
    ("make", "words", "message"),
    [
        (lambda p: p / "gone", [], "gone: no such file or folder"),
        (lambda p: p, [], "no episode.json; a foreign bag needs --kind"),
        (lambda p: p, ["--kind", "robot"], "cannot be read as a ROS 2 bag"),
        (lambda p: p, ["--task", "x"], "say what it is by --kind"),
        (lambda p: p, ["--kind", "robot", "--remap", "/a=/b"], "write /old:=/new"),
        (
            lambda p: foreign_bag(p / "b", StoragePlugin.MCAP, stream(1)),
            ["--kind", "robot", "--remap", "/camera:=/front/image_raw"],
            "no topic ['/camera']; there are /command_gate/applied, /front/image_raw",
        ),
        (
            lambda p: foreign_bag(p / "b", StoragePlugin.MCAP, []),
            ["--kind", "robot"],
            "no messages in it",
        ),
        (
            lambda p: write_episode(p / "e", stream(1), finish=False),
            [],
            "was not finished; run `robot-meta demos recover",
        ),
    ],
)
def test_import_refuses_and_leaves_nothing(demos, store, tmp_path, make, words, message):
    (tmp_path / "source").mkdir()
    code, _, err = demos("import", make(tmp_path / "source"), *words)
    assert code == 1
    assert message in err
    assert store.episodes() == []
    assert not store.root.exists() or not list(store.root.iterdir())


def test_import_refuses_a_changed_copy(demos, tmp_path):
    source = write_episode(tmp_path / "e", stream(3))
    other = write_episode(tmp_path / "other", stream(2))
    (source / "episode.mcap").write_bytes((other / "episode.mcap").read_bytes())
    code, _, err = demos("import", source)
    assert code == 1
    assert "SHA-256 differs" in err


def test_works_without_ros_and_torch():
    script = (
        "import sys, ros_nodes.commands.demos;"
        "print([m for m in ('rclpy', 'torch', 'mujoco') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
