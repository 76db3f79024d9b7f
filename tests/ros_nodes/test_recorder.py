"""The recorder without ROS: its queue, its ends, its ring buffer."""

import json
import os
import resource

import pytest

from robot_meta.errors import EpisodeError
from ros_nodes.bag import Bag, read_demo, read_messages
from ros_nodes.bag_writer import Writer
from ros_nodes.contract import Qos
from ros_nodes.intake import asked_qos
from ros_nodes.recorder import Recorder, Settings
from ros_nodes.recording import Arrival, Recording
from ros_nodes.store import Store
from tests.ros_nodes.recordings import CONTRACT, MS, START_NS, STORE, info, stream

VOLATILE = (Qos("reliable", "volatile", 10),)
LATCHED = (Qos("reliable", "transient_local", 1),)


def arrivals(images=3):
    return [
        Arrival(
            t, m.__msgtype__, VOLATILE, bytes(STORE.serialize_cdr(m, m.__msgtype__)), ns, ns + 1
        )
        for t, ns, m in stream(images)
    ]


def estop(ns, value=False):
    data = b"\0\1\0\0" + bytes([value])
    return Arrival("/estop", "std_msgs/msg/Bool", LATCHED, data, ns, ns)


def absolute(name):
    return name if name.startswith("/") else f"/{name}"


@pytest.fixture
def recorder(tmp_path):
    settings = Settings(sim_time=True, ring_s=1.0)
    return Recorder(CONTRACT, Store(tmp_path / "store"), settings, resolve=absolute)


def finished(recorder):
    recording = recorder.recording
    recording.ended.wait(10.0)
    return recorder.closed().wait()


def test_an_episode_from_begin_to_finish(recorder):
    recorder.begin("robot", "place/test/0", 60.0, START_NS)
    recorder.set_world(3, "{}")
    for arrival in arrivals():
        recorder.take(arrival)
    assert recorder.tick(START_NS + 200 * MS) == pytest.approx(0.2)
    recorder.finish("succeeded", "stop requested")
    facts = finished(recorder)
    assert (facts.outcome, facts.seed, facts.clock) == ("succeeded", 3, "sim")
    assert facts.messages == len(arrivals())
    assert "/policy/twist" in facts.silent_topics
    assert recorder.recording is None
    assert len(read_demo(recorder.last.folder, CONTRACT)) == 3
    text, missing = recorder.summary(recorder.last)
    assert text == f"succeeded: {len(arrivals())} messages, 0.3 s"
    assert not missing


def test_required_topics_that_are_silent_are_named(recorder):
    recorder.begin("robot", "", 60.0, START_NS)
    recorder.take(estop(START_NS))
    recorder.finish("succeeded", "")
    finished(recorder)
    text, missing = recorder.summary(recorder.last)
    assert missing
    assert "nothing came on /joint_states, /front/image_raw, /command_gate/applied" in text


def test_the_time_limit_counts_from_the_first_clock(recorder):
    recorder.begin("robot", "", 1.0, 0)
    recorder.take(estop(0))
    assert recorder.tick(0) == 0.0
    assert recorder.tick(50 * START_NS) == 0.0
    assert not recorder.recording.ended.is_set()
    recorder.tick(50 * START_NS + 1000 * MS)
    assert finished(recorder).outcome == "timeout"
    assert recorder.last.messages == 0


def test_one_at_a_time(recorder):
    recorder.begin("robot", "first", 60.0, START_NS)
    with pytest.raises(EpisodeError, match="first is being recorded; stop it first"):
        recorder.begin("robot", "second", 60.0, START_NS)
    recorder.finish("succeeded", "")
    recorder.finish("timeout", "the first reason counts")
    assert finished(recorder).outcome == "succeeded"


def test_latched_messages_open_every_episode(recorder):
    recorder.take(estop(START_NS, value=True))
    for number in (1, 2):
        now = START_NS + number * 1000 * MS
        recorder.begin("robot", "", 60.0, now)
        recorder.finish("succeeded", "")
        finished(recorder)
        (message,) = read_messages(recorder.last.folder)
        assert (message.topic, message.log_ns, message.publish_ns) == ("/estop", now, START_NS)
        assert message.data[-1] == 1


def test_the_last_seconds_are_saved(recorder):
    with pytest.raises(EpisodeError, match="nothing to save"):
        recorder.save_last("robot", "")
    recorder.take(estop(START_NS - 1))
    for arrival in arrivals(20):
        recorder.take(arrival)
    recording = recorder.save_last("robot", "")
    facts = recording.wait(10.0)
    assert facts.duration_s == pytest.approx(1.0, abs=0.02)
    assert Bag.open(recording.folder).counts["/estop"] == 1
    assert len(read_demo(recording.folder, CONTRACT)) == 10


def test_a_clock_that_runs_back_empties_the_ring(recorder):
    for arrival in arrivals(5):
        recorder.take(arrival)
    recorder.take(estop(1))
    assert [a.topic for a in recorder.intake.last()] == ["/estop"]


def test_discarding(recorder):
    with pytest.raises(EpisodeError, match="nothing was recorded"):
        recorder.discard_last()
    recorder.begin("robot", "", 60.0, START_NS)
    recorder.finish("cancelled", "discarded")
    finished(recorder)
    folder = recorder.last.folder
    assert (recorder.discard_last() / "episode.mcap").is_file()
    assert not folder.exists()


def test_remapped_topics_are_found_again(tmp_path):
    def resolve(name):
        return "/camera/color" if name == "front/image_raw" else absolute(name)

    recorder = Recorder(CONTRACT, Store(tmp_path), Settings(), resolve=resolve)
    recorder.begin("robot", "", 60.0, START_NS)
    for arrival in arrivals():
        recorder.take(arrival._replace(topic=resolve(arrival.topic[1:])))
    recorder.finish("succeeded", "")
    assert finished(recorder).remapped == {"front/image_raw": "/camera/color"}
    assert len(read_demo(recorder.last.folder, CONTRACT)) == 3


# --- the writing thread ---------------------------------------------------------------------------


def test_a_full_queue_drops_and_counts(tmp_path):
    recording = Recording(Writer(tmp_path / "e", info(), CONTRACT), max_queued_bytes=100)
    taken = [recording.put(estop(START_NS)._replace(data=bytes(101))) for _ in range(3)]
    assert taken == [False] * 3
    recording.finish("succeeded")
    assert recording.wait(10.0).dropped == 3
    assert not recording.put(estop(START_NS))


def test_a_type_without_definition_fails_and_says_so(tmp_path):
    recording = Recording(Writer(tmp_path / "e", info(), CONTRACT))
    recording.put(estop(START_NS))
    recording.put(Arrival("/x", "strange_msgs/msg/Thing", VOLATILE, b"", START_NS, 0))
    with pytest.raises(EpisodeError, match=r"recording failed: type strange_msgs/msg/Thing"):
        recording.wait(10.0)
    assert (tmp_path / "e" / "episode.mcap.part").is_file()


def test_a_nearly_full_disk_ends_the_episode_in_time(tmp_path):
    recording = Recording(Writer(tmp_path / "e", info(), CONTRACT), min_free_bytes=1 << 62)
    recording.put(estop(START_NS))
    with pytest.raises(EpisodeError, match=r"MB left on the disk.*make room"):
        recording.wait(10.0)


def test_a_write_that_fails_keeps_what_was_written(tmp_path):
    recording = Recording(Writer(tmp_path / "e", info(), CONTRACT, compression="none"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, hard))  # a full disk, for this process
    try:
        for arrival in arrivals(20):
            recording.put(arrival)
        recording.finish("succeeded")
        with pytest.raises(EpisodeError, match=r"recording failed: .*File too large.*recovered"):
            recording.wait(10.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert json.loads((tmp_path / "e" / "episode.json").read_text())["outcome"] == "recording"
    store = Store(tmp_path)
    ((episode, text),) = store.recover()
    assert text.startswith("recovered: ")
    assert Bag.open(episode.path).counts["/front/image_raw"] >= 3


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(EpisodeError, match="cannot be made"):
        Writer(tmp_path / "e", info(), CONTRACT)


def test_asked_qos_is_what_every_publisher_offers():
    joints = CONTRACT.topic("joint_states")
    weak = Qos("best_effort", "volatile", 5)
    assert asked_qos(joints, VOLATILE) == Qos("reliable", "volatile", 500)
    assert asked_qos(joints, (*VOLATILE, weak)) == Qos("best_effort", "volatile", 500)
    assert asked_qos(CONTRACT.topic("estop"), LATCHED) == Qos("reliable", "transient_local", 10)
    assert asked_qos(CONTRACT.topic("estop"), (*LATCHED, weak)).durability == "volatile"
