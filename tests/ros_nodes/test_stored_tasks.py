from ros_nodes.store import Store
from ros_nodes.stored_tasks import read_tasks
from ros_nodes.task_log import note
from tests.ros_nodes.recordings import CONTRACT, stream, write_episode


def test_episodes_with_one_label_are_one_task_oldest_first(tmp_path):
    for number, task in enumerate(["cup", "bowl", "cup"]):
        write_episode(tmp_path / f"2026010{number}-x", stream(5 + number), task=task)
    found = read_tasks(Store(tmp_path), CONTRACT)
    assert {label: [len(d) for d in demos] for label, demos in found.demos.items()} == {
        "cup": [5, 7],
        "bowl": [6],
    }
    assert found.left_out == {}


def test_an_episode_without_a_label_is_of_the_task_that_was_run_after_it_was_shown(tmp_path):
    write_episode(tmp_path / "one", task="")
    write_episode(tmp_path / "two", task="cup")
    note(tmp_path, shown=["one"])
    note(tmp_path, ran="cup")
    found = read_tasks(Store(tmp_path), CONTRACT)
    assert {label: len(demos) for label, demos in found.demos.items()} == {"cup": 2}


def test_what_is_left_out_is_told(tmp_path):
    write_episode(tmp_path / "cut", finish=False)
    write_episode(tmp_path / "person", kind="human")
    write_episode(tmp_path / "unnamed", task="")
    write_episode(
        tmp_path / "blind", change=lambda topic, ns, msg: None if "image" in topic else msg
    )
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "metadata.yaml").write_text("")
    found = read_tasks(Store(tmp_path), CONTRACT)
    assert found.demos == {}
    for name, why in {
        "cut": "recover",
        "person": "human",
        "unnamed": "no task label",
        "blind": "no messages",
        "foreign": "foreign bag",
    }.items():
        assert why in found.left_out[name]
