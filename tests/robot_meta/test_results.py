import copy
import json
import subprocess

import pytest

from robot_meta import results
from robot_meta.errors import DataError
from robot_meta.results import Metric, Published
from robot_meta.statistics import bootstrap_ci

PROTOCOL = "Test split, seeds 0 to 4, success as in evaluation, 300 trials; labels hidden."


def write(path):
    interval = bootstrap_ci([1, 1, 0, 1], list("abcd"))
    return results.write_result(
        path,
        "mil-place",
        PROTOCOL,
        {"success": Metric.rate(interval, [0]), "act": Metric(value=1.5, unit="ms", n=40)},
        published={"success": Published(value=0.9, source="a paper", differs="a real robot")},
        config={"steps": 1, "sizes": (3, 4)},
        wall_s=12.0,
    )


def test_a_written_result_has_the_schema_and_is_read_back(tmp_path):
    path = tmp_path / "mil-place.json"
    written = write(path)
    read = results.read_result(path)
    assert read == json.loads(json.dumps(written))
    assert set(read) >= {
        *("name", "protocol", "metrics", "published", "config"),
        *("versions", "machine", "wall_s", "git", "created"),
    }
    assert set(read["metrics"]["success"]) == {"value", "unit", "n", "ci95", "seeds"}
    assert read["metrics"]["success"]["value"] == 0.75
    assert read["metrics"]["act"]["ci95"] is None
    assert set(read["machine"]) == {"cpu", "cores", "gpu"}
    assert {"python", "torch", "numpy"} <= set(read["versions"])
    assert read["config"] == {"steps": 1, "sizes": [3, 4]}
    assert read["core_hours"] > 0


BREAKS = [
    (lambda r: r.pop("protocol"), "protocol is missing"),
    (lambda r: r.update(protocol="short"), "protocol is 'short'"),
    (lambda r: r.update(name="Has Spaces"), "lower-case name"),
    (lambda r: r.update(metrics={}), "at least one metric"),
    (lambda r: r["metrics"]["act"].update(value=float("nan")), r"metrics.act.value is 'nan'"),
    (lambda r: r["metrics"]["act"].update(value=True), r"metrics.act.value"),
    (lambda r: r["metrics"]["act"].update(n=0), r"metrics.act.n is '0'"),
    (lambda r: r["metrics"]["act"].update(ci95=[2, 1]), r"metrics.act.ci95"),
    (lambda r: r["metrics"]["act"].update(seeds=["x"]), r"metrics.act.seeds"),
    (lambda r: r["metrics"]["act"].pop("unit"), r"metrics.act.unit is missing"),
    (lambda r: r["published"]["success"].pop("differs"), r"published.success.differs is missing"),
    (lambda r: r["machine"].pop("gpu"), r"machine.gpu is missing"),
    (lambda r: r.update(wall_s=-1), "wall_s is '-1'"),
    (lambda r: r.update(created="yesterday"), "ISO 8601"),
    (lambda r: r.update(git=7), "git is '7'"),
]


@pytest.mark.parametrize(("spoil", "words"), BREAKS)
def test_each_breach_of_the_schema_is_named(tmp_path, spoil, words):
    content = copy.deepcopy(json.loads(json.dumps(write(tmp_path / "x.json"))))
    spoil(content)
    with pytest.raises(DataError, match=words):
        results.validate(content)


def test_a_bad_result_is_not_written(tmp_path):
    with pytest.raises(DataError, match="expected a count"):
        results.write_result(
            tmp_path / "x.json", "x", PROTOCOL, {"a": Metric(value=1, unit="m", n=0)}, wall_s=1
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_a_foreign_file_is_refused_by_name(tmp_path, text):
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"other\.json"):
        results.read_result(path)
    with pytest.raises(DataError, match="nowhere"):
        results.read_result(tmp_path / "nowhere.json")


def test_the_test_log_only_grows(tmp_path):
    for seed in (0, 1):
        results.append_test_log(tmp_path, "eval mil place", "ab" * 32, {"seed": seed})
    lines = (tmp_path / results.TEST_LOG).read_text().splitlines()
    assert [json.loads(line)["seed"] for line in lines] == [0, 1]
    assert json.loads(lines[0])["checkpoint"] == "ab" * 32


def test_the_revision_says_whether_files_were_changed(tmp_path):
    assert results.git_revision(tmp_path) is None
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")

    def git(*words):
        subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-q")
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "-qm", "one")
    clean = results.git_revision(tmp_path)
    assert clean is not None
    assert len(clean) == 12
    (tmp_path / "file").write_text("two")
    assert results.git_revision(tmp_path) == clean + "+changes"
