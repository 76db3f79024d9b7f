import pytest

from robot_meta.errors import EpisodeError
from ros_nodes.task_log import FILE, note, tasks_of_episodes


def test_what_was_shown_is_of_the_task_that_was_run_next(tmp_path):
    store = tmp_path / "new"
    assert tasks_of_episodes(store) == {}
    note(store, shown=["a", "b"], version="1")
    note(store, ran="", ended="timeout")  # a run without a label tells nothing
    note(store, ran="cup", ended="completed")
    note(store, shown=["c"], version="2")
    note(store, shown=["a"], version="3")  # c was never run
    note(store, ran="bowl", ended="completed")
    assert tasks_of_episodes(store) == {"a": "cup", "b": "cup"}


@pytest.mark.parametrize("line", ["{", "[1]", '"x"'])
def test_a_damaged_line_is_told(tmp_path, line):
    note(tmp_path, shown=["a"])
    with (tmp_path / FILE).open("a") as file:
        file.write(line + "\n")
    with pytest.raises(EpisodeError, match="line 2"):
        tasks_of_episodes(tmp_path)


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EpisodeError, match="cannot be written"):
        note(tmp_path / "file", shown=[])
