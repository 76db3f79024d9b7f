import dataclasses
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from rosbags.highlevel import AnyReader

from robot_meta.errors import DemoFormatError, EpisodeError
from ros_nodes.bag import Bag, read_demo, read_messages, recover
from ros_nodes.bag_writer import Writer
from ros_nodes.contract import Contract, Qos
from ros_nodes.sampler import Sampler
from ros_nodes.schemas import Definition, definition
from tests.ros_nodes.recordings import (
    CONTRACT,
    IMAGE_STEP,
    START_NS,
    STORE,
    image,
    info,
    joint_state,
    picture,
    stream,
    write_episode,
)


@pytest.fixture
def episode(tmp_path):
    return write_episode(tmp_path / "episode", stream(5))


def installed_hash(name):
    package, _, base = name.partition("/msg/")
    file = Path(sys.prefix) / "share" / package / "msg" / f"{base}.json"
    return next(
        entry["hash_string"]
        for entry in json.loads(file.read_text())["type_hashes"]
        if entry["type_name"] == name
    )


@pytest.mark.parametrize("name", sorted({t.type for t in CONTRACT.topics}))
def test_type_hashes_are_those_of_the_installed_types(name):
    package = name.partition("/")[0]
    if not (Path(sys.prefix) / "share" / package / "msg").is_dir():
        pytest.skip(f"{package} is not installed")
    assert definition(name).hash == installed_hash(name)


def test_unknown_types_are_named():
    with pytest.raises(EpisodeError, match=r"no Thing.msg is installed; install the ROS package"):
        definition("strange_msgs/msg/Thing")


def test_files_of_an_episode(episode):
    assert sorted(p.name for p in episode.iterdir()) == [
        "episode.json",
        "episode.mcap",
        "metadata.yaml",
    ]
    facts = json.loads((episode / "episode.json").read_text())
    digest = hashlib.sha256((episode / "episode.mcap").read_bytes()).hexdigest()
    assert facts["sha256"] == digest
    assert facts["messages"] == len(stream(5))
    assert facts["outcome"] == "succeeded"
    assert facts["contract_hash"] == CONTRACT.hash
    assert facts["duration_s"] == pytest.approx(0.49)


def test_metadata_has_the_keys_of_rosbag2(episode):
    table = yaml.safe_load((episode / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
    assert set(table) == {
        "version",
        "storage_identifier",
        "duration",
        "starting_time",
        "message_count",
        "topics_with_message_count",
        "compression_format",
        "compression_mode",
        "relative_file_paths",
        "files",
        "custom_data",
        "ros_distro",
    }
    assert table["version"] == 9
    assert table["starting_time"]["nanoseconds_since_epoch"] == START_NS
    assert table["relative_file_paths"] == ["episode.mcap"]
    topic = table["topics_with_message_count"][0]
    assert set(topic["topic_metadata"]) == {
        "name",
        "type",
        "serialization_format",
        "offered_qos_profiles",
        "type_description_hash",
    }
    assert sum(t["message_count"] for t in table["topics_with_message_count"]) == len(stream(5))


def test_opens_with_the_official_reader(episode):
    with (episode / "episode.mcap").open("rb") as file:
        reader = make_reader(file)
        summary = reader.get_summary()
        assert reader.get_header().profile == "ros2"
        assert summary.statistics.message_count == len(stream(5))
        assert {s.encoding for s in summary.schemas.values()} == {"ros2msg"}
        assert {c.message_encoding for c in summary.channels.values()} == {"cdr"}
        assert all("topic_type_hash" in c.metadata for c in summary.channels.values())
        stamps = [m.log_time for _, _, m in reader.iter_messages(topics=["/front/image_raw"])]
    assert stamps == [START_NS + i * IMAGE_STEP for i in range(5)]


def test_opens_with_rosbags(episode):
    with AnyReader([episode]) as reader:
        assert reader.message_count == len(stream(5))
        connections = [c for c in reader.connections if c.topic == "/front/image_raw"]
        for connection, stamp, raw in reader.messages(connections):
            msg = reader.deserialize(raw, connection.msgtype)
            np.testing.assert_array_equal(msg.data.reshape(240, 320, 3), picture(stamp))


def test_opens_with_ros2_support(episode):
    with (episode / "episode.mcap").open("rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        _, _, _, msg = next(reader.iter_decoded_messages(topics=["/command_gate/applied"]))
        assert msg.source == "teleop"


def test_qos_is_written_as_rosbag2_does(tmp_path):
    writer = Writer(tmp_path / "e", info(), CONTRACT)
    writer.add_topic("/estop", "std_msgs/msg/Bool", [Qos("reliable", "transient_local", 1)])
    writer.write("/estop", b"\0\1\0\0\1", 5, 5)
    writer.close("succeeded")
    with AnyReader([tmp_path / "e"]) as reader:
        (qos,) = reader.connections[0].ext.offered_qos_profiles
    assert (qos.depth, qos.reliability.name, qos.durability.name) == (
        1,
        "RELIABLE",
        "TRANSIENT_LOCAL",
    )


def test_messages_come_back_as_they_were(episode):
    came = [(m.topic, m.log_ns, m.data) for m in read_messages(episode, ["/joint_states"])]
    sent = [
        (t, ns, bytes(STORE.serialize_cdr(m, m.__msgtype__)))
        for t, ns, m in stream(5)
        if t == "/joint_states"
    ]
    assert came == sent


def test_demo_is_what_the_sampler_makes_of_the_messages(episode):
    sampler, expected = Sampler(CONTRACT), []
    for topic, _, msg in stream(5):
        sampler.feed(topic.removeprefix("/"), msg)
        expected += sampler.ready()
    demo = read_demo(episode, CONTRACT)
    assert all(a.same_as(b) for a, b in zip(demo.frames, expected, strict=True))
    assert (demo.kind, demo.task) == ("robot", "place/test/0")
    np.testing.assert_allclose(demo.actions[:, 0], 0.01 * np.arange(5), rtol=1e-6)
    np.testing.assert_allclose(demo.actions[:, 3], 0.08)


def test_demo_under_a_namespace(tmp_path):
    moved = [(f"/left{topic}", ns, msg) for topic, ns, msg in stream(3)]
    write_episode(tmp_path / "e", moved, namespace="/left")
    assert len(read_demo(tmp_path / "e", CONTRACT)) == 3
    (tmp_path / "e" / "episode.json").unlink()
    assert len(read_demo(tmp_path / "e", CONTRACT)) == 3


def test_human_demos_have_no_actions(tmp_path):
    images = [m for m in stream(3) if m[0] == "/front/image_raw"]
    demo = read_demo(write_episode(tmp_path / "e", images, kind="human"), CONTRACT)
    assert demo.kind == "human"
    assert demo.actions is None
    assert np.isnan(demo.q_rad).all()


def test_nothing_is_overwritten(episode):
    with pytest.raises(EpisodeError, match="exists; nothing recorded is overwritten"):
        Writer(episode, info(), CONTRACT)


# --- bad input ------------------------------------------------------------------------------------


def test_missing_bags_are_named(tmp_path):
    with pytest.raises(DemoFormatError, match=r"gone: no such episode; `robot-meta demos ls`"):
        read_demo(tmp_path / "gone", CONTRACT)
    with pytest.raises(DemoFormatError, match=r"0 .mcap files, need one"):
        read_demo(tmp_path, CONTRACT)


def test_cut_bags_say_how_to_recover(tmp_path):
    write_episode(tmp_path / "e", finish=False)
    with pytest.raises(DemoFormatError, match=r"was cut off.*run `robot-meta demos recover"):
        read_demo(tmp_path / "e", CONTRACT)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
def test_truncated_files_are_refused(episode, share):
    file = episode / "episode.mcap"
    os.truncate(file, int(share * file.stat().st_size))
    with pytest.raises(DemoFormatError, match=r"damaged or no MCAP file.*demos recover"):
        read_demo(episode, CONTRACT)


def test_flipped_bits_are_found(episode):
    file = episode / "episode.mcap"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)
    with pytest.raises(DemoFormatError, match="damaged or no MCAP file"):
        read_demo(episode, CONTRACT)


def test_noise_never_raises_anything_else(tmp_path):
    write_episode(tmp_path / "e", stream(1))
    file = tmp_path / "e" / "episode.mcap"
    whole = file.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(150):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), rng.integers(1, 30)):
            data[place] = rng.integers(256)
        file.write_bytes(data[: rng.integers(len(data) // 2, len(data) + 1)])
        try:
            read_demo(tmp_path / "e", CONTRACT)
        except DemoFormatError:
            continue


def test_foreign_files_are_refused(tmp_path):
    (tmp_path / "episode.mcap").write_bytes(b"SQLite format 3\0" * 100)
    with pytest.raises(DemoFormatError, match="damaged or no MCAP file"):
        read_demo(tmp_path, CONTRACT)


def test_foreign_bags_say_what_they_hold(tmp_path):
    scan = [("/scan", ns, msg) for topic, ns, msg in stream(1) if topic == "/joint_states"]
    write_episode(tmp_path / "e", scan)
    with pytest.raises(DemoFormatError, match=r"no messages on '/front/image_raw'.*holds /scan"):
        read_demo(tmp_path / "e", CONTRACT)


def test_missing_commands_are_named(tmp_path):
    without = [m for m in stream(2) if m[0] != "/command_gate/applied"]
    write_episode(tmp_path / "e", without)
    with pytest.raises(DemoFormatError, match="no messages on '/command_gate/applied', which a r"):
        read_demo(tmp_path / "e", CONTRACT)


def test_wrong_types_are_named(tmp_path):
    swapped = [("/front/image_raw", ns, m) for t, ns, m in stream(1) if t == "/joint_states"]
    write_episode(tmp_path / "e", swapped)
    with pytest.raises(DemoFormatError, match="is sensor_msgs/msg/JointState, need sensor_msgs/"):
        read_demo(tmp_path / "e", CONTRACT)


def test_demos_of_another_robot_are_refused(tmp_path):
    write_episode(tmp_path / "e", robot="baxter")
    with pytest.raises(DemoFormatError, match="recorded on robot 'baxter', this is 'sawyer'"):
        read_demo(tmp_path / "e", CONTRACT)


def test_demos_of_another_camera_are_refused(tmp_path):
    def larger(topic, ns, msg):
        return image(ns, picture(ns, 480, 640)) if topic == "/front/image_raw" else msg

    write_episode(tmp_path / "e", change=larger)
    with pytest.raises(DemoFormatError, match=r"image \(480, 640, 3\) uint8, but robot sawyer has"):
        read_demo(tmp_path / "e", CONTRACT)


def test_nan_images_are_refused(tmp_path):
    def floats(topic, ns, msg):
        if topic != "/front/image_raw":
            return msg
        data = np.full((240, 320, 3), np.nan, np.float32).view(np.uint8).reshape(-1)
        return image(ns, encoding="32FC3", step=3840, data=data)

    write_episode(tmp_path / "e", change=floats)
    with pytest.raises(DemoFormatError, match=r"at 5.000 s: front/image_raw: .*'32FC3' is not"):
        read_demo(tmp_path / "e", CONTRACT)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([*CONTRACT.arm.joints[:6], "l_finger_joint", "r_finger_joint"], r"\['right_j6'\] are mi"),
        ([f"panda_joint{i}" for i in range(1, 8)], "got .*panda_joint1.*need .*right_j0"),
    ],
)
def test_joints_of_another_robot_are_refused(tmp_path, names, message):
    def other(topic, ns, msg):
        return joint_state(ns, names, np.zeros(len(names))) if topic == "/joint_states" else msg

    write_episode(tmp_path / "e", change=other)
    with pytest.raises(DemoFormatError, match=message):
        read_demo(tmp_path / "e", CONTRACT)


def test_reordered_and_extra_joints_change_nothing(episode, tmp_path):
    def reorder(topic, ns, msg):
        if topic != "/joint_states":
            return msg
        names, values = [*msg.name[::-1], "head_pan"], [*msg.position[::-1], 1.0]
        return joint_state(ns, names, values)

    other = read_demo(write_episode(tmp_path / "e", change=reorder), CONTRACT)
    for a, b in zip(other.frames, read_demo(episode, CONTRACT).frames, strict=True):
        assert a.same_as(b)


def test_contract_of_another_camera_refuses_our_demos(episode):
    table = CONTRACT.to_dict()
    table["camera"].update(width=640, height=480)
    with pytest.raises(DemoFormatError, match=r"image \(240, 320, 3\).*has \(480, 640, 3\)"):
        read_demo(episode, Contract.from_dict(table))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "episode.json: not JSON"),
        ("[]", "need a mapping, got list"),
        ('{"format": 1}', "missing; is this an episode"),
        ('{"format": 9, "robot": "sawyer", "kind": "robot"}', "format 9, this version reads 1"),
        ('{"format": 1, "robot": "sawyer", "kind": "dog"}', "kind 'dog', need one of"),
    ],
)
def test_bad_episode_json_is_named(episode, text, message):
    (episode / "episode.json").write_text(text)
    with pytest.raises(DemoFormatError, match=message):
        read_demo(episode, CONTRACT)


@pytest.mark.parametrize(
    "text",
    [
        'int32 a\nstring X="""\n{code}\n"""',
        "string X=a\\' + str({code}) + \\'",
        "string X=x'; {code}; y='",
        "string X=x\r{code}",
        'string a "x" + str({code})',
        "int32 a\n{separator}\nMSG: a/msg/B({code})\nint32 a",
        "int32 a({code})",
        "int32[1+len(str({code}))] a",
        "sensor_msgs/Image again",
        "uint8[4000000000] data",
        "int32 height",
        "",
    ],
)
def test_hostile_definitions_are_refused_and_never_run(tmp_path, text):
    file = tmp_path / "pwned"
    text = text.replace("{code}", f"open('{file}', 'w')").replace("{separator}", "=" * 80)
    writer = Writer(tmp_path / "e", info(), CONTRACT)
    for topic, ns, msg in stream(2):
        name = msg.__msgtype__
        fake = Definition(text, "RIHS01_0") if name == "sensor_msgs/msg/Image" else None
        writer.add_topic(topic, name, [], fake)
        writer.write(topic, bytes(STORE.serialize_cdr(msg, name)), ns, ns)
    writer.close("succeeded")
    with pytest.raises(DemoFormatError, match=r"no definition|is no sensor_msgs|is not ours"):
        read_demo(tmp_path / "e", CONTRACT)
    assert not file.exists()


# --- recovery -------------------------------------------------------------------------------------

KILLED = """
import sys, time
from tests.ros_nodes.recordings import CONTRACT, STORE, info, stream
from ros_nodes.bag_writer import Writer
writer = Writer(sys.argv[1], info(), CONTRACT)
for number, (topic, ns, msg) in enumerate(stream(8)):
    writer.add_topic(topic, msg.__msgtype__, [])
    writer.write(topic, bytes(STORE.serialize_cdr(msg, msg.__msgtype__)), ns, ns)
    if ns < int(sys.argv[2]):
        writer.flush()
print("written", flush=True)
time.sleep(60)
"""


def killed_recording(folder, flushed_ns):
    """A writer in its own process that flushes up to a stamp, goes on, and is killed."""
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder), str(flushed_ns)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout.readline() == "written\n"
    with pytest.raises(EpisodeError, match="still being recorded"):
        recover(folder)
    child.kill()
    child.wait()
    child.stdout.close()
    return folder


def test_killed_recordings_keep_what_was_flushed(tmp_path):
    edge = START_NS + 5 * IMAGE_STEP
    folder = killed_recording(tmp_path / "e", edge)
    assert json.loads((folder / "episode.json").read_text())["outcome"] == "recording"
    assert (folder / "metadata.yaml").is_file()
    facts = recover(folder)
    whole = [(t, ns) for t, ns, _ in stream(8)]
    came = [(m.topic, m.log_ns) for m in read_messages(folder)]
    assert sorted(came) == sorted(whole[: len(came)])
    assert max(ns for _, ns in came) >= edge - 10_000_000
    assert facts == dataclasses.replace(facts, outcome="recovered", messages=len(came))
    assert facts.sha256 == hashlib.sha256((folder / "episode.mcap").read_bytes()).hexdigest()
    assert (folder / "episode.mcap.cut").is_file()
    assert len(read_demo(folder, CONTRACT)) >= 5
    with AnyReader([folder]) as reader:
        assert reader.message_count == len(came)


def test_cut_files_by_name_are_recovered(tmp_path):
    episode = write_episode(tmp_path / "e", stream(15))
    file = episode / "episode.mcap"
    os.truncate(file, int(0.7 * file.stat().st_size))
    facts = recover(file)
    assert 0 < facts.messages < len(stream(15))
    assert Bag.open(episode).counts["/front/image_raw"] > 0


def test_recovery_says_when_there_is_nothing_to_do(episode, tmp_path):
    with pytest.raises(EpisodeError, match="was finished, nothing to recover"):
        recover(episode)
    with pytest.raises(EpisodeError, match="not an episode"):
        recover(tmp_path)
    Writer(tmp_path / "empty", info(), CONTRACT).abort()
    with pytest.raises(EpisodeError, match="not one whole message"):
        recover(tmp_path / "empty")
    assert (tmp_path / "empty" / "episode.mcap.part").is_file()
