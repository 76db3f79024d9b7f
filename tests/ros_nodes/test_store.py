import datetime
import json
import os

import pytest

from robot_meta.errors import EpisodeError
from ros_nodes.bag import read_demo
from ros_nodes.store import Store, lint
from tests.ros_nodes.recordings import CONTRACT, stream, write_episode

WHEN = datetime.datetime(2026, 11, 23, 17, 45, 3)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def record(store, label="place/test/0", when=WHEN, images=2, **changes):
    return write_episode(store.new_folder(label, when), stream(images), **changes)


def test_an_empty_store_is_no_error(store):
    assert store.episodes() == []
    assert store.recover() == []
    with pytest.raises(EpisodeError, match="no episodes; record one first"):
        store.find("last")


def test_names_are_new_and_plain(store):
    first = record(store)
    second = record(store)
    assert first.name == "20261123-174503-place_test_0"
    assert second.name == "20261123-174503-place_test_0-2"
    assert store.new_folder("../../etc/passwd", WHEN).parent == store.root
    assert store.new_folder("../../etc/passwd", WHEN).name == "20261123-174503-etc_passwd"
    assert len(store.new_folder("x" * 500, WHEN).name) < 80


def test_episodes_are_listed_oldest_first(store):
    later = record(store, when=WHEN + datetime.timedelta(seconds=5))
    earlier = record(store)
    (store.root / "notes").mkdir()
    assert [e.path for e in store.episodes()] == [earlier, later]
    assert store.find("last") == later
    assert store.episodes()[0].info.task == "place/test/0"


def test_episodes_are_found_by_name(store):
    first, second = record(store), record(store, "push/test/1")
    assert store.find(second.name) == second
    assert store.find("20261123-174503-pu") == second
    assert store.find(str(first)) == first
    with pytest.raises(EpisodeError, match=r"2 episodes begin with '2026'; there are .*push_test"):
        store.find("2026")
    with pytest.raises(EpisodeError, match="no episode 'x'; there are"):
        store.find("x")


def test_paths_from_messages_stay_inside(store, tmp_path):
    episode = record(store)
    assert store.inside(f"file://{episode}") == episode
    assert store.inside(episode.name) == episode
    outside = write_episode(tmp_path / "outside", stream(1))
    (store.root / "link").symlink_to(outside)
    for uri in (str(outside), "../outside", f"{episode}/../../outside", "link", "/etc", ""):
        with pytest.raises(EpisodeError, match=r"not inside the store|no such episode"):
            store.inside(uri)


def test_discarding_moves_and_never_overwrites(store):
    for _ in range(2):
        episode = record(store)
        moved = store.discard(episode)
        assert not episode.exists()
        assert len(read_demo(moved, CONTRACT)) == 2
        episode.mkdir()  # the same name once more
        (episode / "metadata.yaml").write_text("")
        again = store.discard(episode)
        assert again != moved
    assert len(list((store.root / "trash").iterdir())) == 4
    assert store.episodes() == []
    with pytest.raises(EpisodeError, match="not an episode of"):
        store.discard(store.root.parent)


def test_cut_episodes_are_recovered_and_the_rest_left_alone(store):
    whole = record(store)
    cut = record(store, "cut", finish=False)
    (store.root / "empty").mkdir()
    (store.root / "empty" / "episode.mcap.part").write_bytes(b"")
    before = (whole / "episode.mcap").stat().st_mtime_ns
    assert {e.name for e in store.episodes() if e.cut} == {cut.name, "empty"}
    results = {e.name: text for e, text in store.recover()}
    assert results[cut.name].startswith("recovered: ")
    assert "not one whole message" in results["empty"]
    assert len(read_demo(cut, CONTRACT)) == 2
    assert (whole / "episode.mcap").stat().st_mtime_ns == before


def test_lint_finds_nothing_in_a_good_episode(store):
    assert list(lint(record(store))) == []


def edit(folder, **changes):
    path = folder / "episode.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda e: os.truncate(e / "episode.mcap", 1000), "damaged or no MCAP file"),
        (lambda e: (e / "metadata.yaml").unlink(), "metadata.yaml is missing"),
        (lambda e: (e / "episode.json").unlink(), "no episode.json"),
        (lambda e: edit(e, messages=3), "messages, episode.json says 3"),
        (lambda e: edit(e, sha256="0" * 64), "was changed after it was recorded"),
        (lambda e: edit(e, dropped=5), "5 messages were dropped"),
        (lambda e: edit(e, silent_topics=["/estop"]), "nothing came on /estop"),
        (lambda e: edit(e, outcome="error", termination_reason="disk"), "with an error: disk"),
        (lambda e: edit(e, kind="dog"), "kind 'dog'"),
    ],
)
def test_lint_names_what_is_wrong(store, harm, message):
    episode = record(store)
    harm(episode)
    assert any(message in line for line in lint(episode))


def test_unreadable_episode_json_is_shown_not_raised(store):
    episode = record(store)
    (episode / "episode.json").write_text("{")
    (listed,) = store.episodes()
    assert listed.info is None
    assert "not JSON" in listed.problem
